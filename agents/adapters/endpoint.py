"""Language models behind an OpenAI-compatible endpoint as agents."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from pydantic import ValidationError

from accept_reject.agents.adapters.completions import read_completion
from accept_reject.agents.adapters.text import Reply, TextAgent
from accept_reject.agents.adapters.transport import (
    TransportError,
    make_client,
    one_line,
    post,
    require_httpx,
    retry_after,
    sleep,
)
from accept_reject.envs.rendering import plural
from accept_reject.errors import InvalidInputError, shorten

if TYPE_CHECKING:
    import httpx

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Pause before the first retry, which doubles with every retry, and the longest of these pauses, in seconds."""

LONGEST_RETRY_AFTER = 300.0
"""Longest pause that a server can ask for, in seconds."""

_TRANSIENT = {408, 409, 425, 429}
"""HTTP statuses after which a request is retried, in addition to those from 500."""

_RESERVED = ("messages", "prompt", "model", "n", "stream")
"""Keys of a request that only the agent sets."""

_SECRET = re.compile(r"(?i)api[-_]?key|^key$|authorization|headers|secret|password|access[-_]?token|^token$|^sig")
"""Keys whose values may be secret."""


class Endpoint(TextAgent):
    """Plays with a language model through `POST base_url/chat/completions`.

    If the server returns log-probabilities, they determine the policy; if not, the model's letter has the probability
    1. Reasoning in `<think>...</think>` is not part of the answer. Refusals and other texts miss the round. A server
    that can't be reached, or that does not return completions, is an error, since that is not an answer of the model.

    Args:
        model: The server's name of the model.
        base_url: Address of the server, such as `http://localhost:8000/v1`. A query is kept.
        api_key_env: Name of the environment variable that contains the API key; without it no key is sent.
        system: A system prompt.
        completions: Whether to use `POST base_url/completions` with the prompt as a plain text, for base models.
        suffix: The end of a plain text, after which the model continues with a letter.
        request: Additional keys of each request, such as `{temperature: 0}`; null removes a key.
        timeout: Longest time of a request, from the connection to the last byte of the response, in seconds.
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
        system: str | None = None,
        completions: bool = False,
        suffix: str = "Answer:",
        request: Mapping[str, Any] | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        workers: int = 8,
        transcript: str | Path | None = None,
    ) -> None:
        super().__init__(transcript)
        key = os.environ.get(api_key_env, "").strip() if isinstance(api_key_env, str) else ""
        require_httpx(type(self).__name__)
        texts = {"model": model, "system": "" if system is None else system, "suffix": suffix}
        wrong = {name: text for name, text in texts.items() if not isinstance(text, str)}
        problems = [f"{name}: must be a string, got {shorten(text)}" for name, text in wrong.items()]
        problems += _problems_of_url(base_url)
        if api_key_env is not None and not (key and key.isascii() and key.isprintable()):
            # not with its value, which may be a key that was pasted here
            problems.append("api_key_env: must be the name of an environment variable that contains an API key")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= 3600:
            problems.append(f"timeout: must be a number > 0 and <= 3600, got {shorten(timeout)}")
        for name, count, low, high in (("retries", retries, 0, 100), ("workers", workers, 1, 256)):
            if isinstance(count, bool) or not isinstance(count, int) or not low <= count <= high:
                problems.append(f"{name}: must be an integer from {low} to {high}, got {shorten(count)}")
        problems += _problems_of_request(request)
        if problems:
            raise InvalidInputError(type(self).__name__, problems)
        address = urlsplit(base_url)
        path = f"{address.path.rstrip('/')}/{'completions' if completions else 'chat/completions'}"
        self._url = urlunsplit(address._replace(path=path))
        self._shown_url = urlunsplit(address._replace(path=path, query=""))
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        if key and "api-version" in dict(parse_qsl(address.query)):
            self._headers["api-key"] = key  # Azure
        self._secrets = {key, json.dumps(key)[1:-1], quote(key, safe="")} - {""}
        chat, text = {"logprobs": True, "top_logprobs": 20}, {"logprobs": 5, "max_tokens": 1}
        body = {"model": model, **(text if completions else chat), **(request or {})}
        self._body = {name: value for name, value in body.items() if value is not None}
        self._system, self._suffix = system, suffix if completions else None
        self._timeout, self._retries, self._workers = timeout, retries, workers
        make_client(self._headers)  # fail before the first round

    def ask(self, prompts: list[str], offered: int) -> list[Reply]:
        """Return the model's answer to each prompt, with several simultaneous requests.

        Raises:
            InvalidInputError: If the server refuses a request, or if it fails in every attempt.
        """
        from anyio.from_thread import start_blocking_portal

        with start_blocking_portal() as portal:  # a thread of its own: notebooks already run an event loop in this one
            return portal.call(self._ask_all, prompts, offered)

    async def _ask_all(self, prompts: Sequence[str], offered: int) -> list[Reply]:
        import anyio

        replies = [Reply(None)] * len(prompts)
        errors: list[InvalidInputError] = []
        workers = anyio.Semaphore(self._workers)

        async def ask_one(player: int, text: str) -> None:
            async with workers:
                try:
                    replies[player] = await self._ask_one(client, text, offered)
                except InvalidInputError as error:
                    errors.append(error)
                    group.cancel_scope.cancel()  # no further requests after a failure

        async with make_client(self._headers) as client, anyio.create_task_group() as group:
            for player, text in enumerate(prompts):
                group.start_soon(ask_one, player, text)
        if errors:
            raise errors[0]
        return replies

    async def _ask_one(self, client: httpx.AsyncClient, text: str, offered: int) -> Reply:
        problem, _body = "", {**self._body, **self._prompt(text)}
        for attempt in range(self._retries + 1):
            pause = 0.0
            try:
                status, headers, content = await post(
                    client, self._url, {**self._body, **self._prompt(text)}, self._timeout
                )
                if 200 <= status < 300:
                    return self._without_secrets(read_completion(content, offered))
                problem = f"status {status}: {self._excerpt(content)}"
                if status not in _TRANSIENT and status < 500:
                    raise InvalidInputError(self._shown_url, [f"refused the request: {problem}"])
                pause = retry_after(headers)
            except ValidationError:
                problem = f"must be a completion, got {self._excerpt(content)!r}"
            except TransportError as error:
                problem = self._excerpt(str(error).encode())
            if pause > LONGEST_RETRY_AFTER:
                problem = (
                    f"{problem}; the server asks for a pause of {pause:.0f} s, longer than {LONGEST_RETRY_AFTER:.0f} s"
                )
                raise InvalidInputError(self._shown_url, [problem])
            if attempt < self._retries:
                await sleep(max(pause, min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)))
        raise InvalidInputError(
            self._shown_url, [f"failed in {plural(self._retries + 1, 'attempt')}, last problem: {problem}"]
        )

    def _prompt(self, text: str) -> dict[str, Any]:
        """Return the part of a request that contains the prompt."""
        if self._suffix is not None:
            return {"prompt": "\n\n".join(filter(None, (self._system, text, self._suffix)))}
        messages = [{"role": "system", "content": self._system}] if self._system else []
        return {"messages": [*messages, {"role": "user", "content": text}]}

    def _excerpt(self, content: bytes) -> str:
        """Return the beginning of a response on one line, without the API key, which some servers repeat."""
        return one_line(self._mask(content[:10_000].decode(errors="replace")))[:200]

    def _without_secrets(self, reply: Reply) -> Reply:
        return reply._replace(text=None if reply.text is None else self._mask(reply.text))

    def _mask(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "...")
        return text


def _problems_of_url(url: Any) -> list[str]:
    """List the problems of a base URL; a password or a key in it would appear in messages and reports."""
    import httpx

    wanted = "base_url: must be http://host or https://host, with an optional port, path and query"
    try:
        if not isinstance(url, str) or not url.isprintable() or " " in url:
            return [wanted]
        address, parsed = urlsplit(url), httpx.URL(url)
        plain = address.scheme in ("http", "https") and parsed.host and address.port != 0 and not address.fragment
    except (ValueError, httpx.InvalidURL):  # such as a port that is not a number
        return [wanted]
    if not plain or "@" in address.netloc:
        return [wanted]
    if any(_SECRET.search(name) for name, _ in parse_qsl(address.query, keep_blank_values=True)):
        return ["base_url: must not contain a key; api_key_env names the environment variable that contains it"]
    return []


def _problems_of_request(request: Any) -> list[str]:
    """List the problems of additional keys; they appear in the config and the report of a run."""
    if request is None:
        return []
    if not isinstance(request, Mapping):
        return [f"request: must be a mapping, got {shorten(request)}"]
    problems = [f"request.{name}: can't be set here, as the agent sets it" for name in _RESERVED if name in request]
    problems += [
        f"request.{name}: must not contain a key; api_key_env names the environment variable that contains it"
        for name in request
        if _SECRET.search(str(name))
    ]
    try:
        json.dumps(dict(request), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        problems.append(f"request: must be valid JSON, got {type(error).__name__}: {error}")
    return problems
