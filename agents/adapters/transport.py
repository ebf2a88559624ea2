"""HTTP requests within bounds of time and size, whatever the server does. httpx is an optional dependency."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from accept_reject.errors import InvalidInputError, shorten

if TYPE_CHECKING:
    import httpx

MAX_RESPONSE = 4_000_000
"""Largest response, in bytes."""


class TransportError(Exception):
    """A request that failed, or a response that can't be read."""


def require_httpx(subject: str) -> None:
    """Check that httpx is installed.

    Raises:
        InvalidInputError: If it is not.
    """
    try:
        import httpx  # noqa: F401
    except ImportError:
        raise InvalidInputError(subject, ["requires httpx; run: pip install 'accept-reject[llm]'"]) from None


def make_client(headers: Mapping[str, str]) -> httpx.AsyncClient:
    """Make a client, which also reads environment variables.

    Raises:
        InvalidInputError: If these are invalid.
    """
    import httpx

    try:
        return httpx.AsyncClient(headers={"Accept-Encoding": "gzip", **headers}, timeout=None)  # `post` limits the time
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        names = "ALL_PROXY, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, SSL_CERT_DIR and SSL_CERT_FILE"
        problem = one_line(f"must be valid for proxies and certificates, got {type(error).__name__}: {error}")
        raise InvalidInputError(f"environment variables {names}", [problem]) from None


async def post(
    client: httpx.AsyncClient, url: str, body: Mapping[str, Any], timeout: float
) -> tuple[int, Mapping[str, str], bytes]:
    """Send a request with a body of JSON.

    The timeouts of httpx are those of single reads, so that a server that sends a byte now and then would never end.

    Args:
        client: The client.
        url: The address.
        body: The body.
        timeout: Longest time from the connection to the last byte of the response, in seconds.

    Returns:
        The status, the headers and the content of the response.

    Raises:
        TransportError: If the request fails, takes too long, or if the response is too large or can't be decoded.
    """
    import anyio
    import httpx

    content = bytearray()
    try:
        with anyio.fail_after(timeout):
            async with client.stream("POST", url, json=body) as response:
                async for part in response.aiter_raw():
                    content += part
                    if len(content) > MAX_RESPONSE:
                        raise _too_large()
    except TimeoutError:
        raise TransportError(f"timeout: no complete response in {timeout:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise TransportError(f"{type(error).__name__}: {error}".removesuffix(": ")) from None
    return response.status_code, response.headers, _decoded(bytes(content), response.headers.get("content-encoding"))


def _decoded(content: bytes, encoding: str | None) -> bytes:
    """Decompress a response, but no more than the largest: a small one can contain gigabytes of spaces."""
    if encoding in (None, "", "identity"):
        return content
    if encoding not in ("gzip", "deflate"):
        raise TransportError(f"the response has the unknown encoding {shorten(encoding)}")
    try:
        plain = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, MAX_RESPONSE + 1)
    except zlib.error as error:
        raise TransportError(f"the response can't be decompressed: {error}") from None
    if len(plain) > MAX_RESPONSE:
        raise _too_large()
    return plain


def _too_large() -> TransportError:
    limit = f"{MAX_RESPONSE // 1_000_000} MB"
    return TransportError(f"the response is larger than {limit}; request fewer tokens (max_tokens) or top_logprobs")


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the pause that a server asks for by `Retry-After`, a number of seconds or a date; 0 if it is not valid."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return 0.0 if math.isnan(seconds) else max(seconds, 0.0)


async def sleep(seconds: float) -> None:
    """Wait."""
    import anyio

    await anyio.sleep(seconds)


def one_line(text: str) -> str:
    """Return a text of a server on one line, without control characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
