"""The game as a Gymnasium vector environment for many players."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from accept_reject.envs.episodes import Episodes, draw
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
    split_rows,
)

Observations = dict[str, NDArray[Any]]
Infos = dict[str, Any]


class AcceptRejectVectorEnv(PlainSpec, VectorEnv[Observations, NDArray[Any], NDArray[Any]]):
    """The game for `num_envs` players.

    Spaces, rewards and arguments are those of :class:`AcceptRejectEnv`, with a leading axis for the players. Row `j`
    plays episodes `j, j + n, j + 2n, ...` of the seed. All episodes have the same length, so that all rows end at the
    same time.

    The autoreset mode is `SAME_STEP`: the step that ends the episodes returns the first observations of the next ones,
    with the last ones in `infos["final_obs"]` (an object array with a dict for each row) and `infos["final_info"]`.

    Args:
        num_envs: Number of players.
        scenario: Name of the scenario; the registered ids set it.
        game: Changes to the scenario's game, as a mapping of `GameSpec` keys, or a `GameSpec` that replaces it.
        reward: `acceptance` or `valuation`.
        reveal: Whether `infos` contain the hidden state.
        render_mode: None, `ansi` or `rgb_array`.

    Raises:
        InvalidInputError: With every problem of the arguments.
    """

    metadata = {**RENDER_METADATA, "autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(
        self,
        num_envs: int = 1,
        scenario: str = "orthogonal",
        game: GameSpec | Mapping[str, Any] | None = None,
        reward: Reward = "acceptance",
        reveal: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if isinstance(num_envs, bool) or not isinstance(num_envs, int | np.integer) or num_envs < 1:
            raise ValueError(f"num_envs: must be an integer >= 1, got {num_envs!r}")
        self.game = resolve_game(scenario, game)
        check_options(reward, reveal, render_mode)
        self.num_envs = num_envs
        self.reward = reward
        self.reveal = reveal
        self.render_mode = render_mode
        self.single_observation_space = observation_space(self.game)
        self.single_action_space = action_space(self.game)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._rows = np.arange(num_envs) * self.game.rounds * self.game.offered
        self._seed: int | None = None
        self._last: tuple[int, NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]] | None = None
        self._accepted_so_far = np.zeros(num_envs, np.int64)
        self._first_episode = -num_envs
        self._round: int | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observations, Infos]:
        """Start episodes `0 .. n - 1` of `seed`, or the next episode of every row without a seed.

        Raises:
            ValueError: If `seed` is a list, since all rows share one seed; or if `options` contain a `reset_mask`,
                since rows can't be reset separately.
        """
        if seed is not None and not isinstance(seed, int | np.integer):
            raise ValueError(f"seed: must be one integer for all rows, got {seed!r}")
        if options and options.get("reset_mask") is not None:
            raise ValueError("options['reset_mask']: must be None, since rows can't be reset separately")
        super().reset(seed=None if seed is None else int(seed))
        if seed is not None or self._seed is None:
            self._seed = fresh_seed(self)
            self._first_episode = -self.num_envs
        return self._next_episodes()

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Observations, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """Choose in each row the partner at place `actions[row]` of the offer.

        Args:
            actions: Integers, `(num_envs,)`.

        Raises:
            ResetNeeded: Before the first reset.
            InvalidAction: If the actions have a wrong shape or type, or if one is not a place in the offer.
        """
        now = self._round
        if now is None:
            raise ResetNeeded("the episodes have not started; call reset() before step()")
        choice = self._checked(actions)
        chosen = self._rows + now * self.game.offered + choice  # indices into a flattened (n, rounds, offered)
        partner, rank, spots, accepted = (part.reshape(-1).take(chosen) for part in self._feedback)
        self._accepted_so_far += accepted
        self._last = (now, choice, rank, spots, accepted)
        self._round = now + 1
        feedback = (part.astype(np.int64) for part in (partner, rank, spots, accepted))
        observations = self._observations(np.ones(self.num_envs, np.int64), *feedback)
        done = self._round == self.game.rounds
        if self.reward == "acceptance":
            rewards = accepted.astype(np.float64)
        else:
            rewards = self._episodes.valuation.reshape(-1).take(chosen).astype(np.float64)
        infos: Infos = {}
        if self.reveal:
            expected = self._episodes.acceptance if self.reward == "acceptance" else self._episodes.valuation
            regret = expected[:, now].max(axis=1) - expected.reshape(-1).take(chosen)
            infos = self._masked(**self._hidden(), regret=regret.astype(np.float64))
        if done:
            last, (observations, next_infos) = observations, self._next_episodes()
            infos = {**self._masked(final_obs=split_rows(last), final_info=infos), **next_infos}
        ended = np.full(self.num_envs, done)
        return observations, rewards, ended, np.zeros(self.num_envs, np.bool_), infos

    def render(self) -> tuple[Any, ...] | None:
        """Return the frame of each row, as :meth:`AcceptRejectEnv.render` does."""
        if self.render_mode is None:
            gym.logger.warn("render() was called on an environment made without a render_mode")
            return None
        if self._round is None:
            raise ResetNeeded("the episodes have not started; call reset() before render()")
        return tuple(render(self._scene(row), self.render_mode) for row in range(self.num_envs))

    def _next_episodes(self) -> tuple[Observations, Infos]:
        """Draw the next episode of every row and return the first observations."""
        assert self._seed is not None
        self._first_episode += self.num_envs
        self._episodes: Episodes = draw(self.game, self._seed, self.num_envs, self._first_episode)
        drawn, shown = self._episodes, self._episodes.rank_shown
        self._feedback = (drawn.offered, drawn.rank * shown, drawn.spots * shown, drawn.accepted)
        self._round = 0
        self._last = None
        self._accepted_so_far = np.zeros(self.num_envs, np.int64)
        observations = self._observations(*np.zeros((5, self.num_envs), np.int64))
        regret = np.zeros(self.num_envs)
        return observations, self._masked(**self._hidden(), regret=regret) if self.reveal else {}

    def _checked(self, actions: Any) -> NDArray[np.int64]:
        choice = np.asarray(actions)
        if choice.shape != (self.num_envs,):
            raise InvalidAction(f"actions: must have shape ({self.num_envs},), got {choice.shape}")
        if choice.dtype.kind not in "iu":
            raise InvalidAction(f"actions: must be integers, got {choice.dtype}")
        if choice.min() < 0 or choice.max() >= self.game.offered:
            wrong = np.flatnonzero((choice < 0) | (choice >= self.game.offered))
            raise InvalidAction(
                f"actions: must be from 0 to {self.game.offered - 1}, got {choice[wrong[0]]} in row {wrong[0]} "
                f"({len(wrong)} invalid)"
            )
        return choice.astype(np.int64, copy=False)

    def _observations(self, *last: NDArray[np.int64]) -> Observations:
        assert self._round is not None
        now = min(self._round, self.game.rounds - 1)
        progress = np.float32(self._round) / np.float32(self.game.rounds)
        offered = self._episodes.offered[:, now].astype(np.int64)
        return observation(offered, np.full((self.num_envs, 1), progress, np.float32), *last)

    def _hidden(self) -> dict[str, NDArray[np.float32]]:
        assert self._round is not None
        now = min(self._round, self.game.rounds - 1)
        valuations, acceptances = self._episodes.valuation, self._episodes.acceptance
        return {"valuations": valuations[:, now].copy(), "acceptances": acceptances[:, now].copy()}

    def _masked(self, **infos: Any) -> Infos:
        """Return infos in the format of Gymnasium, with a mask of the rows that have each key."""
        masks = {f"_{key}": np.ones(self.num_envs, np.bool_) for key in infos}
        return {**infos, **masks}

    def _scene(self, row: int) -> Scene:
        assert self._round is not None
        last = None
        if self._last is not None:
            now, choice, rank, spots, accepted = self._last
            offered = self._episodes.offered[row, now].tolist()
            last = LastRound(offered, int(choice[row]), int(rank[row]), int(spots[row]), bool(accepted[row]))
        offered = self._episodes.offered[row, self._round].tolist()
        return Scene(self.game, self._round, int(self._accepted_so_far[row]), last, offered)
