"""The web server: pages, and the answers of participants."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import uvicorn
from anyio.to_thread import run_sync
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from accept_reject.errors import list_problems
from accept_reject.web.bodies import ExtraAnswer, Note, PageAnswer, RatingAnswer, RoundAnswer, Start
from accept_reject.web.monitor import monitor
from accept_reject.web.session import Session
from accept_reject.web.sessions import RefusedError, Sessions
from accept_reject.web.study import Study
from accept_reject.web.view import BROWSERS, EXTRA, HANDHELD, description, ending, page, scripts

KEEP_ALIVE = 75
"""Seconds that a connection stays open, longer than a participant thinks about a choice."""

MAX_BODY, MAX_EXTRA = 20_000, 1_000_000
"""Bytes of a request, and of one with the data of the study's own trials."""

POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
OWN_STYLES = "; style-src 'self' 'unsafe-inline'"
"""What browsers may load and do; plugins of jsPsych have inline styles."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "txt": "text/plain"}

BodyT = TypeVar("BodyT", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]


def create_app(
    sessions: Sessions, result: Callable[[Session], Mapping[str, Any]] | None = None, secret: str | None = None
) -> Starlette:
    """Create the application.

    Args:
        sessions: The sessions of a study.
        result: Returns what is shown at the end of a game that is played for its own sake; takes seconds, in a thread.
        secret: What must be in the address of the monitor; without it there is none.
    """
    study = sessions.study

    async def about(request: Request) -> Response:
        simulated = sessions.kind == "simulated"
        return JSONResponse(description(study, _language(request, study), simulated, result is not None))

    async def index(request: Request) -> Response:
        policy = {"Content-Security-Policy": POLICY + OWN_STYLES} if study.extra else {}
        return HTMLResponse(page(study, _language(request, study)), headers=HEADERS | policy)

    async def start(request: Request) -> Response:
        body = await _body(request, Start)
        session, new = await sessions.start(body, _browser(request))
        async with session.lock:
            if not new:
                await sessions.note(session, "resumed")
            return JSONResponse({"token": session.token} | await sessions.state(session), 201 if new else 200)

    async def state(request: Request) -> Response:
        async with _locked(request) as session:
            return JSONResponse(await sessions.state(session))

    def answering(
        model: type[BodyT], answer: Callable[[Session, BodyT], Awaitable[dict[str, Any]]], limit: int = MAX_BODY
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            _session(request)  # before its body is read
            body = await _body(request, model, limit)
            async with _locked(request) as session:
                await sessions.state(session)  # ends it if it paused for too long
                return JSONResponse(await answer(session, body))

        return endpoint

    async def note(request: Request) -> Response:
        _session(request)
        body = await _body(request, Note)
        async with _locked(request) as session:
            await sessions.note(session, body.event)
        return JSONResponse({})

    async def withdraw(request: Request) -> Response:
        async with _locked(request) as session:
            await sessions.withdraw(session)
        return JSONResponse(ending(study, "withdrawn"))

    async def end(request: Request) -> Response:
        session = _session(request)
        if result is None or session.outcome != "complete":
            raise RefusedError(409, "the game is not over")
        return JSONResponse(await run_sync(result, session))

    def _session(request: Request) -> Session:
        return sessions.find(request.headers.get("authorization", "").removeprefix("Bearer "))

    @asynccontextmanager
    async def _locked(request: Request) -> AsyncIterator[Session]:
        """The session of a request, for it alone. It may have been withdrawn while the request waited."""
        async with _session(request).lock:
            yield _session(request)

    async def watch(request: Request) -> Response:
        return await monitor(request, sessions, secret)

    routes = [
        Route("/", index),
        *(Route(f"/static/{name}", _static(name, content)) for name, content in scripts().items()),
        *(Route(f"/{EXTRA}/{each.name}", _static(each.name, each.text.encode())) for each in study.extra),
        Route("/api/study", about),
        Route("/api/start", start, methods=["POST"]),
        Route("/api/state", state),
        Route("/api/page", answering(PageAnswer, sessions.answer_page), methods=["POST"]),
        Route("/api/round", answering(RoundAnswer, sessions.answer_round), methods=["POST"]),
        Route("/api/rating", answering(RatingAnswer, sessions.answer_rating), methods=["POST"]),
        Route("/api/extra", answering(ExtraAnswer, sessions.answer_extra, MAX_EXTRA), methods=["POST"]),
        Route("/api/note", note, methods=["POST"]),
        Route("/api/withdraw", withdraw, methods=["POST"]),
        Route("/api/result", end),
        Route("/monitor", watch),
        Route("/monitor.csv", watch),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        sessions.store.close()

    handlers: Any = {RefusedError: _refused, HTTPException: _http_error, sqlite3.Error: _not_stored}
    return Starlette(
        routes=routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=500)],
        exception_handlers=handlers,
        lifespan=lifespan,
    )


def run(app: Starlette, listening: socket.socket) -> None:
    """Serve an application until the program is interrupted."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_keep_alive=KEEP_ALIVE)
    uvicorn.Server(config).run(sockets=[listening])


async def _body(request: Request, model: type[BodyT], limit: int = MAX_BODY) -> BodyT:
    """Read and check the body of a request."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise RefusedError(413, f"a request must have at most {limit} bytes")
    try:
        return model.model_validate_json(bytes(data))
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise RefusedError(400, "must be JSON") from None
        raise RefusedError(422, "; ".join(list_problems(error, model))) from None


def _browser(request: Request) -> str:
    """The family of the browser and the kind of device; nothing that identifies a person."""
    agent = request.headers.get("user-agent", "")
    family = next((name for mark, name in BROWSERS if mark in agent), "other")
    handheld = any(mark in agent for mark in HANDHELD)
    return f"{family}, {'phone or tablet' if handheld else 'computer'}"


def _language(request: Request, study: Study) -> str:
    """The language in the address, or the first one of the study that the browser prefers, or the study's first."""
    preferred = [each.partition(";")[0].strip() for each in request.headers.get("accept-language", "").split(",")]
    wanted = [request.query_params.get("lang", ""), *preferred, *(each.partition("-")[0] for each in preferred)]
    return next((each for each in wanted if each in study.languages), next(iter(study.languages)))


def _static(name: str, content: bytes) -> Handler:
    kind = _TYPES[name.rpartition(".")[2]]

    async def endpoint(request: Request) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return endpoint


async def _refused(request: Request, error: RefusedError) -> Response:
    return JSONResponse({"error": str(error)}, error.status)


async def _http_error(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code)


async def _not_stored(request: Request, error: sqlite3.Error) -> Response:
    return JSONResponse({"error": f"the answer can't be stored: {error}"}, 503)
