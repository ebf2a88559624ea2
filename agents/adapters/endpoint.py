"""Language models behind an OpenAI-compatible endpoint as agents."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from accept_reject.agents.adapters.prompts import read_letter
from accept_reject.agents.adapters.text import Reply, TextAgent
from accept_reject.envs.rendering import plural
from accept_reject.errors import InvalidInputError, shorten

if TYPE_CHECKING:
    import httpx

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Pause before the first retry, which doubles with every retry, and the longest pause, in seconds."""

_TRANSIENT = {408, 409, 425, 429}
"""HTTP statuses after which a request is retried, in addition to those from 500."""


class Endpoint(TextAgent):
    """Plays with a language model through `POST base_url/chat/completions`.

    If the server returns log-probabilities, they determine the policy; if not, the model's letter has the probability
    1. Refusals and other texts miss the round. A server that can't be reached, or that does not return completions, is
    an error, since that is not an answer of the model.

    Args:
        model: The server's name of the model.
        base_url: Address of the server, such as `http://localhost:8000/v1`.
        api_key_env: Name of the environment variable that contains the API key; without it no key is sent.
        request: Additional keys of each request, such as `{temperature: 0}`; null removes a key.
        timeout: Timeout of a request, in seconds.
        retries: Maximum number of retries of a failed request, with exponential backoff.
        workers: Number of simultaneous requests.
        transcript: As for `TextAgent`.

    Raises:
        InvalidInputError: With every problem of the arguments, or if httpx is not installed.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        api_key_env: str | None = None,
        request: Mapping[str, Any] | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        workers: int = 8,
        transcript: str | Path | None = None,
    ) -> None:
        super().__init__(transcript)
        self._key = os.environ.get(api_key_env, "").strip() if api_key_env else ""
        problems = []
        try:
            import httpx  # noqa: F401 (optional: fail before the first round)
        except ImportError:
            problems.append("requires httpx; run: pip install 'accept-reject[llm]'")
        if not _is_plain(base_url):
            problems.append("base_url: must be http://host or https://host, with an optional port and path")
        if api_key_env and not (self._key and self._key.isascii() and self._key.isprintable()):
            problems.append(f"api_key_env: the environment variable {api_key_env} must contain an API key")
        if timeout <= 0:
            problems.append(f"timeout: must be a number > 0, got {timeout}")
        for name, count, least in (("retries", retries, 0), ("workers", workers, 1)):
            if isinstance(count, bool) or not isinstance(count, int) or count < least:
                problems.append(f"{name}: must be an integer >= {least}, got {shorten(count)}")
        if problems:
            raise InvalidInputError(type(self).__name__, problems)
        self._url = base_url.rstrip("/") + "/chat/completions"
        body = {"model": model, "logprobs": True, "top_logprobs": 20, **(request or {})}
        self._body = {key: value for key, value in body.items() if value is not None}
        self._timeout, self._retries, self._workers = timeout, retries, workers

    def ask(self, prompts: list[str], offered: int) -> list[Reply]:
        """Return the model's answer to each prompt, with several simultaneous requests.

        Raises:
            InvalidInputError: If the server refuses a request, or if it fails in every attempt.
        """
        import httpx

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        pool = ThreadPoolExecutor(self._workers)
        with httpx.Client(headers=headers, timeout=self._timeout) as client:
            try:
                return list(pool.map(partial(self._ask_one, client, offered), prompts))
            finally:
                pool.shutdown(cancel_futures=True)  # no further requests after a failure

    def _ask_one(self, client: httpx.Client, offered: int, text: str) -> Reply:
        import httpx

        body = {**self._body, "messages": [{"role": "user", "content": text}]}
        problem = ""
        for attempt in range(self._retries + 1):
            pause = 0.0
            try:
                response = client.post(self._url, json=body)
                if response.is_success:
                    return read_completion(response.content, offered)
                problem = f"status {response.status_code}: {self._excerpt(response.text)}"
                if response.status_code not in _TRANSIENT and response.status_code < 500:
                    raise InvalidInputError(self._url, [f"refused the request: {problem}"])
                pause = _seconds(response.headers.get("retry-after", ""))
            except httpx.RequestError as error:
                problem = f"{type(error).__name__}: {self._excerpt(str(error))}"
            except ValidationError:
                problem = f"must be a chat completion, got {self._excerpt(response.text)!r}"
            if attempt < self._retries:
                time.sleep(min(max(pause, FIRST_PAUSE * 2**attempt), LONGEST_PAUSE))
        raise InvalidInputError(
            self._url, [f"failed in {plural(self._retries + 1, 'attempt')}, last problem: {problem}"]
        )

    def _excerpt(self, text: str) -> str:
        """Return the beginning of a response, without the API key, which some servers repeat."""
        return (text.replace(self._key, "...") if self._key else text)[:200]


class _TopToken(BaseModel):
    token: str
    logprob: FiniteFloat


class _Token(_TopToken):
    top_logprobs: list[_TopToken] = []


class _LogProbs(BaseModel):
    content: list[_Token] | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: _LogProbs | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)


def read_completion(content: bytes, offered: int) -> Reply:
    """Read a chat completion.

    Args:
        content: The completion, as JSON.
        offered: Number of valid letters.

    Raises:
        pydantic.ValidationError: If it is not a chat completion.
    """
    choice = _Completion.model_validate_json(content).choices[0]
    refusal = choice.message.refusal
    refused = bool(refusal) or choice.finish_reason == "content_filter"
    probabilities: dict[str, float] = {}
    for token in (choice.logprobs.content if choice.logprobs else None) or []:
        if read_letter(token.token, offered):  # the token of the letter, after any quotes and brackets
            for other, logprob in {each.token: each.logprob for each in (token, *token.top_logprobs)}.items():
                letter = read_letter(other, offered)
                if letter:  # "A", " A" and "a" are tokens of the same letter
                    probabilities[letter] = probabilities.get(letter, 0.0) + math.exp(min(logprob, 0.0))
            break
    return Reply(refusal or choice.message.content, refused, probabilities or None)


def _is_plain(url: str) -> bool:
    """Return whether a text is a web address without a password, which would appear in messages."""
    try:
        address = urlsplit(url)
        return address.scheme in ("http", "https") and bool(address.hostname and address.port != 0) and "@" not in url
    except ValueError:  # such as a port that is not a number
        return False


def _seconds(text: str) -> float:
    """Return the seconds of a `Retry-After` header; 0 if it is missing or a date."""
    try:
        return max(float(text), 0.0)
    except ValueError:
        return 0.0
