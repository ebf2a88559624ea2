"""Train: what the command does, from a config to the weights of a player."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from pydantic import ConfigDict
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from accept_reject.agents.recurrent import make_network, weights_bytes
from accept_reject.envs.faults import InvalidInputError, Spec
from accept_reject.experiments.config import dump_config, folder_of, is_shipped, load_config
from accept_reject.experiments.files import make_folder, write, write_csv
from accept_reject.experiments.population import PopulationConfig
from accept_reject.experiments.style import write_figures
from accept_reject.experiments.tables import to_rich
from accept_reject.experiments.train.checkpoint import BEFORE, LAST, load_checkpoint
from accept_reject.experiments.train.figures import evaluations
from accept_reject.experiments.train.imitation import Imitation
from accept_reject.experiments.train.imitation_config import ImitationConfig
from accept_reject.experiments.train.loop import Progress, Task, TrainConfig, origin, train
from accept_reject.experiments.train.meta import MetaConfig, MetaLearning
from accept_reject.experiments.train.scalars import Scalars, to_table

CONFIG, WEIGHTS, SCALARS = "config.yaml", "weights.safetensors", "scalars.csv"


class _Kind(Spec):
    """Which config it is; the rest is checked by that one."""

    model_config = ConfigDict(extra="ignore")
    kind: Literal["meta", "imitation"]


def load_train_config(path: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read the config of a training of any kind; its paths are those that are seen from the current folder.

    Raises:
        InvalidInputError: With every fault.
    """
    config = _load(path, overrides)
    key = "population" if isinstance(config, ImitationConfig) and config.population else "data"
    config = seen_from(config, folder_of(path, key, overrides))
    if isinstance(config, ImitationConfig) and config.population:
        load_config(PopulationConfig, config.population)
    return config


def seen_from(config: TrainConfig, folder: Path) -> TrainConfig:
    """The config whose paths, seen from a folder until now, are those that are seen from the current one."""
    if not isinstance(config, ImitationConfig):
        return config
    given = {key: getattr(config, key) for key in ("population", "data")}
    seen = {key: os.path.relpath(folder / path) for key, path in given.items() if path and not is_shipped(path)}
    return config.model_copy(update=seen)


def _load(path: str, overrides: Sequence[str] = ()) -> TrainConfig:
    models: dict[str, type[TrainConfig]] = {"meta": MetaConfig, "imitation": ImitationConfig}
    return load_config(models[load_config(_Kind, path, overrides).kind], path, overrides)


def start(config: TrainConfig, parent: Path) -> Path:
    """Train from the beginning, in a folder of its own.

    Raises:
        InvalidInputError: If that folder holds a training already, or can't be written to.
    """
    folder = parent / config.folder
    there = begun(folder)
    if there:
        advice = f"go on with --resume {folder}, or remove it"
        raise InvalidInputError(
            str(folder), [f"holds a training of this config already ({', '.join(there)}): {advice}"]
        )
    task = _task(config)  # which may find faults, before there is a folder
    make_folder(folder)
    write(folder / CONFIG, dump_config(config))
    return _train(config, task, folder)


def begun(folder: Path) -> list[str]:
    """The files in a folder that tell of a training, done or under way, from which one can go on."""
    return [name for name in (LAST, BEFORE, WEIGHTS) if (folder / name).exists()]


def resume(folder: Path) -> Path:
    """Go on with a training that was interrupted at any moment; it ends with the bytes of one that was not.

    Raises:
        InvalidInputError: If the folder holds no training, or nothing sound to go on from.
    """
    if not (folder / CONFIG).is_file():
        raise InvalidInputError(str(folder), [f"holds no training: there is no {CONFIG}"])
    config = _load(str(folder / CONFIG))
    return _train(config, _task(config), folder)


def _train(config: TrainConfig, task: Task, folder: Path) -> Path:
    console = Console()
    device = _device(config.device)
    checkpoint, refused = load_checkpoint(folder, origin(config, task))
    for each in refused:
        console.print(f"{each}; the one before it is used", soft_wrap=True, highlight=False)
    torch.set_num_threads(1)  # the tensors are small; and sums in another order would give other bytes
    network = make_network(config.network, config.seed).to(device)
    scalars = Scalars(folder / "tensorboard", config)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bar(*columns, console=console) as bar:
        row = bar.add_task("", total=sum(task.phases))
        begun: list[int] = []

        def on_update(progress: Progress) -> None:
            begun.append(progress.rounds)
            seconds = bar.tasks[row].elapsed or 0.0
            speed = f"{(progress.rounds - begun[0]) / seconds:,.0f} rounds/s" if seconds else ""
            bar.update(row, completed=progress.update, description=f"{progress.told}  {speed}")
            scalars.write(progress)

        progress = train(config, task, network, folder, checkpoint, on_update)
        bar.update(row, total=progress.update)  # it may have run out of patience
    scalars.close(progress)
    write(folder / WEIGHTS, weights_bytes(network))  # before anything is said of them that could fail
    left, history = task.finish(network), to_table(progress)
    for name, table in left.tables.items():
        write_csv(folder / f"{name}.csv", table)
    write_figures({"evaluations": evaluations(history), **left.figures}, folder, task.simulated)
    write_csv(folder / SCALARS, history)  # the last of all: a run that has it has ended
    for text in left.shown:
        console.print(to_rich(text))
    console.print(f"Weights: {folder / WEIGHTS}", soft_wrap=True, highlight=False)
    console.print(f"Scalars: tensorboard --logdir {folder / 'tensorboard'}", soft_wrap=True, highlight=False)
    return folder


def _task(config: TrainConfig) -> Task:
    if isinstance(config, ImitationConfig):
        return Imitation(config)
    assert isinstance(config, MetaConfig)
    return MetaLearning(config)


def _device(name: str) -> torch.device:
    """The device that a config asks for.

    Raises:
        InvalidInputError: If it isn't there.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InvalidInputError("device", ["cuda: torch finds no GPU here; use cpu or auto"])
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
