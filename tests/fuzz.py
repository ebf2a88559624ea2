"""Random mutations of a data set and of a config: each is read as it says, or refused with its file and place.

`python tests/fuzz.py COUNT SEED` tries more than the tests do, and prints how many were read and how many refused.
"""

import csv
import io
import json
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from accept_reject.envs import InvalidInputError
from accept_reject.envs.choices import MISSED, Choices
from accept_reject.experiments.benchmark.config import BenchmarkConfig
from accept_reject.experiments.config import dump_config, load_config
from accept_reject.experiments.data.bids import write_dataset
from accept_reject.experiments.data.load import load
from accept_reject.experiments.simulation.population import PopulationConfig
from accept_reject.experiments.simulation.simulate import simulate

CELLS = ["", "n/a", "N/A", "nan", "-1", "0", "1", "2", "9", "1e3", "1e400", "inf", "0x10", "1,5", "٣", "A", "Z", "a"]
CELLS += [" 1", "true", "=1+1", '"', "'", "\ufeff", "é", "\0", "\x1b[31m", "[/b]", "9" * 400, "1_000", "0.1.2", "A B"]
VALUES = ["", "null", "~", "010", "1:30", "true", "no", "-1", "0", "1.5", ".nan", ".inf", "1e400", "9" * 400, "[]"]
VALUES += [
    "{}",
    "x",
    "[x, y]",
    "{x: y}",
    "2024-13-45",
    "!!int 3",
    "&a [*a]",
    "*a",
    "'",
    "[",
    "\t",
    "\0",
    "<<: 3",
    "[/b]",
]
VALUES += ["[/b]", "é", "0b_", "random", *["3", "4", "12", "'x'", "delta-rank"] * 5]

CONFIG = """\
kind: benchmark
name: small
scenarios:
  - orthogonal
  - {scenario: few-spots, game: {rounds: 12}, label: short}
agents:
  - random
  - {agent: bayes-hybrid, params: {w: 0.5, inverse_temperature: 4}, label: half}
  - oracle-valuing
seeds: 2
episodes: 3
first_seed: 7
"""


def make_dataset(folder: Path) -> None:
    """Write a small data set with missed rounds."""
    population = load_config(
        PopulationConfig, "population_babur2024", ["participants=3", "game={scenario: orthogonal, game: {rounds: 8}}"]
    )
    choices, parameters = simulate(population)
    missed = np.zeros(choices.choice.shape, bool)
    missed[:, 3] = True
    names = ("choice", "rank", "accepted")
    changed = {name: np.where(missed, MISSED if name == "choice" else 0, getattr(choices, name)) for name in names}
    fields = {name: changed[name].astype(getattr(choices, name).dtype) for name in names}
    spots = np.where(missed, 255, choices.spots).astype(np.uint8)
    changed_choices = Choices(**{**vars(choices), **fields, "spots": spots})
    write_dataset(changed_choices, folder, "small", "a test", parameters)


def mutate_text(text: str, rng: random.Random, delimiter: str) -> str:
    """Change a text in one place."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    cells = lines[at].split(delimiter)
    cell = rng.randrange(len(cells))
    kind = rng.choice(["cell", "cell", "cell", "drop", "double", "swap", "byte", "cut", "delete line", "column"])
    if kind == "cell":
        cells[cell] = rng.choice(CELLS)
    elif kind == "drop":
        del cells[cell]
    elif kind == "double":
        return "\n".join([*lines[:at], lines[at], *lines[at:]])
    elif kind == "swap":
        other = rng.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
        return "\n".join(lines)
    elif kind == "byte":
        place = rng.randrange(len(text)) if text else 0
        return text[:place] + rng.choice("\0\t\n\r,;0A\"'é{}[]") + text[place + 1 :]
    elif kind == "cut":
        return text[: rng.randrange(len(text) + 1)]
    elif kind == "delete line":
        return "\n".join(lines[:at] + lines[at + 1 :])
    else:
        names = lines[0].split(delimiter)
        names[rng.randrange(len(names))] = rng.choice(["Rank", "rank", "x", "choice ", "offered_3", "spots", "ROUND"])
        return "\n".join([delimiter.join(names), *lines[1:]])
    lines[at] = delimiter.join(cells)
    return "\n".join(lines)


def mutate_value(value: Any, rng: random.Random) -> Any:
    """Change a value of JSON, or one inside it."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        if rng.random() < 0.2:
            return {other: each for other, each in value.items() if other != key}
        return {**value, key: mutate_value(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], mutate_value(value[at], rng), *value[at + 1 :]]
    return rng.choice([None, True, -1, 0, 3, 1e300, "x", "true", "8", [], {}, [1], {"x": 1}, 10**30, float("nan")])


def parsed(file: Path) -> Any:
    """Return the content of a JSON file, or None if a mutation before made it invalid."""
    try:
        return json.loads(file.read_bytes())
    except ValueError:
        return None


