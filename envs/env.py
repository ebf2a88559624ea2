"""The game for one player, as a Gymnasium environment."""

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
from accept_reject.envs.rendering import Answer, Scene, render
from accept_reject.envs.scenarios import resolve_game
from accept_reject.envs.spaces import (
    RENDER_METADATA,
    Reward,
    action_space,
    check_options,
    fresh_seed,
    observation,
    observation_space,
)

Observation = dict[str, Any]


class AcceptRejectEnv(gym.Env[Observation, Any]):
    """Accept or reject, for one player.

    ## Description

    Each round offers the player some partners. The player asks one of them to play. That partner has ranked the player
    among its candidates, 1 being best, and has a limited number of spots: it accepts when `rank <= spots` and rejects
    otherwise. Which partners *value* the player is hidden, and has to be found out from ranks and outcomes, rejections
    included.

    ## Action Space

    `Discrete(offered)`: which of the offered partners to ask, counted from 0 as they stand in `offered`.

    ## Observation Space

    A `Dict` of what a player sees, and remembers of the round before. `FlattenObservation` turns it into one-hots.

    | key | space | meaning |
    | --- | --- | --- |
    | `offered` | `MultiDiscrete([partners] * offered)` | the partners offered now; at the end, the last ones again |
    | `progress` | `Box(0, 1, (1,))` | share of the episode played |
    | `has_last` | `Discrete(2)` | whether there was a round before in this episode; if not, what follows is 0 |
    | `last_partner` | `Discrete(partners)` | the partner that was asked |
    | `last_rank` | `Discrete(ranks + 1)` | its rank of the player, from 1; 0 where it is hidden |
    | `last_spots` | `Discrete(ranks + 1)` | its spots, from 0; 0 too where its rank is hidden |
    | `last_accepted` | `Discrete(2)` | whether it accepted |

    ## Rewards

    `reward="acceptance"`: 1 when accepted, 0 when rejected. `reward="valuation"`: the hidden valuation of the partner
    that was asked, 0..1; it tells the learner what people are never told, and is meant for studies of learning itself.

    ## Starting State and Episode End

    `reset(seed=s)` starts episode 0 of seed `s`, and `reset()` the next one. An episode terminates after `rounds`
    rounds; it is never truncated.

    ## Information

    Empty, unless made with `reveal=True`. Then `valuations` and `acceptances` hold the hidden valuations and acceptance
    probabilities of the partners in `offered`, each `(offered,)` float32, and after a step `regret` tells how much
    less the choice was worth, in terms of the reward, than the best one offered.

    ## Arguments

    Args:
        scenario: Name of the scenario; the registered ids give it.
        game: Changes to the scenario's game, as a mapping of `GameSpec` keys, or a `GameSpec` of your own.
        reward: `acceptance` or `valuation`.
        reveal: Whether hidden state goes into `info`.
        render_mode: None, `ansi` or `rgb_array`: what a person would see of the last round and of the offer.

    Raises:
        InvalidInputError: With every fault of the arguments.
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
        self._rounds = self.game.rounds  # here, since a look-up of a model's field is slower
        self._n_offered = self.game.offered
        self._progress = np.arange(self.game.rounds + 1, dtype=np.float32)[:, None] / np.float32(self.game.rounds)
        self._seed: int | None = None
        self._episode = -1
        self._round: int | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start episode 0 of `seed`, or the next episode if no seed is given. `options` are not used."""
        super().reset(seed=seed)
        if seed is not None or self._seed is None:
            self._seed = fresh_seed(self)
            self._episode = -1
        self._load(self._episode + 1)
        self._round = 0
        self._choices: list[int] = []
        seen = observation(self._offered_then[0], self._progress_then[0], 0, 0, 0, 0, 0)
        return seen, self._hidden(0) if self.reveal else {}

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Ask the partner at place `action` of the offer.

        Raises:
            ResetNeeded: Before the first reset, and after the last round.
            InvalidAction: If `action` is not a place of the offer.
        """
        now = self._round
        if now is None:
            raise ResetNeeded("the episode has not begun or is over: call reset() before step()")
        if type(action) is not int:
            action = _as_int(action)
        if not 0 <= action < self._n_offered:
            raise InvalidAction(f"action should be from 0 to {self.game.offered - 1}, but is {action}")
        partner, rank, spots, accepted = self._feedback[now][action]
        self._choices.append(action)
        then = now + 1
        done = then == self._rounds
        self._round = None if done else then
        seen = observation(self._offered_then[then], self._progress_then[then], 1, partner, rank, spots, accepted)
        reward = float(accepted) if self.reward == "acceptance" else float(self._valuation[now, action])
        info: dict[str, Any] = {}
        if self.reveal:
            worth = self._acceptance if self.reward == "acceptance" else self._valuation
            info = {**self._hidden(then), "regret": float(worth[now].max() - worth[now, action])}
        return seen, reward, done, False, info

    def render(self) -> str | NDArray[np.uint8] | None:
        """The round as a person would see it: text for `ansi`, pixels `(height, width, 3)` for `rgb_array`."""
        if self.render_mode is None:
            gym.logger.warn("render() was called on an environment made without a render_mode")
            return None
        if self._episode < 0:
            raise ResetNeeded("there is no round to show yet: call reset() before render()")
        answers = [self._feedback[t][choice] for t, choice in enumerate(self._choices)]
        answer = None
        if answers:
            _, rank, spots, accepted = answers[-1]
            answer = Answer(self._offered[len(answers) - 1], self._choices[-1], rank, spots, bool(accepted))
        offered = None if self._round is None else self._offered[self._round]
        total = sum(accepted for *_, accepted in answers)
        return render(Scene(self.game, len(answers), total, answer, offered), self.render_mode)

    def _load(self, episode: int) -> None:
        """Lay out an episode so that a step is a look-up: plain lists, and arrays that are handed out once."""
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
        self._offered_then = list(np.concatenate([offered, offered[-1:]]).astype(np.int64))
        self._progress_then = list(self._progress.copy())
        if self.reveal or self.reward == "valuation":
            self._valuation = block.valuation[row]
            self._acceptance = block.acceptance[row]

    def _hidden(self, then: int) -> dict[str, Any]:
        """The hidden state of the partners whom the observation of round `then` offers."""
        then = min(then, self.game.rounds - 1)
        return {"valuations": self._valuation[then].copy(), "acceptances": self._acceptance[then].copy()}


def _as_int(action: Any) -> int:
    """A whole number from an action such as `np.int64(1)` or `np.array(1)`."""
    try:
        return index(action)
    except TypeError:
        raise InvalidAction(f"action should be a whole number, but is {action!r}") from None
