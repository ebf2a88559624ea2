"""The endpoint client with a local server that answers, is slow, fails, or is down."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accept_reject.agents import make_agent
from accept_reject.agents.adapters import endpoint
from accept_reject.agents.adapters.endpoint import Endpoint, read_completion
from accept_reject.envs import draw, scenario
from accept_reject.errors import InvalidInputError
from accept_reject.experiments.analysis.scores import score
from accept_reject.experiments.simulation.play import play
from accept_reject.experiments.simulation.replay import replay

GAME = scenario("orthogonal").game.model_copy(update={"rounds": 3})
KEY = "sk-very-secret-0123456789"

Response = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Responds with `answer(number of the request, from 1, body)`, and records the requests."""

    daemon_threads = False  # joined when the server closes

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Callable[[int, dict[str, Any]], Response] = lambda number, body: completion("A")
        self.requests: list[tuple[str, str | None, dict[str, Any]]] = []
        self.busy = self.busiest = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect, as some tests make them do."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append((self.path, self.headers["Authorization"], body))
            number = len(self.server.requests)
            self.server.busy += 1
            self.server.busiest = max(self.server.busiest, self.server.busy)
        status, headers, content = self.server.answer(number, body)
        with self.server.lock:
            self.server.busy -= 1
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None: ...


def completion(text: str | None, top: dict[str, float] | None = None, **message: Any) -> Response:
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "message": {"content": text, **message}}
    if top is not None:
        tops = [{"token": token, "logprob": float(np.log(probability))} for token, probability in top.items()]
        choice["logprobs"] = {"content": [{"token": text, "logprob": tops[0]["logprob"], "top_logprobs": tops}]}
    return 200, {"Content-Type": "application/json"}, json.dumps({"id": "x", "choices": [choice]}).encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.001)
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def agent_of(server: Server, **params: Any) -> Endpoint:
    agent = make_agent("endpoint", {"model": "small", "base_url": server.url, **params})
    assert isinstance(agent, Endpoint)
    return agent


def test_a_model_plays_and_is_scored_and_replayed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY + "\n")
    agent = agent_of(server, api_key_env="SOME_KEY", request={"temperature": 0, "top_logprobs": None})
    episodes = draw(GAME, 0, 5)
    choices = play(agent, episodes)
    assert (choices.choice == 0).all()
    assert np.isfinite(score(choices, "valuing").value)
    assert (replay(agent, choices) == 0).all()
    assert len(server.requests) == 2 * 5 * 3
    path, authorization, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert authorization == f"Bearer {KEY}"
    assert {key: body[key] for key in body if key != "messages"} == {
        "model": "small",
        "logprobs": True,
        "temperature": 0,
    }
    assert body["messages"][0]["content"].startswith("You play a game of 3 rounds")


def test_answers_are_assigned_to_their_players(server: Server) -> None:
    """Players choose the first partner if its number is even, and the answers arrive in any order."""

    def answer(number: int, body: dict[str, Any]) -> Response:
        time.sleep(0.002 * (number % 5))
        first = int(body["messages"][0]["content"].split("A) partner ")[1].split()[0])
        return completion("A" if first % 2 == 0 else "B")

    server.answer = answer
    episodes = draw(GAME, 0, 16)
    choices = play(agent_of(server, workers=4), episodes)
    assert np.array_equal(choices.choice, episodes.offered[..., 0] % 2 == 0)
    assert 1 < server.busiest <= 4


def test_log_probabilities_determine_the_policy(server: Server) -> None:
    server.answer = lambda number, body: completion("A", {"A": 0.5, " B": 0.2, "a": 0.1, "The": 0.15, "C": 0.05})
    agent = agent_of(server)
    agent.start(2, GAME, 0)
    assert agent.policy(np.array([[0, 1]] * 2, np.uint8)) == pytest.approx(np.array([[0.75, 0.25]] * 2))
    assert server.requests[0][2]["top_logprobs"] == 20


