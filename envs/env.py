"""The game as a Gymnasium environment for one player."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import NDArray

from accept_reject.envs.episodes import BLOCK, Episodes, draw
from accept_reject.envs.game import GameSpec
from accept_reject.envs.rendering import LastRound, Scene, render
from accept_reject.envs.scenarios import resolve_game
from accept_reject.envs.spaces import (
    RENDER_METADATA,
    PlainSpec,
    Reward,
    action_space,
    check_options,
    fresh_seed,
    observation,
    observation_space,
)

Observation = dict[str, Any]


class AcceptRejectEnv(PlainSpec, gym.Env[Observation, Any]):
    """The game for one player.

    ## Description

    In every round the player is offered some partners and asks one of them to play. That partner has ranked the player
    among its candidates, from 1 (best), and has a limited number of spots. It accepts if `rank <= spots` and rejects
    otherwise. How much each partner *values* the player is hidden and has to be inferred from ranks and outcomes,
    including rejections.

    ## Action Space

    `Discrete(offered)`: the place of the chosen partner in `offered`, from 0.

    ## Observation Space

    A `Dict` with the offer and the feedback of the last round. `FlattenObservation` converts it to one-hot vectors.

    | key | space | meaning |
    | --- | --- | --- |
    | `offered` | `MultiDiscrete([partners] * offered)` | the partners offered; after the last round, the same again |
    | `progress` | `Box(0, 1, (1,))` | share of the episode that is over |
    | `has_last` | `Discrete(2)` | whether this episode has a last round; if not, the rest is 0 |
    | `last_partner` | `Discrete(partners)` | the partner that was chosen |
    | `last_rank` | `Discrete(ranks + 1)` | its rank of the player, from 1; 0 if it is hidden |
    | `last_spots` | `Discrete(ranks + 1)` | its spots, from 0; also 0 if its rank is hidden |
    | `last_accepted` | `Discrete(2)` | whether it accepted |

    ## Rewards

    `reward="acceptance"`: 1 if accepted, 0 if rejected. `reward="valuation"`: the hidden valuation of the chosen
    partner, 0..1. The latter reveals information that people never get; it is meant for research on learning.

    ## Starting State and Episode End

    `reset(seed=s)` starts episode 0 of seed `s`, and `reset()` the next episode. An episode terminates after `rounds`
    rounds; it is never truncated.

    ## Information

    Empty by default. With `reveal=True`, `valuations` and `acceptances` are the hidden valuations and acceptance
    probabilities of the partners in `offered`, each `(offered,)` float32; `regret` is the difference between the best
    expected reward among the partners offered in the last round and that of the chosen one, and 0 after a reset.

    ## Arguments

    Args:
        scenario: Name of the scenario; the registered ids set it.
        game: Changes to the scenario's game, as a mapping of `GameSpec` keys, or a `GameSpec` that replaces it.
        reward: `acceptance` or `valuation`.
        reveal: Whether `info` contains the hidden state.
        render_mode: None, `ansi` or `rgb_array`.

    Raises:
        InvalidInputError: With every problem of the arguments.
    """

    metadata = RENDER_METADATA

    def __init__(
        self,
        scenario: str = "orthogonal",
        game: GameSpec | Mapping[str, Any] | None = None,
        reward: Reward = "acceptance",
        reveal: bool = False,
        render_mode: str | None = None,
    ) -> None:
        self.game = resolve_game(scenario, game)
        check_options(reward, reveal, render_mode)
        self.reward = reward
        self.reveal = reveal
        self.render_mode = render_mode
        self.observation_space = observation_space(self.game)
        self.action_space = action_space(self.game)
        self._rounds = self.game.rounds  # a copy, since attributes of pydantic models are slower
        self._n_offered = self.game.offered
        self._progress = np.arange(self.game.rounds + 1, dtype=np.float32)[:, None] / np.float32(self.game.rounds)
        self._seed: int | None = None
        self._episode = -1
        self._round: int | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start episode 0 of `seed`, or the next episode without a seed. `options` are ignored."""
        super().reset(seed=seed)
        if seed is not None or self._seed is None:
            self._seed = fresh_seed(self)
            self._episode = -1
        self._load(self._episode + 1)
        self._round = 0
        self._choices: list[int] = []
        first = observation(self._offered_at[0], self._progress_at[0], 0, 0, 0, 0, 0)
        return first, {**self._hidden(0), "regret": 0.0} if self.reveal else {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Choose the partner at place `action` of the offer.

        Raises:
            ResetNeeded: Before the first reset, and after the last round.
            InvalidAction: If `action` is not a place in the offer.
        """
        now = self._round
        if now is None:
            raise ResetNeeded("the episode has not started or is over; call reset() before step()")
        if type(action) is not int:
            action = _as_int(action)
        if not 0 <= action < self._n_offered:
            raise InvalidAction(f"action: must be an integer from 0 to {self.game.offered - 1}, got {action}")
        partner, rank, spots, accepted = self._feedback[now][action]
        self._choices.append(action)
        next_round = now + 1
        done = next_round == self._rounds
        self._round = None if done else next_round
        offered, progress = self._offered_at[next_round], self._progress_at[next_round]
        next_observation = observation(offered, progress, 1, partner, rank, spots, accepted)
        reward = float(accepted) if self.reward == "acceptance" else float(self._valuation[now, action])
        info: dict[str, Any] = {}
        if self.reveal:
            expected = self._acceptance if self.reward == "acceptance" else self._valuation
            info = {**self._hidden(next_round), "regret": float(expected[now].max() - expected[now, action])}
        return next_observation, reward, done, False, info

    def render(self) -> str | NDArray[np.uint8] | None:
        """Return the current frame: text for `ansi`, pixels `(height, width, 3)` for `rgb_array`."""
        if self.render_mode is None:
            gym.logger.warn("render() was called on an environment made without a render_mode")
            return None
        if self._episode < 0:
            raise ResetNeeded("the episode has not started; call reset() before render()")
        played = [self._feedback[t][choice] for t, choice in enumerate(self._choices)]
        last = None
        if played:
            _, rank, spots, accepted = played[-1]
            last = LastRound(self._offered[len(played) - 1], self._choices[-1], rank, spots, bool(accepted))
        offered = None if self._round is None else self._offered[self._round]
        total = sum(accepted for *_, accepted in played)
        return render(Scene(self.game, len(played), total, last, offered), self.render_mode)

    def _load(self, episode: int) -> None:
        """Prepare an episode so that steps are fast look-ups: plain lists, and arrays that are returned only once."""
        if episode % BLOCK == 0:
            assert self._seed is not None
            self._block: Episodes = draw(self.game, self._seed, BLOCK, episode)
        self._episode = episode
        row, block = episode % BLOCK, self._block
        offered = block.offered[row]
        shown = block.rank_shown[row]
        parts = (
            offered,
            block.rank[row] * shown,
            block.spots[row] * shown,
            block.accepted[row].astype(np.uint8),
        )
        self._feedback: list[list[list[int]]] = np.stack(parts, axis=-1).tolist()
        self._offered: list[list[int]] = offered.tolist()
        self._offered_at = list(np.concatenate([offered, offered[-1:]]).astype(np.int64))
        self._progress_at = list(self._progress.copy())
        if self.reveal or self.reward == "valuation":
            self._valuation = block.valuation[row]
            self._acceptance = block.acceptance[row]

    def _hidden(self, now: int) -> dict[str, Any]:
        """Return the hidden state of the partners offered in a round."""
        now = min(now, self.game.rounds - 1)
        return {"valuations": self._valuation[now].copy(), "acceptances": self._acceptance[now].copy()}


def _as_int(action: Any) -> int:
    """Convert an action such as `np.int64(1)` or `np.array(1)` to an integer."""
    try:
        return index(action)
    except TypeError:
        raise InvalidAction(f"action: must be an integer, got {action!r}") from None
