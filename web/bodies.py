"""What browsers send."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AllowInfNan, BaseModel, ConfigDict, Field, JsonValue, StrictFloat, StrictInt, StrictStr

_Count = Annotated[StrictInt, Field(ge=0, le=100_000)]
_Seconds = Annotated[StrictFloat | StrictInt, AllowInfNan(False), Field(ge=0, le=86_400)]
_ExternalId = Annotated[StrictStr, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Start(_Body):
    """The begin of a session.

    Attributes:
        language: Language of the texts.
        external: External ids from the link.
        episode: The episode to play, in games that are played for their own sake.
    """

    language: Annotated[StrictStr, Field(max_length=20)]
    external: Annotated[dict[Annotated[str, Field(max_length=50)], _ExternalId], Field(max_length=10)] = {}
    episode: Annotated[StrictInt, Field(ge=0, lt=2**31)] | None = None


class PageAnswer(_Body):
    """The answer to a page: numbers of the chosen answers, from 1."""

    page: Annotated[StrictStr, Field(max_length=50)]
    attempt: _Count
    answers: Annotated[list[_Count], Field(max_length=20)] = []
    seconds: _Seconds | None = None


class RoundAnswer(_Body):
    """The choice of a round; without a place, the round was missed.

    Attributes:
        response_time: Seconds from the first frame with the offer to the choice.
        device: What the choice was made with.
        unfocused: How often the page lost the focus in this round, and for how many seconds.
        fullscreen_left: How often the full screen was left.
    """

    part: Literal["practice", "game"]
    round: _Count
    place: Annotated[StrictInt, Field(ge=0, le=100)] | None
    response_time: _Seconds | None = None
    device: Literal["key", "mouse", "touch", "pen"] | None = None
    unfocused: _Count = 0
    unfocused_seconds: _Seconds = 0.0
    fullscreen_left: _Count = 0


class RatingAnswer(_Body):
    """A rating."""

    number: _Count
    rating: _Count
    seconds: _Seconds | None = None


class ExtraAnswer(_Body):
    """The data of the study's own trials of a part, as jsPsych collects them."""

    part: Literal["before", "after"]
    trials: Annotated[list[dict[str, JsonValue]], Field(max_length=10_000)]


class Note(_Body):
    """Something that happened in the browser."""

    event: Literal["resumed", "second tab"]