@pytest.mark.parametrize(
    ("tokens", "probabilities"),
    [
        ([], None),
        ([{"token": "A", "logprob": -0.5}], {"A": np.exp(-0.5)}),
        ([{"token": "A", "logprob": 1e-6}], {"A": 1.0}),
        ([{"token": "*", "logprob": 0, "top_logprobs": [{"token": "B", "logprob": 0}]}, {"token": "A", "logprob": -1}],
         {"A": np.exp(-1)}),
        ([{"token": "A", "logprob": -2, "top_logprobs": [{"token": "B", "logprob": -1}]}],
         {"A": np.exp(-2), "B": np.exp(-1)}),
    ],
)  # fmt: skip
def test_probabilities_are_those_of_the_token_with_the_letter(
    tokens: list[Any], probabilities: dict[str, float] | None
) -> None:
    content = {"choices": [{"message": {"content": "**A**"}, "logprobs": {"content": tokens}}]}
    found = read_completion(json.dumps(content).encode(), 2)
    assert found.probabilities == (None if probabilities is None else pytest.approx(probabilities))


def token(text: str, logprob: float | None, **top: float | None) -> dict[str, Any]:
    tops = [{"token": other, "logprob": value} for other, value in top.items()]
    return {"token": text, "logprob": logprob, "top_logprobs": tops}


REASONING = [token("Here", -0.2), token(" is", -0.2), {**token(" a", -0.05), "top_logprobs": []}, token(" choice", -1)]
NINE_TO_ONE = {"A": 0.1, "B": 0.9}
LIKELY = {"B": float(np.log(0.9)), "A": float(np.log(0.1))}
B = token("B", LIKELY["B"], **LIKELY)


@pytest.mark.parametrize(
    ("message", "logprobs", "probabilities"),
    [
        ("B", {"content": [*REASONING, token("</think>", 0), B]}, NINE_TO_ONE),
        ("<think>\nThis is a game.\n</think>\n\nB", {"content": [*REASONING, token("</think>", 0), B]}, NINE_TO_ONE),
        ("a plan</think>B", {"content": [*REASONING, B]}, NINE_TO_ONE),
        ("B", {"content": [*REASONING, token("<|end|>", 0), B, token("<|return|>", 0)]}, NINE_TO_ONE),
        ("B", {"content": [{**B, "top_logprobs": None}]}, {"B": 0.9}),
        ("B", {"content": [token("B", LIKELY["B"], B=LIKELY["B"], Z=None)]}, {"B": 0.9}),
        ("B", {"content": [token("B", 0.0, A=-np.inf)]}, {"A": 0, "B": 1}),
        ("B", {"content": [token("B", 0.0, A=np.nan)]}, {"B": 1}),
        ("B", {"content": [token("B", -9999.0, A=-0.1)]}, None),  # contradicts the answer
        ("B", {"content": [token("A", -0.1)]}, None),
        ("B", {"content": [B, token(" or", -0.1)]}, None),
        ("B", {"content": [token("token_id:33", -0.1)]}, None),
        ("B", {"content": [token("B", -(10**400))]}, None),
        ("B", {"content": [None, 3, {"token": 5}]}, None),
        ("B", {"content": "B"}, None),
        ("B", [1], None),
        (" B", {"content": [{"token": "\u0120B", "logprob": LIKELY["B"], "top_logprobs": [B]}]}, {"B": 1.8}),
        ("B", {"content": [token("\u2581B", LIKELY["B"])]}, {"B": 0.9}),
        ("B", {"tokens": ["B"], "token_logprobs": [LIKELY["B"]], "top_logprobs": [LIKELY]}, NINE_TO_ONE),
        ("B", {"tokens": ["B"], "token_logprobs": [None], "top_logprobs": None}, None),
        ([{"type": "thinking", "thinking": []}, {"type": "text", "text": "B"}], None, None),
    ],
)
def test_probabilities_belong_to_the_answer_and_not_to_the_reasoning(
    message: Any, logprobs: Any, probabilities: dict[str, float] | None
) -> None:
    chat = {"choices": [{"message": {"content": message, "reasoning_content": "a"}, "logprobs": logprobs}]}
    found = read_completion(json.dumps(chat).encode(), 2)
    assert found.missed is None
    assert found.probabilities == (None if probabilities is None else pytest.approx(probabilities))
    if isinstance(message, str):
        text = {"choices": [{"text": message, "logprobs": logprobs}]}
        assert read_completion(json.dumps(text).encode(), 2) == found


