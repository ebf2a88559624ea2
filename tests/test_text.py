"""The game as text: prompts, the interpretation of answers, and the transcript."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from game_specs import game_specs
from hypothesis import given, settings

from accept_reject.agents import make_agent
from accept_reject.agents.adapters.prompts import read_letter
from accept_reject.agents.adapters.text import Reply, TextAgent, TextFunction
from accept_reject.envs import GameSpec, draw, scenario
from accept_reject.envs.choices import MISSED, UNKNOWN_SPOTS, Choices
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay

GAME = scenario("orthogonal").game.model_copy(update={"rounds": 12})

PROMPT = """You play a game of 4 rounds with numbered partners.
Each round you are offered 2 partners and ask one of them to play with you. That partner has ranked you among 8 \
candidates, from 1st (best) to 8th, and has a limited number of spots. It accepts you if your rank is within its \
spots, and rejects you otherwise. Some partners may not show you the rank and the spots.
You earn a point each time you are accepted.

Round 1: you were offered partner 3 and partner 1 and asked partner 1. It ranked you 2nd and had 1 spot: you were \
rejected.
Round 2: you were offered partner 8 and partner 2 and gave no valid answer.
Round 3: you were offered partner 4 and partner 5 and asked partner 4. It did not show you the rank and the spots: you \
were accepted.

Round 4 of 4. You are offered:
A) partner 1
B) partner 6
Which partner do you ask? Answer with one letter, A or B, and nothing else."""


def test_the_prompt() -> None:
    choices = Choices(
        game=GAME.model_copy(update={"rounds": 4}),
        offered=np.array([[[2, 0], [7, 1], [3, 4], [0, 5]]], np.uint8),
        choice=np.array([[1, MISSED, 0, 0]], np.int8),
        rank=np.array([[2, 0, 0, 5]], np.uint8),
        spots=np.array([[1, UNKNOWN_SPOTS, UNKNOWN_SPOTS, UNKNOWN_SPOTS]], np.uint8),
        accepted=np.array([[False, False, True, False]]),
    )
    agent = TextFunction(lambda prompt: "A")
    replay(agent, choices)
    assert agent.exchanges[-1].prompt == PROMPT
    assert agent._history[0][-1].endswith("and asked partner 1. It ranked you 5th: you were rejected.")


def by_ranks(prompt: str) -> str:
    """Chooses the partner with the best mean rank in the prompt; unknown partners count as fourth."""
    *history, offer = prompt.split("Round ")
    ranks: dict[str, list[int]] = {}
    for line in history:
        if found := re.search(r"asked partner (\d+)\. It ranked you (\d+)", line):
            ranks.setdefault(found[1], [4]).append(int(found[2]))
    means = {letter: np.mean(ranks.get(partner, [4])) for letter, partner in re.findall(r"(\w)\) partner (\d+)", offer)}
    return min(means, key=lambda letter: (means[letter], letter))


def test_a_text_function_plays_and_is_scored_and_replayed() -> None:
    episodes = draw(scenario("few-spots").game, 0, 6)
    agent = make_agent("text", {"answer": f"{__name__}:by_ranks"})
    choices = play(agent, episodes)
    assert not choices.missed.any()
    assert score(choices, "valuing").value > 0.85
    assert (replay(agent, choices) == 0).all(), (
        "the prompt contains the whole history, so that its own choices have probability 1"
    )
    for exchange, place in zip(agent.exchanges, choices.choice.T.reshape(-1), strict=True):  # type: ignore[attr-defined]
        assert exchange.answer == "AB"[place]


@settings(max_examples=20)
@given(game=game_specs())
def test_any_game_with_enough_letters_can_be_played(game: GameSpec) -> None:
    agent = TextFunction(lambda prompt: prompt.split(") partner")[-2][-1])  # the last letter offered
    if game.offered > 26:
        with pytest.raises(ValueError, match="at most 26 partners"):
            play(agent, draw(game, 0, 2))
    else:
        assert (play(agent, draw(game, 0, 2)).choice == game.offered - 1).all()


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        *[(text, "B") for text in ("B", "b", " B\n", "(B)", "**B**", "B.", '"B"', "_B_", "B)")],
        *[
            (text, None)
            for text in ("", "C", "AB", "I ask B", "B, since it ranked me 1st", "2", "partner 6", "Β", "B2")
        ],
    ],
)
def test_only_single_letters_are_answers(answer: str, letter: str | None) -> None:
    assert read_letter(answer, 2) == letter


def test_refusals_and_other_texts_are_missed_and_recorded(tmp_path: Path) -> None:
    path = tmp_path / "transcript.jsonl"
    answers = {1: "A", 2: None, 3: "I would ask B.", 4: ""}
    agent = TextFunction(lambda prompt: answers.get(prompt.count("Round "), "b"), transcript=path)
    choices = play(agent, draw(GAME, 0, 2))
    assert choices.choice.tolist() == [[0, *[MISSED] * 3, *[1] * 8]] * 2
    assert choices.accepted[choices.missed].sum() == 0
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines == [json.loads(json.dumps(each._asdict())) for each in agent.exchanges]
    assert [(line["player"], line["round"]) for line in lines] == [(j, t) for t in range(1, 13) for j in range(2)]
    assert [line["missed"] for line in lines[::2]] == [
        None,
        "refused",
        "not a letter of the offer",
        "no answer",
        *[None] * 8,
    ]
    assert lines[4]["answer"] == "I would ask B."
    assert lines[0]["probabilities"] == {"A": 1.0, "B": 0.0}
    assert lines[8]["prompt"].count("gave no valid answer") == 3
    play(agent, draw(GAME, 0, 2))
    assert len(agent.exchanges) == 24, "each start begins a new transcript"
    again = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["game"] for line in again] == [1] * 24 + [2] * 24, "the file contains all games"


def test_probabilities_of_letters_are_normalized() -> None:
    class Unsure(TextAgent):
        def ask(self, prompts: list[str], offered: int) -> list[Reply]:
            return [
                Reply("A", probabilities={"A": 0.3, "B": 0.1, "Z": 0.6}),
                Reply("B", probabilities={"A": 0.0}),
                Reply("chat"),
            ]

    (agent := Unsure()).start(3, GAME, 0)
    found = agent.policy(np.array([[0, 1]] * 3, np.uint8))
    assert found[:2] == pytest.approx(np.array([[0.75, 0.25], [0, 1]]))
    assert np.isnan(found[2]).all()
    log_probability = replay(agent, play(make_agent("random"), draw(GAME, 0, 3)))
    assert torch.isnan(log_probability[2]).all()
    assert set(log_probability[0].exp().numpy().round(6)) == {0.75, 0.25}


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"answer": "nowhere_at_all:answer"}, "can't import module 'nowhere_at_all'"),
        ({"answer": f"{__name__}:PROMPT"}, "must be callable"),
        ({"answer": 3}, "callable or a dotted path"),
    ],
)
def test_an_invalid_text_function_is_an_error(params: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make_agent("text", params)


def test_invalid_answers_and_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be a string or None, got 1 for player 0"):
        play(TextFunction(lambda prompt: 1), draw(GAME, 0, 2))  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match="can't be written: No such file"):
        play(TextFunction(by_ranks, transcript=tmp_path / "nowhere" / "t.jsonl"), draw(GAME, 0, 2))