def mutate_dataset(folder: Path, rng: random.Random) -> str:
    """Change a data set in one place, and return the name of the file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "README")
    file = rng.choice(files)
    name = file.relative_to(folder).as_posix()
    kind = rng.random()
    if kind < 0.04:
        file.unlink()
    elif kind < 0.08:
        file.write_bytes(b"")
    elif kind < 0.12:
        file.write_bytes(file.read_bytes()[: rng.randrange(file.stat().st_size + 1)] + bytes([rng.randrange(256)]))
    elif kind < 0.15:
        file.write_bytes(file.read_bytes().decode(errors="replace").encode("utf-16"))
    elif kind < 0.18 and "/" in name:
        (folder / name.split("/")[0]).rename(folder / f"sub-{rng.choice(['99', 'x', ''])}")
    elif file.suffix == ".json" and kind < 0.8 and (content := parsed(file)) is not None:
        file.write_text(json.dumps(mutate_value(content, rng)), encoding="utf-8")
    else:
        text = file.read_bytes().decode(errors="replace")
        changed = mutate_text(text, rng, "," if file.suffix == ".json" else "\t")
        file.write_text(changed, encoding="utf-8", newline="", errors="surrogatepass")
    return name


def cells_of(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Read the rows of each participant in another way than the package does."""
    found = {}
    for path in sorted(folder.glob("sub-*/beh/*.tsv")):
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").rstrip("\n \t")
        rows = csv.DictReader(io.StringIO(text), delimiter="\t")
        found[path.parent.parent.name.removeprefix("sub-")] = [
            {str(key).strip(): str(cell).strip() for key, cell in row.items()} for row in rows
        ]
    return found


def is_right(choices: Choices, cells: dict[str, list[dict[str, str]]]) -> bool:
    """Return whether choices are what the files say, cell by cell."""
    if list(choices.ids or ()) != list(cells):
        return False
    for player, rows in enumerate(cells.values()):
        by_round = {int(float(row["round"])): row for row in rows}
        if len(by_round) != len(rows):
            return False
        for now in range(choices.game.rounds):
            row = by_round.get(now + 1)
            place = int(choices.choice[player, now])
            if row is None or row["choice"] == "n/a":
                if place != MISSED:
                    return False
                continue
            shown = int(choices.rank[player, now])
            expected = (
                [row["offered_1"], row["offered_2"]].index(row["choice"]),
                int(float(row["accepted"])),
                0 if row.get("rank", "n/a") == "n/a" else int(float(row["rank"])),
            )
            if (place, int(choices.accepted[player, now]), shown) != expected:
                return False
            if shown and int(choices.spots[player, now]) != (
                255 if row.get("spots", "n/a") == "n/a" else int(float(row["spots"]))
            ):
                return False
    return True


def try_dataset(original: Path, folder: Path, seed: int) -> str:
    """Mutate a data set, load it, and return the outcome; raise AssertionError if it is neither right nor refused."""
    rng = random.Random(seed)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)
    for _ in range(rng.choice([1, 1, 1, 2])):
        name = mutate_dataset(folder, rng)
    try:
        data = load(str(folder))
    except InvalidInputError as error:
        places = [problem.partition(":")[0] for problem in error.problems]
        assert all(re.match(r"[\w./*-]+\.(tsv|json)\b|sub-|\d+ more", place) for place in places), (
            seed,
            error.problems,
        )
        assert all(len(problem.splitlines()) == 1 and len(problem) < 1000 for problem in error.problems), (seed, error)
        assert len(error.problems) <= 201, seed
        return "refused"
    assert is_right(data.choices, cells_of(folder)), (seed, name)
    return "right"


def try_config(path: Path, seed: int) -> str:
    """Mutate a config, load it, and return the outcome; raise AssertionError if it is neither right nor refused."""
    rng = random.Random(seed)
    text = CONFIG
    for _ in range(rng.choice([1, 1, 1, 2])):
        if rng.random() < 0.6:
            places = [match.span(1) for match in re.finditer(r"(?:: |- |, |\{|\[)([^\s,{}\[\]:][^,{}\[\]\n]*)", text)]
            start, end = rng.choice(places) if places else (0, 0)
            text = text[:start] + rng.choice(VALUES) + text[end:]
        else:
            text = mutate_text(text, rng, rng.choice([" ", ":", ","]))
    path.write_text(text, encoding="utf-8", newline="", errors="surrogatepass")
    try:
        config = load_config(BenchmarkConfig, str(path))
    except InvalidInputError as error:
        assert all(line.startswith(f"{path}: ") for line in str(error).splitlines()), (seed, str(error))
        assert all(re.match(r"[\w.-]+|line \d+", problem) for problem in error.problems), (seed, error.problems)
        assert all(len(problem) < 2000 for problem in error.problems), (seed, error.problems)
        return "refused"
    again = path.with_suffix(".again.yaml")
    again.write_text(dump_config(config), encoding="utf-8")
    assert load_config(BenchmarkConfig, str(again)) == config, seed
    return "right"


def fuzz(tries: Callable[[int], str], count: int, seed: int) -> Counter[str]:
    """Count the outcomes of mutations with different seeds."""
    return Counter(tries(seed * 1_000_000 + i) for i in range(count))


if __name__ == "__main__":
    total, start = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as name_:
        place_ = Path(name_)
        make_dataset(place_ / "original")
        print("data", dict(fuzz(lambda s: try_dataset(place_ / "original", place_ / "copy", s), total * 3 // 5, start)))
        print("config", dict(fuzz(lambda s: try_config(place_ / "config.yaml", s), total * 2 // 5, start)))