@pytest.mark.parametrize(
    ("choice", "missed"),
    [
        ({"message": {"content": None}, "finish_reason": "length"}, "cut off at the token limit"),
        ({"message": {"content": "<think>Partner 4"}, "finish_reason": "length"}, "cut off at the token limit"),
        ({"message": {"content": "B"}, "finish_reason": "length"}, None),
        ({"message": {"content": ""}, "finish_reason": "stop"}, "no answer"),
        ({"message": {"content": "<think>B</think>"}}, "not a letter of the offer"),
        ({"message": {"content": [{"type": "image"}]}}, "no answer"),
    ],
)
def test_reasons_of_missed_rounds(server: Server, choice: dict[str, Any], missed: str | None) -> None:
    server.answer = lambda number, body: (200, {}, json.dumps({"choices": [choice]}).encode())
    agent = agent_of(server)
    play(agent, draw(GAME, 0, 1))
    assert [each.missed for each in agent.exchanges] == [missed] * 3


def test_base_models_and_system_prompts(server: Server) -> None:
    server.answer = lambda number, body: (200, {}, b'{"choices": [{"text": " B", "finish_reason": "length"}]}')
    agent = agent_of(server, completions=True, system="Be bold.", suffix="You press <<", request={"logprobs": 20})
    assert (play(agent, draw(GAME, 0, 1)).choice == 1).all()
    path, _, body = server.requests[0]
    assert path == "/v1/completions"
    assert body.pop("prompt").startswith("Be bold.\n\nYou play a game of 3 rounds")
    assert body == {"model": "small", "logprobs": 20, "max_tokens": 1}
    play(agent_of(server, system="Be bold."), draw(GAME, 0, 1))
    messages = server.requests[-1][2]["messages"]
    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[0]["content"] == "Be bold."


def test_the_query_of_an_address_is_kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    agent = agent_of(server, base_url=f"{server.url}/deployments/x?api-version=2024-10-21", api_key_env="SOME_KEY")
    play(agent, draw(GAME, 0, 1))
    assert server.requests[0][0] == "/v1/deployments/x/chat/completions?api-version=2024-10-21"


def test_a_refusal_that_repeats_the_key_is_recorded_without_it(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOME_KEY", 'sk-"very"+secret')
    server.answer = lambda number, body: completion(
        None, refusal=f"No, {server.requests[-1][1]}, quoted sk-%22very%22%2Bsecret"
    )
    agent = agent_of(server, api_key_env="SOME_KEY", transcript=str(tmp_path / "kept.jsonl"))
    play(agent, draw(GAME, 0, 1))
    assert agent.exchanges[0].answer == "No, Bearer ..., quoted ..."
    assert "secret" not in (tmp_path / "kept.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
        ("HTTP_PROXY", "foo://x"),
        ("NO_PROXY", "[::1]"),
        ("SSL_CERT_FILE", "/nowhere/at.all"),
    ],
)
def test_invalid_variables_of_proxies_and_certificates(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidInputError, match=f"variables .*{variable}.* must be valid"):
        Endpoint("small", "http://localhost/v1")


