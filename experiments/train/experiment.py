"""Training as an experiment: its answer, tables, figures and report; and starting and resuming of training runs."""

from __future__ import annotations

import shutil
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from rich.console import Console

from accept_reject import __version__
from accept_reject.agents.networks.agent import weights_bytes
from accept_reject.errors import InvalidInputError, parse
from accept_reject.experiments.analysis.intervals import Interval, mean_interval, mean_of_defined
from accept_reject.experiments.config import content_hash, dump_config, load_config, model_of_kind, read_config
from accept_reject.experiments.folders import finish_replacement
from accept_reject.experiments.manifest import TENSORBOARD, is_finished
from accept_reject.experiments.reporting.progress import OnProgress
from accept_reject.experiments.reporting.tables import cell
from accept_reject.experiments.reporting.words import counted
from accept_reject.experiments.runner import Artifacts, Experiment, run_experiment
from accept_reject.experiments.train import figures, tables
from accept_reject.experiments.train.checkpoint import BEFORE, LAST
from accept_reject.experiments.train.config import ImitationConfig, MetaConfig, TrainConfig
from accept_reject.experiments.train.frames import CEILING, CHANCE, NETWORK, history, imitation_frames
from accept_reject.experiments.train.imitation import Imitation
from accept_reject.experiments.train.loop import Task
from accept_reject.experiments.train.meta import MetaLearning
from accept_reject.experiments.train.participants import Split, split
from accept_reject.experiments.train.run import CONFIG, Results, run

WEIGHTS = "weights.safetensors"
CONFIGS = (MetaConfig, ImitationConfig)

ConfigT = TypeVar("ConfigT", bound=TrainConfig)
InputsT = TypeVar("InputsT")


class Training(Experiment[ConfigT, InputsT, Results], Generic[ConfigT, InputsT]):
    """Training of a network. An interrupted run continues from its last checkpoint."""

    template = "train"

    @abstractmethod
    def task(self) -> Task:
        """The task that the network learns."""

    @abstractmethod
    def answer(self, results: Results) -> tuple[str, ...]:
        """The performance of the network, in one to three sentences."""

    def run(self, folder: Path, on_progress: OnProgress) -> Results:
        """Train, from the last checkpoint in the folder if there is one."""
        origin = content_hash(dump_config(self.config), self.fingerprint, __version__)
        return run(self.config, self.task(), folder, origin, on_progress)

    def can_resume(self, folder: Path) -> bool:
        """Return whether a folder contains a checkpoint."""
        return any((folder / name).exists() for name in (LAST, BEFORE))

    def artifacts(self, results: Results) -> Artifacts:
        """Weights and evaluations."""
        scalars = history(results.progress)
        evaluations = tables.evaluations(tables.before_and_after(results.progress))
        return Artifacts(
            title=f"Training report: {self.config.name}",
            answer=self.answer(results),
            frames={"scalars": scalars},
            figures={"evaluations": figures.evaluations(scalars)},
            key_figure="evaluations",
            context={"evaluations": evaluations, "held_out": None, "free_running": []},
            tables=(evaluations,),
            notes=(
                *(f"{problem}; resumed from the one before it" for problem in results.invalid),
                f"TensorBoard: tensorboard --logdir {results.folder / TENSORBOARD}",
            ),
            files={WEIGHTS: weights_bytes(results.network)},
            write_more=lambda new: _copy(results.folder / TENSORBOARD, new / TENSORBOARD),
        )


def _regret(scalars: pd.DataFrame) -> tuple[str, float]:
    regret = scalars[scalars.name == "eval/regret"]
    return "regret", float(regret.value[regret.rounds == regret.rounds.max()].mean())


class MetaTraining(Training[MetaConfig, None]):
    """Meta-learning: training by playing the game."""

    kind = "meta"
    config_type = MetaConfig
    headline = ("scalars.csv", _regret)

    def task(self) -> Task:
        """Policy gradient on the game."""
        return MetaLearning(self.config)

    def answer(self, results: Results) -> tuple[str, ...]:
        """The regret and the anchored scores of greedy play, averaged over scenarios."""
        table = tables.before_and_after(results.progress)
        means = table.groupby("name")[["before", "after"]].agg(mean_of_defined)
        scenarios = list(dict.fromkeys(table.run))
        where = scenarios[0] if len(scenarios) == 1 else f"{len(scenarios)} scenarios on average"
        before, after = means.loc["eval/regret"]
        valuing, accepted = (_number(means.after[f"eval/{score}"]) for score in ("valuing", "accepted"))
        return (
            f"After {counted(results.progress.rounds, 'round')}, greedy play of the network has a regret of "
            f"{_number(after)} per episode in {where}; the untrained network had {_number(before)}.",
            f"Its valuing score is {valuing} and its accepted score {accepted} (0: chance, 1: oracle).",
        )


def _held_out_nll(table: pd.DataFrame) -> tuple[str, float]:
    return "held-out NLL", float(table.set_index("player").nll[NETWORK])


