"""GameSpec: what a game of accept-or-reject is, apart from its draws."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator

from accept_reject.envs.faults import Real, Spec, Whole, list_faults

SpotsRange = tuple[Whole, Whole]
"""Fewest and most spots; every number between them, both ends included, is equally likely."""


class PartnerKind(Spec):
    """How partners of one kind rank and accept the player.

    Attributes:
        mean_rank: Mean of the latent Normal from which ranks are drawn; 1 is the best. It is the hidden state behind
            the partner's valuation of the player, `(ranks - mean_rank) / (ranks - 1)`.
        acceptance: Probability that it accepts, whatever the rank. For the orthogonal rule only.
        spots: How many spots it has in a round, `(fewest, most)`. For the causal rule only.
        rank_shown: Whether the player sees the rank, and with it the spots.
        count: How many partners of this kind the game has.
    """

    mean_rank: Real
    acceptance: Annotated[Real, Field(ge=0, le=1)] | None = None
    spots: SpotsRange | None = None
    rank_shown: bool = True
    count: Annotated[Whole, Field(ge=1)] = 1


class OpenDoors(Spec):
    """From some round on everyone has plenty of spots, and acceptance follows the rank.

    Attributes:
        at: Share of the game after which the doors open, between 0 and 1.
        spots: How many spots every partner has in a round from then on, `(fewest, most)`.
    """

    at: Annotated[Real, Field(gt=0, lt=1)]
    spots: SpotsRange


class GameSpec(Spec):
    """A game: its partners, how they rank and accept, and what is offered.

    In every round each offered partner ranks the player, `rank = round(Normal(mean_rank, rank_sd))` kept within
    `1..ranks`, and has some spots, and always `accepted == (rank <= spots)`. The rule says which follows which:

    - `orthogonal`: rank and acceptance are drawn independently, then spots, uniform over the values that agree with
      both. Knowing who accepts tells nothing about who values.
    - `causal`: rank and spots are drawn, and acceptance follows from them.

    Attributes:
        rule: The feedback rule.
        ranks: Length of the ladder: ranks go from 1 (best) to this.
        rounds: Rounds in an episode.
        offered: How many partners are offered in a round.
        rank_sd: Standard deviation of a partner's latent rank from round to round, in ranks.
        partners: The kinds of partners. Each episode deals them to the partner numbers at random.
        present: How many partners are around at any time; the others come one by one, at even intervals, each in the
            place of a random one who leaves for good. All of them by default.
        drift: Standard deviation of the random walk, per round and in ranks, that each partner's mean rank makes
            between 1 and `ranks`.
        open_doors: If given, spots become plenty for everyone from some round on.
    """

    rule: Literal["orthogonal", "causal"] = "orthogonal"
    ranks: Annotated[Whole, Field(ge=2, le=100)] = 8
    rounds: Annotated[Whole, Field(ge=1, le=10_000)] = 144
    offered: Annotated[Whole, Field(ge=2, le=100)] = 2
    rank_sd: Annotated[Real, Field(ge=0.01, le=100)] = 1.2
    partners: tuple[PartnerKind, ...]
    present: Annotated[Whole, Field(ge=2)] | None = None
    drift: Annotated[Real, Field(ge=0, le=100)] = 0.0
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
            sound = {i: kind for i, each in enumerate(value) if (kind := _sound(each))}
            faults = [f".{fault}" for fault in list_faults(error, PartnerKind)]
            raise ValueError("\n".join(faults + cls._kind_faults(sound, info))) from None
        offered = info.data.get("offered") or 2
        faults = cls._kind_faults(dict(enumerate(partners)), info)
        count = sum(kind.count for kind in partners)
        if count > 256:
            faults.append(f": should hold at most 256 partners, but holds {count}")
        if count < offered:
            faults.append(f": should hold at least as many partners as are offered ({offered}), but holds {count}")
        if faults:
            raise ValueError("\n".join(faults))
        return partners

    @staticmethod
    def _kind_faults(kinds: dict[int, PartnerKind], info: ValidationInfo) -> list[str]:
        """What is wrong with each kind of partner in a game of this rule and ladder."""
        rule, ranks = info.data.get("rule"), info.data.get("ranks")
        faults = []
        for i, kind in kinds.items():
            if ranks and not 1 <= kind.mean_rank <= ranks:
                faults.append(f".{i}.mean_rank: should be from 1 to {ranks} (ranks), but is {kind.mean_rank}")
            if rule == "orthogonal" and kind.acceptance is None:
                faults.append(f".{i}.acceptance: is required by the orthogonal rule")
            if rule == "causal" and kind.acceptance is not None:
                faults.append(f".{i}.acceptance: has no place in the causal rule; give spots instead")
            if rule == "causal" and kind.spots is None:
                faults.append(f".{i}.spots: is required by the causal rule, as [fewest, most]")
            if rule == "orthogonal" and kind.spots is not None:
                faults.append(f".{i}.spots: has no place in the orthogonal rule, which draws them; give acceptance")
            if kind.spots:
                faults += [f".{i}{fault}" for fault in _spots_faults(kind.spots, ranks)]
        return faults

    @field_validator("present")
    @classmethod
    def _check_present(cls, present: int | None, info: ValidationInfo) -> int | None:
        offered, rounds, partners = (info.data.get(key) for key in ("offered", "rounds", "partners"))
        if present is None or not partners:
            return present
        count = sum(kind.count for kind in partners)
        faults = []
        if not (offered or 2) <= present <= count:
            faults.append(f"should be from {offered or 2} (offered) to {count} (partners), but is {present}")
        elif rounds and count - present >= rounds:
            faults.append(
                f"should leave fewer newcomers than there are rounds ({rounds}), but {count - present} of {count} "
                f"partners are to come"
            )
        if faults:
            raise ValueError("\n".join(faults))
        return present

    @field_validator("open_doors")
    @classmethod
    def _check_open_doors(cls, open_doors: OpenDoors | None, info: ValidationInfo) -> OpenDoors | None:
        faults = _spots_faults(open_doors.spots, info.data.get("ranks")) if open_doors else []
        if faults:
            raise ValueError("\n".join(faults))
        return open_doors

    @property
    def n_partners(self) -> int:
        """How many partners the game has in all."""
        return sum(kind.count for kind in self.partners)

    @property
    def n_present(self) -> int:
        """How many partners are around at any time."""
        return self.present or self.n_partners

    @property
    def opening_round(self) -> int:
        """The first round (from 0) in which the doors are open, never the first of all; `rounds` if they never open."""
        if self.open_doors is None:
            return self.rounds
        return max(1, min(round(self.open_doors.at * self.rounds), self.rounds - 1))

    @property
    def arrivals(self) -> tuple[int, ...]:
        """The rounds (from 0) in whose beginning a newcomer arrives, one for each of them."""
        newcomers = self.n_partners - self.n_present
        return tuple(i * self.rounds // (newcomers + 1) for i in range(1, newcomers + 1))


def _sound(kind: Any) -> PartnerKind | None:
    """A kind of partner, if it is without fault by itself."""
    try:
        return PartnerKind.model_validate(kind)
    except ValidationError:
        return None


def _spots_faults(spots: SpotsRange, ranks: int | None) -> list[str]:
    fewest, most = spots
    if 0 <= fewest <= most <= (ranks or most):
        return []
    top = f" <= {ranks} (ranks)" if ranks else ""
    return [f".spots: should be [fewest, most] with 0 <= fewest <= most{top}, but is [{fewest}, {most}]"]