def test_refusals_and_other_texts_are_missed_and_recorded(server: Server, tmp_path: Path) -> None:
    responses = {
        1: completion("I'm sorry, I can't play games with people's feelings."),
        2: completion(None, refusal="I can't help with that."),
        3: (200, {}, b'{"choices": [{"message": {"content": "A"}, "finish_reason": "content_filter"}]}'),
    }
    server.answer = lambda number, body: responses[number]
    agent = agent_of(server, transcript=str(tmp_path / "transcript.jsonl"))
    choices = play(agent, draw(GAME, 0, 1))
    assert choices.missed.all()
    lines = [json.loads(line) for line in (tmp_path / "transcript.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["missed"] for line in lines] == ["not a letter of the offer", "refused", "refused"]
    assert [line["answer"] for line in lines[:2]] == [
        "I'm sorry, I can't play games with people's feelings.",
        "I can't help with that.",
    ]
    assert len(server.requests) == 3, "requests with an answer of the model are not repeated"


def test_a_server_that_recovers(server: Server) -> None:
    responses = {
        1: (503, {}, b"busy"),
        2: (429, {"Retry-After": "0.3"}, b"later"),
        3: (200, {}, b"<html>"),
        4: (200, {}, b"{}"),
    }
    server.answer = lambda number, body: responses.get(number, completion("B"))
    agent, begin = agent_of(server), time.monotonic()
    assert (play(agent, draw(GAME, 0, 1)).choice == 1).all()
    assert len(server.requests) == 4 + 3
    assert time.monotonic() - begin > 0.3, "the pause is at least that of Retry-After"
    assert [each.missed for each in agent.exchanges] == [None] * 3


def test_passing_problems_of_a_server_are_retried(server: Server) -> None:
    statuses = [408, 409, 425, 429, 500, 502, 503, 504, 529]
    responses = {number: (status, {}, b"later") for number, status in enumerate(statuses, start=1)}
    server.answer = lambda number, body: responses.get(number, completion("B"))
    assert (play(agent_of(server, retries=len(statuses)), draw(GAME, 0, 1)).choice == 1).all()
    assert len(server.requests) == len(statuses) + 3


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch, server: Server) -> list[float]:
    """The pauses of agents, which do not wait."""
    found: list[float] = []

    async def record(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(endpoint, "sleep", record)
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 10.0)
    return found


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [
        ("", [10, 20, 40, 60]),
        ("15", [15, 20, 40, 60]),
        ("100", [100] * 4),
        ("nan", [10, 20, 40, 60]),
        ("-5", [10, 20, 40, 60]),
        ("soon", [10, 20, 40, 60]),
        ("Wed, 21 Oct 2015 07:28:00 GMT", [10, 20, 40, 60]),
        ("in 200 s", [pytest.approx(200, abs=30)] * 4),
    ],
)
def test_pauses_grow_or_are_those_the_server_asks_for(
    server: Server, pauses: list[float], retry_after: str, expected: list[float]
) -> None:
    if retry_after == "in 200 s":
        retry_after = format_datetime(datetime.now(UTC) + timedelta(seconds=200))
    server.answer = lambda number, body: (500, {"Retry-After": retry_after}, b"")
    with pytest.raises(InvalidInputError, match="failed in 5 attempts, last problem: status 500"):
        play(agent_of(server, retries=4), draw(GAME, 0, 1))
    assert pauses == expected


@pytest.mark.parametrize("retry_after", ["1e9", "inf"])
def test_a_server_that_asks_for_a_very_long_pause(server: Server, pauses: list[float], retry_after: str) -> None:
    server.answer = lambda number, body: (429, {"Retry-After": retry_after}, b"later")
    with pytest.raises(InvalidInputError, match=r"status 429: later; .* a pause of .* longer than 300 s"):
        play(agent_of(server), draw(GAME, 0, 1))
    assert pauses == []


def test_a_slow_server(server: Server) -> None:
    def answer(number: int, body: dict[str, Any]) -> Response:
        time.sleep(0.6 if number <= 2 else 0)
        return completion("B")

    server.answer = answer
    assert (play(agent_of(server, timeout=0.2), draw(GAME, 0, 1)).choice == 1).all()
    assert len(server.requests) == 2 + 3
    server.requests.clear()
    with pytest.raises(InvalidInputError, match=r"in 2 attempts, last problem: timeout: no complete response in 0.2 s"):
        play(agent_of(server, timeout=0.2, retries=1), draw(GAME, 0, 1))


