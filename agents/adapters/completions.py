"""Reading completions: the answer without its reasoning, and the probabilities of the letters at the answer's token."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field

from accept_reject.agents.adapters.prompts import read_answer, read_letter
from accept_reject.agents.adapters.text import Reply

_SPECIAL = re.compile(r"<\|[^<>|]*\|>|</?s>|<eos>")
"""Special tokens of chat templates, which are not part of the text."""

_SPACES = str.maketrans({"\u0120": " ", "\u2581": " ", "\u010a": "\n"})
"""Spaces and line feeds as some tokenizers write them."""

_IMPOSSIBLE = 1e-6
"""Probability below which an answer contradicts the log-probabilities, such as those that are clipped at -9999."""


class _Message(BaseModel):
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)


def read_completion(content: bytes, offered: int) -> Reply:
    """Read a completion of a chat or of a text.

    Args:
        content: The completion, as JSON.
        offered: Number of valid letters.

    Raises:
        pydantic.ValidationError: If it is not a completion.
    """
    choice = _Completion.model_validate_json(content).choices[0]
    message = choice.message or _Message(content=choice.text)
    if message.refusal or choice.finish_reason == "content_filter":
        return Reply(message.refusal or _text(message), "refused")
    text = _text(message)
    letter = read_answer(text or "", offered)
    if letter:
        return Reply(text, probabilities=_probabilities(choice.logprobs, letter, offered))
    return Reply(text, "cut off at the token limit" if choice.finish_reason == "length" else None)


def _text(message: _Message) -> str | None:
    """Return the text of a message, without parts that are not text."""
    if not isinstance(message.content, list):
        return message.content
    texts = [part["text"] for part in message.content if isinstance(part.get("text"), str)]
    return "".join(texts) if texts else None


def _probabilities(logprobs: Any, letter: str, offered: int) -> dict[str, float] | None:
    """Return the probabilities of the letters at the token of the answer; None if they are not known.

    The log-probabilities may include tokens of the reasoning, such as a lone " a". The token of the answer is the last
    one with its letter, and nothing but punctuation and special tokens follows. Probabilities that contradict the
    answer are not used.
    """
    probabilities: dict[str, float] = {}
    for other, logprob in _at_answer(logprobs, letter, offered).items():
        if each := read_letter(other.translate(_SPACES), offered):  # "A", " A" and "a" are tokens of the same letter
            probabilities[each] = probabilities.get(each, 0.0) + math.exp(min(logprob, 0.0))
    return probabilities if probabilities.get(letter, 0.0) > _IMPOSSIBLE * sum(probabilities.values()) else None


def _at_answer(logprobs: Any, letter: str, offered: int) -> Mapping[str, float]:
    """Return the log-probabilities of the likely tokens at the token of the answer; empty if there is none."""
    rest = ""
    for token, likely in reversed(list(_tokens(logprobs))):
        rest = _SPECIAL.sub("", token.translate(_SPACES) + rest)
        if read_letter(rest, offered) == letter:
            return likely
        if re.search(r"[^\W_]", rest):
            break
    return {}


def _tokens(logprobs: Any) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Return each token, and the log-probabilities of the likely tokens in its place; what is not valid is left out."""
    if not isinstance(logprobs, dict):
        return
    if isinstance(entries := logprobs.get("content"), list):  # of a chat
        for entry in entries:
            if isinstance(entry, dict) and isinstance(entry.get("token"), str):
                tops = entry.get("top_logprobs")
                pairs = [entry, *(tops if isinstance(tops, list) else [])]
                pairs = [each for each in pairs if isinstance(each, dict)]
                yield entry["token"], _valid((each.get("token"), each.get("logprob")) for each in pairs)
        return
    names = ("tokens", "token_logprobs", "top_logprobs")
    columns = [value if isinstance(value := logprobs.get(name), list) else [] for name in names]
    for i, token in enumerate(columns[0]):
        if isinstance(token, str):
            own = columns[1][i] if i < len(columns[1]) else None
            top = columns[2][i] if i < len(columns[2]) else None
            yield token, _valid([(token, own), *(top.items() if isinstance(top, dict) else [])])


def _valid(pairs: Iterable[tuple[Any, Any]]) -> dict[str, float]:
    """Return the pairs of a token and a number that is not NaN; minus infinity is valid."""
    return {
        token: float(max(logprob, -sys.float_info.max))
        for token, logprob in pairs
        if isinstance(token, str) and isinstance(logprob, float | int) and logprob <= sys.float_info.max
    }
