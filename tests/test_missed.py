"""Players that give no answer miss the round: it has no feedback and no effect on scores."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from accept_reject.agents import Feedback, make_agent
from accept_reject.agents.thompson import ThompsonRank
from accept_reject.envs import GameSpec, draw, scenario
from accept_reject.envs.choices import UNKNOWN_SPOTS
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay


class Dozing(ThompsonRank):
    """Gives no answer in some rounds; records the feedback."""

    may_miss = True

    def start(self, n_players: int, game: GameSpec, seed: int) -> None:
        super().start(n_players, game, seed)
        self.asleep = np.random.default_rng(3).random((n_players, game.rounds)) < 0.3
        self.asleep[:, 5] = True
        self.feedback: list[Feedback] = []

    def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.where(self.asleep[:, len(self.feedback), None], np.nan, super().policy(offered))

    def learn(self, feedback: Feedback) -> None:
        self.feedback.append(feedback)
        super().learn(feedback)


def test_a_player_without_an_answer_misses_the_round() -> None:
    episodes = draw(scenario("orthogonal").game, 0, 6)
    agent = Dozing()
    choices = play(agent, episodes)
    missed = choices.missed
    assert np.array_equal(missed, agent.asleep)
    assert not choices.rank[missed].any()
    assert not choices.accepted[missed].any()
    assert (choices.spots[missed] == UNKNOWN_SPOTS).all()
    for now, feedback in enumerate(agent.feedback):
        assert np.array_equal(feedback.players, np.flatnonzero(~missed[:, now]))
        assert np.array_equal(feedback.offered, episodes.offered[feedback.players, now])
        assert np.array_equal(feedback.choice, choices.choice[feedback.players, now])
        assert np.array_equal(feedback.rank, choices.rank[feedback.players, now])
        assert np.array_equal(feedback.accepted, episodes.accepted[feedback.players, now, feedback.choice])
    chosen = np.take_along_axis(episodes.valuation, np.maximum(choices.choice, 0)[..., None], axis=2)[..., 0]
    assert score(choices, "valuing").mean == pytest.approx(chosen[~missed].mean(dtype=np.float64))


def test_missed_rounds_do_not_affect_other_players() -> None:
    episodes = draw(scenario("orthogonal").game, 0, 4)

    class OnlyTheFirst(Dozing):
        def start(self, n_players: int, game: GameSpec, seed: int) -> None:
            super().start(n_players, game, seed)
            self.asleep[1:] = False

    assert np.array_equal(play(OnlyTheFirst(), episodes).choice[1:], play(ThompsonRank(), episodes).choice[1:])


def test_replay_of_missed_rounds() -> None:
    episodes = draw(scenario("orthogonal").game, 0, 6)
    asleep_too = play(Dozing(), episodes)
    awake = play(make_agent("random"), episodes)
    assert torch.equal(replay(Dozing(), asleep_too), replay(ThompsonRank(), asleep_too))
    found = replay(agent := Dozing(), awake)
    assert np.array_equal(found.isnan().numpy(), agent.asleep), (
        "the probability of a choice is unknown if the agent gives no answer"
    )


@pytest.mark.parametrize("answer", [[np.nan, 0.5], [0.7, 0.7], [0.0, 0.0], [np.nan, np.nan]])
def test_only_a_row_of_nan_of_an_agent_that_may_miss_is_no_answer(answer: list[float]) -> None:
    class Odd(ThompsonRank):
        may_miss = not np.isnan(answer).all()

        def policy(self, offered: NDArray[np.uint8]) -> NDArray[np.float64]:
            return np.array([[0.5, 0.5], answer])

    with pytest.raises(ValueError, match=r"sum to 1, got .* for player 1"):
        play(Odd(), draw(scenario("orthogonal").game, 0, 2))
