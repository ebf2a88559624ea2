"""GameSpec: the parameters of a game."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from accept_reject.errors import Integer, Number, Spec, list_problems

SpotsRange = tuple[Integer, Integer]
"""Smallest and largest number of spots; spots are uniform between them, both included."""


class PartnerKind(Spec):
    """A kind of partner: how it ranks and accepts the player.

    Attributes:
        mean_rank: Mean of the latent Normal distribution of its ranks; 1 is the best. It determines the partner's
            hidden valuation of the player, `(ranks - mean_rank) / (ranks - 1)`.
        acceptance: Probability that it accepts, independent of the rank. Only valid for the orthogonal rule.
        spots: Range of its spots in a round, `(fewest, most)`. Only valid for the causal rule.
        rank_shown: Whether the player sees its rank and spots.
        count: Number of partners of this kind.
    """

    mean_rank: Number
    acceptance: Annotated[Number, Field(ge=0, le=1)] | None = None
    spots: SpotsRange | None = None
    rank_shown: bool = True
    count: Annotated[Integer, Field(ge=1)] = 1


class OpenDoors(Spec):
    """A change during the game, after which all partners have plenty of spots, so that acceptance follows the rank.

    Attributes:
        at: Share of the game after which the doors open, between 0 and 1.
        spots: Range of every partner's spots in a round after that, `(fewest, most)`.
    """

    at: Annotated[Number, Field(gt=0, lt=1)]
    spots: SpotsRange


class GameSpec(Spec):
    """The parameters of a game.

    In every round each offered partner has a rank of the player, `round(Normal(mean_rank, rank_sd))` clipped to
    `1..ranks`, and a number of spots, and `accepted == (rank <= spots)` holds. There are two feedback rules:

    - `orthogonal`: rank and acceptance are drawn independently; spots are then uniform over the values that are
      consistent with both. Acceptance does not depend on valuation.
    - `causal`: rank and spots are drawn, and acceptance follows from them.

    Attributes:
        rule: The feedback rule.
        ranks: Number of ranks, from 1 (best).
        rounds: Rounds in an episode.
        offered: Number of partners offered in a round.
        rank_sd: Standard deviation of a partner's latent rank between rounds, in ranks.
        partners: The kinds of partners. Each episode assigns them to partner numbers at random.
        present: Number of partners that are present at any time, by default all. The others arrive one by one, at even
            intervals; each replaces a random partner, which does not return.
        drift: Standard deviation of the steps of a random walk of each partner's mean rank, in ranks per round, which
            is reflected at 1 and `ranks`.
        open_doors: A change after which all partners have plenty of spots.
    """

    rule: Literal["orthogonal", "causal"] = "orthogonal"
    ranks: Annotated[Integer, Field(ge=2, le=100)] = 8
    rounds: Annotated[Integer, Field(ge=1, le=10_000)] = 144
    offered: Annotated[Integer, Field(ge=2, le=100)] = 2
    rank_sd: Annotated[Number, Field(ge=0.01, le=100)] = 1.2
    partners: tuple[PartnerKind, ...]
    present: Annotated[Integer, Field(ge=2)] | None = None
    drift: Annotated[Number, Field(ge=0, le=100)] = 0.0
    open_doors: OpenDoors | None = None

    @field_validator("partners", mode="wrap")
    @classmethod
    def _check_partners(
        cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> tuple[PartnerKind, ...]:
        try:
            partners: tuple[PartnerKind, ...] = validate(value)
        except ValidationError as error:
            if not isinstance(value, list | tuple):
                raise
            valid = {i: kind for i, each in enumerate(value) if (kind := _valid_or_none(each))}
            problems = [f".{problem}" for problem in list_problems(error, tuple[PartnerKind, ...])]
            raise ValueError("\n".join(problems + cls._kind_problems(valid, info))) from None
        offered = info.data.get("offered") or 2
        problems = cls._kind_problems(dict(enumerate(partners)), info)
        count = sum(kind.count for kind in partners)
        if count > 256:
            problems.append(f"must have at most 256 partners in total, got {count}")
        if count < offered:
            problems.append(f"must have at least {offered} partners in total (offered), got {count}")
        if problems:
            raise ValueError("\n".join(problems))
        return partners

    @staticmethod
    def _kind_problems(kinds: dict[int, PartnerKind], info: ValidationInfo) -> list[str]:
        """List the problems of each kind of partner with the rule and the number of ranks."""
        rule, ranks = info.data.get("rule"), info.data.get("ranks")
        problems = []
        for i, kind in kinds.items():
            if ranks and not 1 <= kind.mean_rank <= ranks:
                problems.append(f".{i}.mean_rank: must be a number from 1 to {ranks} (ranks), got {kind.mean_rank:g}")
            if rule == "orthogonal" and kind.acceptance is None:
                problems.append(f".{i}.acceptance: is required with the orthogonal rule")
            if rule == "causal" and kind.acceptance is not None:
                problems.append(f".{i}.acceptance: is only valid for the orthogonal rule; set spots instead")
            if rule == "causal" and kind.spots is None:
                problems.append(f".{i}.spots: is required with the causal rule, as [fewest, most]")
            if rule == "orthogonal" and kind.spots is not None:
                problems.append(f".{i}.spots: is only valid for the causal rule; set acceptance instead")
            if kind.spots:
                problems += [f".{i}{problem}" for problem in _spots_problems(kind.spots, ranks)]
        return problems

    @field_validator("present")
    @classmethod
    def _check_present(cls, present: int | None, info: ValidationInfo) -> int | None:
        offered, rounds, partners = (info.data.get(key) for key in ("offered", "rounds", "partners"))
        if present is None or not partners:
            return present
        count = sum(kind.count for kind in partners)
        problems = []
        if not (offered or 2) <= present <= count:
            problems.append(f"must be from {offered or 2} (offered) to {count} (partners), got {present}")
        elif rounds and count - present >= rounds:
            needed = f"{rounds} rounds and {count} partners, which arrive in different rounds"
            problems.append(f"must be > {count - rounds} with {needed}, got {present}")
        if problems:
            raise ValueError("\n".join(problems))
        return present

    @field_validator("open_doors")
    @classmethod
    def _check_open_doors(cls, open_doors: OpenDoors | None, info: ValidationInfo) -> OpenDoors | None:
        problems = _spots_problems(open_doors.spots, info.data.get("ranks")) if open_doors else []
        if problems:
            raise ValueError("\n".join(problems))
        return open_doors

    @property
    def n_partners(self) -> int:
        """Total number of partners."""
        return sum(kind.count for kind in self.partners)

    @property
    def n_present(self) -> int:
        """Number of partners that are present at any time."""
        return self.present or self.n_partners

    @property
    def opening_round(self) -> int:
        """Index of the first round with open doors, at least 1; `rounds` if they never open."""
        if self.open_doors is None:
            return self.rounds
        return max(1, min(round(self.open_doors.at * self.rounds), self.rounds - 1))

    @property
    def arrivals(self) -> tuple[int, ...]:
        """Index of the round in which each newcomer arrives."""
        newcomers = self.n_partners - self.n_present
        return tuple(i * self.rounds // (newcomers + 1) for i in range(1, newcomers + 1))


def _valid_or_none(kind: Any) -> PartnerKind | None:
    try:
        return PartnerKind.model_validate(kind)
    except ValidationError:
        return None


def _spots_problems(spots: SpotsRange, ranks: int | None) -> list[str]:
    fewest, most = spots
    if 0 <= fewest <= most <= (ranks or most):
        return []
    top = f" <= {ranks} (ranks)" if ranks else ""
    return [f".spots: must be [fewest, most] with 0 <= fewest <= most{top}, got [{fewest}, {most}]"]
