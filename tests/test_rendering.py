"""Rendering: frames show what a player is allowed to know."""

import re

import gymnasium as gym
import numpy as np

from accept_reject.envs import AcceptRejectEnv, AcceptRejectVectorEnv, scenario
from accept_reject.envs.rendering import LastRound, Scene, ordinal, partner_name, render

GAME = scenario("orthogonal").game


def text(last: LastRound | None, offered: list[int] | None = None) -> str:
    rendered = render(Scene(GAME, 3, 1, last, offered), "ansi")
    assert isinstance(rendered, str)
    return re.sub(r"\x1b\[[0-9;]*m", "", rendered)


def test_text_of_a_round() -> None:
    shown = text(LastRound([0, 4], 1, rank=3, spots=2, accepted=False), [2, 1])
    assert "Round 4 of 144 · accepted 1 of 3" in shown
    assert "You asked ⬟ E rather than ● A: rejected; ranked you 3rd, had 2 spots." in shown
    assert "[0] ▲ C    [1] ■ B" in shown
    ladder = [line.strip() for line in shown.splitlines() if re.search(r"\d(st|nd|rd|th) [┃┆]|cutoff", line)]
    assert ladder == ["1st ┃", "2nd ┃", "──────── cutoff (2)", "3rd ┆ ◀ you", *(f"{k}th ┆" for k in range(4, 9))]


def test_a_hidden_rank_shows_neither_rank_nor_spots() -> None:
    hidden = [LastRound([0, 4], 0, rank=0, spots=spots, accepted=True) for spots in (0, 5)]
    assert text(hidden[0], [1, 2]) == text(hidden[1], [1, 2])
    assert "not shown" in text(hidden[0], [1, 2])
    pictures = [render(Scene(GAME, 3, 1, last, [1, 2]), "rgb_array") for last in hidden]
    assert np.array_equal(*pictures)
    assert not np.array_equal(
        pictures[0], render(Scene(GAME, 3, 1, LastRound([0, 4], 0, 3, 5, True), [1, 2]), "rgb_array")
    )


def test_images_of_partners_differ() -> None:
    images = {partner: render(Scene(GAME, 0, 0, None, [partner, 63]), "rgb_array") for partner in range(32)}
    for first in range(32):
        for second in range(first):
            assert not np.array_equal(images[first], images[second])


def test_every_round_can_be_rendered() -> None:
    for mode, check in (
        ("ansi", lambda frame: "Round" in frame),
        ("rgb_array", lambda frame: frame.shape == (540, 960, 3)),
    ):
        env = gym.make("accept_reject/Orthogonal-v0", render_mode=mode, game={"rounds": 4})
        env.reset(seed=0)
        assert check(env.render())
        for _ in range(3):
            env.step(1)
            assert check(env.render())
        env.step(1)
    assert env.render() is not None
    assert "All 4 rounds played" in str(render(Scene(GAME.model_copy(update={"rounds": 4}), 4, 2, None, None), "ansi"))


def test_scalar_and_vector_environments_render_the_same_frames() -> None:
    scalar = AcceptRejectEnv("few-spots", render_mode="ansi")
    vector = AcceptRejectVectorEnv(2, "few-spots", render_mode="ansi")
    scalar.reset(seed=4)
    vector.reset(seed=4)
    for action in (0, 1, 1):
        frames = vector.render()
        assert frames is not None
        assert frames[0] == scalar.render()
        scalar.step(action)
        vector.step(np.array([action, 0]))


def test_names() -> None:
    assert [partner_name(i) for i in (0, 25, 26, 51, 52, 255)] == ["A", "Z", "AA", "AZ", "BA", "IV"]
    assert [ordinal(i) for i in (1, 2, 3, 4, 11, 12, 13, 21, 22, 100)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "100th"]
    )
