"""Language models behind an OpenAI-compatible endpoint, as agents."""

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
from accept_reject.envs.faults import InvalidInputError

if TYPE_CHECKING:
    import httpx

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds before the first retry, which double with each further one, and the most that they become."""

_PASSING = {408, 409, 425, 429}
"""Statuses that may be gone at the next try; so may be those from 500."""


class Endpoint(TextAgent):
    """Plays as a language model does that is asked through `POST base_url/chat/completions`.

    If the server tells log-probabilities, they become the probabilities of the letters; if not, the letter that it
    answers with counts as certain. Refusals and chatter miss the round. A server that can't be reached, or that sends
    no completions, ends the game, since that is no answer of the model's.

    Args:
        model: Name of the model, as the server knows it.
        base_url: Address of the server, such as `http://localhost:8000/v1`.
        api_key_env: Name of the environment variable that holds the key; no key by default.
        request: Further keys of each request, such as `{temperature: 0}`; one that is null is left out.
        timeout: Seconds to wait for the server before a try counts as failed.
        retries: How often a failed try is repeated, after pauses that grow.
        workers: How many requests are made side by side.
        transcript: As for `TextAgent`.

    Raises:
        InvalidInputError: With every fault of the arguments, or if httpx is not installed.
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
        faults = []
        try:
            import httpx  # noqa: F401 (optional: told now rather than in the first round)
        except ImportError:
            faults.append("needs httpx: pip install 'accept-reject[llm]'")
        if not _is_plain(base_url):
            faults.append("base_url: should be http://host or https://host, with a port and a path if need be")
        if api_key_env and not (self._key and self._key.isascii() and self._key.isprintable()):
            faults.append(f"api_key_env: the environment variable {api_key_env} holds no key")
        if timeout <= 0:
            faults.append(f"timeout: should be above 0, but is {timeout}")
        for name, count, least in (("retries", retries, 0), ("workers", workers, 1)):
            if isinstance(count, bool) or not isinstance(count, int) or count < least:
                faults.append(f"{name}: should be a whole number from {least}, but is {count!r}")
        if faults:
            raise InvalidInputError(type(self).__name__, faults)
        self._url = base_url.rstrip("/") + "/chat/completions"
        body = {"model": model, "logprobs": True, "top_logprobs": 20, **(request or {})}
        self._body = {key: value for key, value in body.items() if value is not None}
        self._timeout, self._retries, self._workers = timeout, retries, workers

    def ask(self, prompts: list[str], offered: int) -> list[Reply]:
        """What the model answers to each prompt, several of them side by side.

        Raises:
            InvalidInputError: If the server refuses a request, or if all tries have failed.
        """
        import httpx

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        pool = ThreadPoolExecutor(self._workers)
        with httpx.Client(headers=headers, timeout=self._timeout) as client:
            try:
                return list(pool.map(partial(self._ask_one, client, offered), prompts))
            finally:
                pool.shutdown(cancel_futures=True)  # after a failure nobody asks on

    def _ask_one(self, client: httpx.Client, offered: int, text: str) -> Reply:
        import httpx

        body = {**self._body, "messages": [{"role": "user", "content": text}]}
        fault = ""
        for tried in range(self._retries + 1):
            pause = 0.0
            try:
                response = client.post(self._url, json=body)
                if response.is_success:
                    return read_completion(response.content, offered)
                fault = f"status {response.status_code}: {self._excerpt(response.text)}"
                if response.status_code not in _PASSING and response.status_code < 500:
                    raise InvalidInputError(self._url, [f"refused the request with {fault}"])
                pause = _seconds(response.headers.get("retry-after", ""))
            except httpx.RequestError as error:
                fault = f"{type(error).__name__}: {self._excerpt(str(error))}"
            except ValidationError as error:
                fault = f"no completion, but {self._excerpt(response.text)!r} ({error.errors()[0]['msg']})"
            if tried < self._retries:
                time.sleep(min(max(pause, FIRST_PAUSE * 2**tried), LONGEST_PAUSE))
        tries = "1 try" if self._retries == 0 else f"{self._retries + 1} tries"
        raise InvalidInputError(self._url, [f"gave no answer in {tries}, the last time {fault}"])

    def _excerpt(self, text: str) -> str:
        """The beginning of what a server sent, without the key, which some repeat."""
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
    """What a chat completion says.

    Args:
        content: The completion, as JSON.
        offered: How many letters there were to answer with.

    Raises:
        pydantic.ValidationError: If it is none.
    """
    choice = _Completion.model_validate_json(content).choices[0]
    refusal = choice.message.refusal
    refused = bool(refusal) or choice.finish_reason == "content_filter"
    chances: dict[str, float] = {}
    for token in (choice.logprobs.content if choice.logprobs else None) or []:
        if read_letter(token.token, offered):  # where the letter stands, after any quotes and brackets
            for other, logprob in {each.token: each.logprob for each in (token, *token.top_logprobs)}.items():
                letter = read_letter(other, offered)
                if letter:  # "A", " A" and "a" are tokens of one letter
                    chances[letter] = chances.get(letter, 0.0) + math.exp(min(logprob, 0.0))
            break
    return Reply(refusal or choice.message.content, refused, chances or None)


def _is_plain(url: str) -> bool:
    """Whether it is a web address, without a password, which would turn up in messages."""
    try:
        address = urlsplit(url)
        return address.scheme in ("http", "https") and bool(address.hostname and address.port != 0) and "@" not in url
    except ValueError:  # such as a port that is no number
        return False


def _seconds(text: str) -> float:
    """The seconds of a `Retry-After` header; 0 if it is missing or a date."""
    try:
        return max(float(text), 0.0)
    except ValueError:
        return 0.0