class ImitationTraining(Training[ImitationConfig, Split]):
    """Imitation: training on the choices of participants."""

    kind = "imitation"
    config_type = ImitationConfig
    headline = ("held_out.csv", _held_out_nll)

    @cached_property
    def inputs(self) -> Split:
        """The participants."""
        return split(self.config)

    @property
    def fingerprint(self) -> str:
        """Identifier of the choices."""
        return self.inputs.fingerprint

    def task(self) -> Task:
        """Maximum likelihood of the choices."""
        return Imitation(self.config, self.inputs)

    def run(self, folder: Path, on_progress: OnProgress) -> Results:
        """Train, and compare the network with other players on held-out participants."""
        results = super().run(folder, on_progress)
        on_progress("held-out prediction", 0.0)
        models = [entry.resolve() for entry in self.config.models]
        frames = imitation_frames(results.network, self.inputs, models)
        on_progress("held-out prediction", 1.0)
        return results._replace(frames=frames)

    def artifacts(self, results: Results) -> Artifacts:
        """Weights, evaluations, held-out prediction and behavior of the network."""
        common, frames = super().artifacts(results), results.frames
        held_out, drawn = tables.held_out(frames["held_out"]), {"held_out": figures.held_out(frames["held_out"])}
        behavior = []
        if "stay_switch" in frames:
            curves, effects = frames["learning_curves"], frames["stay_switch"]
            drawn["free_running"] = figures.free_running(curves, effects)
            behavior = [tables.stay_switch(effects), *tables.learning_curves(curves)]
        return replace(
            common,
            frames={**common.frames, **frames},
            figures={**common.figures, **drawn},
            key_figure="held_out",
            context={**common.context, "held_out": held_out, "free_running": behavior},
            tables=(held_out,),
            simulated=self.inputs.simulated,
        )

    def answer(self, results: Results) -> tuple[str, ...]:
        """The held-out NLL of the network, of chance, of the best fitted model and of the noise ceiling."""
        table = results.frames["held_out"].set_index("player")
        by_participant = results.frames["participants"]
        kind = "simulated participant" if self.inputs.simulated else "participant"
        network = Interval(*table.loc[NETWORK, ["nll", "low", "high"]])
        others = [f"chance {_number(table.nll[CHANCE], 4)}"]
        sentences = []
        if self.config.models:
            best = table.nll[[entry.name for entry in self.config.models]].idxmin()
            others.append(f"best fitted model ({best}) {_number(table.nll[best], 4)}")
            gap = mean_interval(by_participant[NETWORK] - by_participant[best])
            verdict = "better than" if gap.high < 0 else "worse than" if gap.low > 0 else "about as well as"
            sentences.append(f"It predicts them {verdict} {best} (paired difference {cell(gap, 4)}).")
        if CEILING in table.index:
            others.append(f"noise ceiling {_number(table.nll[CEILING], 4)}")
            if table.nll[CEILING] < table.nll[CHANCE]:
                share = table.share_explained[NETWORK]
                sentences.append(f"It explains {share:.1%} of the explainable information.")
        tested = counted(len(by_participant), f"held-out {kind}")
        first = (
            f"On {tested}, the network has a negative log-likelihood (NLL) of {cell(network, 4)} nats per choice "
            f"(for comparison: {', '.join(others)})."
        )
        return (first, *sentences)


def _number(value: float, digits: int = 2) -> str:
    return cell(Interval(value, np.nan, np.nan), digits)


def load_training(path: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a training config of any kind, as `load_config` does."""
    return load_config(CONFIGS, path, overrides)


def make_training(config: TrainConfig) -> Training[Any, Any]:
    """Create the experiment for a config."""
    if isinstance(config, MetaConfig):
        return MetaTraining(config)
    assert isinstance(config, ImitationConfig)
    return ImitationTraining(config)


def start_training(path: str, overrides: Sequence[str], parent: Path) -> Path:
    """Train from the start with the config at a path; see `start`."""
    return start(load_training(path, overrides), parent)


def start(config: TrainConfig, parent: Path) -> Path:
    """Train from the start.

    Returns:
        The run's folder.

    Raises:
        InvalidInputError: If the run's folder already contains a training run, or can't be written.
    """
    training = make_training(config)
    folder = parent / training.folder_name
    finish_replacement(folder)
    if is_finished(folder):
        problem = "already contains a finished training run of this config; remove it to train again"
        raise InvalidInputError(str(folder), [problem])
    if training.can_resume(folder):
        problem = "already contains an interrupted training run of this config"
        raise InvalidInputError(str(folder), [f"{problem}; resume it with --resume {folder}, or remove it"])
    return run_experiment(training, parent)


def resume_training(folder: Path) -> Path:
    """Resume an interrupted training run. It ends with the same bytes as without interruption.

    Raises:
        InvalidInputError: If the folder contains no training run, or only invalid checkpoints.
    """
    finish_replacement(folder)
    path = folder / CONFIG
    if not path.is_file():
        raise InvalidInputError(str(folder), [f"must contain a training run, got no {CONFIG}"])
    if is_finished(folder):
        Console().print(f"The training run in {folder} is finished.", soft_wrap=True, highlight=False, markup=False)
        return folder
    data, _ = read_config(str(path))
    model = model_of_kind(CONFIGS, data, str(path))
    if isinstance(data, dict):  # its paths are relative to the folder in which the run was started
        data |= {key: str(data[key]) for key in ("population", "data") if data.get(key)}
    return run_experiment(make_training(parse(model, data, str(path))), folder.parent, folder=folder)


def _copy(folder: Path, new: Path) -> None:
    shutil.copytree(folder, new)
