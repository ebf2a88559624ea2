"""Servers that never end, or send gigabytes or nonsense: each ends in time, in bounded memory, with one line."""

import gzip
import json
import resource
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from accept_reject.agents.adapters import transport
from accept_reject.agents.adapters.completions import read_completion
from accept_reject.agents.adapters.endpoint import Endpoint
from accept_reject.errors import InvalidInputError

KEY = "sk-very-secret-0123456789"
GOOD = json.dumps({"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}]}).encode()
TIMEOUT = 0.4

Send = Callable[[bytes], None]


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def forever(start: bytes, part: bytes, pause: float = 0.0) -> Callable[[Send], None]:
    """Return a behavior that never stops sending."""

    def behave(send: Send) -> None:
        send(start)
        while True:
            send(part)
            time.sleep(pause)

    return behave


def once(content: bytes) -> Callable[[Send], None]:
    return lambda send: send(content)


def silence(_: Send) -> None:
    time.sleep(TIMEOUT * 3)


LARGE, SLOW, PROTOCOL, INVALID = (
    "larger than 4 MB",
    "no complete response in 0.4 s",
    "ProtocolError",
    "must be a completion",
)
BOMB = response(gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

BEHAVIORS: dict[str, tuple[Callable[[Send], None], str]] = {
    "endless": (forever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1_000_000), LARGE),
    "endless chunks": (forever(CHUNKED, b"F4240\r\n" + b" " * 1_000_000 + b"\r\n"), LARGE),
    "endless error": (forever(b"HTTP/1.1 500 X\r\n\r\n", b"x" * 1_000_000), LARGE),
    "gzip bomb": (once(BOMB), LARGE),
    "10 MB": (once(response(b"A" * 10_000_000)), LARGE),
    "dripping": (forever(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" ", 0.05), SLOW),
    "dripping header": (forever(b"HTTP/1.1 200 OK\r\n", b"X", 0.05), SLOW),
    "endless 100 Continue": (forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), SLOW),
    "silence": (silence, SLOW),
    "silence after the header": (lambda send: (send(b"HTTP/1.1 200 OK\r\n"), silence(send)), SLOW),
    "10 MB header": (once(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 10_000_000 + b"\r\n\r\n"), PROTOCOL),
    "endless headers": (forever(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000), PROTOCOL),
    "no HTTP": (once(b"\x00\x01\x02 garbage\r\n\r\n"), PROTOCOL),
    "SSH": (once(b"SSH-2.0-OpenSSH\r\n"), PROTOCOL),
    "closed": (once(b""), PROTOCOL),
    "closed midway": (once(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"), PROTOCOL),
    "invalid chunks": (once(CHUNKED + b"zz\r\nabc"), PROTOCOL),
    "no gzip": (once(response(b"no gzip", "Content-Encoding: gzip")), "can't be decompressed"),
    "unknown encoding": (once(response(b"x", "Content-Encoding: x-mine")), "unknown encoding 'x-mine'"),
    "charset hex": (once(response(b"\xff\xfehello", "Content-Type: text/plain; charset=hex")), INVALID),
    "charset undefined": (
        once(response(b"\xff\xfe", "Content-Type: x; charset=undefined", status="500 X")),
        "status 500: ",
    ),
    "HTML": (once(response(b"<html>hi</html>", "Content-Type: text/html")), INVALID),
    "cut JSON": (once(response(GOOD[:-5])), INVALID),
    "deep JSON": (once(response(b"[" * 1_000_000)), INVALID),
    "empty": (once(response(b"")), INVALID),
    "control characters": (once(response(b"\x1b[31m\r\n\x00")), INVALID),
    "a lone surrogate": (once(response(b'{"choices": [{"message": {"content": "\\ud83d"}}]}')), INVALID),
    "redirect": (once(response(b"", "Location: /again", status="307 X")), "refused the request: status 307"),
    "204": (once(b"HTTP/1.1 204 No Content\r\n\r\n"), INVALID),
    "a long Retry-After": (once(response(b"", "Retry-After: 1e300", status="429 X")), "longer than 300 s"),
    "Retry-After of bytes": (once(response(b"", "Retry-After: \xff\xfe", status="429 X")), "status 429"),
    "the key": (once(response(f"wrong key {KEY}".encode(), status="401 X")), "status 401: wrong key ..."),
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server whose path names what it does."""
    listener = socket.create_server(("127.0.0.1", 0))

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            request = b""
            while not request.endswith(b"}]}"):  # the end of the body
                request += connection.recv(65536)
            number = int(request.split(b" ")[1].split(b"/")[1])
            list(BEHAVIORS.values())[number][0](connection.sendall)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("name", BEHAVIORS)
def test_each_ends_in_time_with_one_line(name: str, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    address = f"http://127.0.0.1:{port}/{list(BEHAVIORS).index(name)}"
    agent = Endpoint("small", address, "SOME_KEY", timeout=TIMEOUT, retries=0)
    before, begin = memory(), time.monotonic()
    with pytest.raises(InvalidInputError) as caught:
        agent.ask(["Which partner?"], 2)
    assert time.monotonic() - begin < TIMEOUT + 2
    message = str(caught.value)
    assert BEHAVIORS[name][1] in message
    assert len(message.splitlines()) == 1
    assert message.isprintable()
    assert KEY[:12] not in message
    assert memory() - before < 64_000_000


def test_compressed_responses_are_read() -> None:
    assert transport._decoded(gzip.compress(GOOD), "gzip") == GOOD
    assert transport._decoded(zlib.compress(GOOD), "deflate") == GOOD


def test_the_largest_response_takes_little_memory() -> None:
    entry = b'{"token": " a", "logprob": -1, "top_logprobs": [' + b'{"token": "A", "logprob": -1.5},' * 20 + b"{}]},"
    tokens = b'{"choices": [{"message": {"content": "A"}, "logprobs": {"content": [' + entry * 5600 + b"{}]}}]}"
    assert 0.95 * transport.MAX_RESPONSE < len(tokens) < transport.MAX_RESPONSE
    before = memory()
    assert read_completion(tokens, 2).text == "A"
    assert memory() - before < 64_000_000