@pytest.mark.parametrize(
    ("answer", "problem", "requests"),
    [
        (
            (401, {}, f"wrong key {KEY}, {'x' * 180}{KEY}".encode()),
            "refused the request: status 401: wrong key ...,",
            1,
        ),
        ((404, {}, b"no such model"), "status 404: no such model", 1),
        (
            (200, {}, f"not JSON {KEY}".encode()),
            "in 3 attempts, last problem: must be a completion, got 'not JSON ...'",
            3,
        ),
        ((200, {}, b'{"choices": []}'), "must be a completion, got", 3),
        ((200, {}, b'{"choices": [{"message": {"content": ["A"]}}]}'), "must be a completion, got", 3),
        ((200, {"Content-Encoding": "gzip"}, b"no gzip"), "can't be decompressed", 3),
        ((200, {"Content-Encoding": "br"}, b"no br"), "unknown encoding 'br'", 3),
    ],
)
def test_a_server_with_errors(
    server: Server, monkeypatch: pytest.MonkeyPatch, answer: Response, problem: str, requests: int
) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    server.answer = lambda number, body: answer
    with pytest.raises(InvalidInputError) as caught:
        play(agent_of(server, api_key_env="SOME_KEY", retries=2), draw(GAME, 0, 1))
    assert problem in str(caught.value)
    assert KEY[:12] not in str(caught.value), "messages do not contain the key"
    assert len(server.requests) == requests


def test_a_server_that_is_down_ends_the_game_quickly(server: Server) -> None:
    server.answer = lambda number, body: (400, {}, b"down with everything")
    with pytest.raises(InvalidInputError, match="refused the request: status 400"):
        play(agent_of(server, workers=2), draw(GAME, 0, 200))
    assert len(server.requests) < 50, "no further requests after a failure"
    agent = agent_of(server, retries=2)
    server.shutdown()
    server.server_close()
    with pytest.raises(InvalidInputError, match="failed in 3 attempts, last problem: ConnectError"):
        play(agent, draw(GAME, 0, 2))


def test_all_invalid_arguments_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    for url in ("localhost:8000", "ftp://host", "http://", "http://user:word@host", "http://host:port"):
        with pytest.raises(InvalidInputError, match="base_url: must be http"):
            Endpoint("small", url)
    for query in ("api_key=x", "key=x", "access_token=x", "code=1&password=x"):
        with pytest.raises(InvalidInputError, match="base_url: must not contain a key; api_key_env names"):
            Endpoint("small", f"http://host/v1?{query}")
    for request, problem in (
        ({"messages": [], "stream": True}, r"request.messages: can't be set here.*\n.*request.stream: can't be set"),
        ({"api_key": "sk-1"}, "request.api_key: must not contain a key; api_key_env names"),
        ({"extra_headers": {"Authorization": "sk-1"}}, "request.extra_headers: must not contain a key"),
        ({"temperature": float("nan")}, "request: must be valid JSON"),
        ({"stop": {1}}, "request: must be valid JSON"),
        ([1], "request: must be a mapping, got"),
    ):
        with pytest.raises(InvalidInputError, match=problem) as found:
            Endpoint("small", "http://localhost/v1", request=request)  # type: ignore[arg-type]
        assert "sk-1" not in str(found.value)
    for timeout in (float("nan"), float("inf"), "5", True, 0, 1e9, None):
        with pytest.raises(InvalidInputError, match="timeout: must be a number > 0 and <= 3600"):
            Endpoint("small", "http://localhost/v1", timeout=timeout)  # type: ignore[arg-type]
    wrong: dict[str, Any] = {"api_key_env": "NO_SUCH_KEY", "timeout": 0, "retries": -1, "workers": 0}
    with pytest.raises(InvalidInputError) as caught:
        Endpoint("small", "http://localhost/v1", **wrong)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "api_key_env",
        "timeout",
        "retries",
        "workers",
    ]
    assert "NO_SUCH_KEY" not in str(caught.value), "it may be a key that was pasted"
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(InvalidInputError, match=r"pip install 'accept-reject\[llm\]'"):
        Endpoint("small", "http://localhost/v1")
