"""A page that shows how a study is going, and a snapshot of its rounds as a table."""

from __future__ import annotations

import csv
import hmac
import io
import shutil
import statistics
from collections import Counter
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from accept_reject.web.sessions import RefusedError, Sessions

DROPPED = 60.0 * 30
"""Seconds after which a participant without an answer counts as having dropped out."""


async def monitor(request: Request, sessions: Sessions, secret: str | None) -> Response:
    """Answer a request for the monitor.

    Raises:
        RefusedError: If the secret is not in the address.
    """
    if secret is None or not hmac.compare_digest(request.query_params.get("secret", "").encode(), secret.encode()):
        raise RefusedError(404, "Not Found")
    if request.url.path.endswith(".csv"):
        headers = {"Content-Disposition": "attachment; filename=rounds.csv", "Cache-Control": "no-store"}
        return Response(_rounds(sessions), media_type="text/csv", headers=headers)
    rows = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _facts(sessions)
    )
    link = f"/monitor.csv?secret={escape(secret)}"
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=10>"
        f"<title>Monitor: {escape(sessions.study.name)}</title><link rel=stylesheet href=/static/style.css>"
        f"<main class=monitor><h1>{escape(sessions.study.name)}</h1><table>{rows}</table>"
        f"<p><a href='{link}'>Rounds so far as CSV</a></p></main></html>"
    )
    return HTMLResponse(page, headers={"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'self'"})


def _facts(sessions: Sessions) -> list[tuple[str, str]]:
    store, now = sessions.store, sessions.clock()
    outcomes = dict(store.read("SELECT outcome, count(*) FROM outcome GROUP BY outcome"))
    places: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for session in sessions.all():
        step = sessions.step(session)
        if step is not None:
            where = step.name if step.kind == "page" else f"{step.name} {step.number + 1}"
            (dropped if now - session.last > DROPPED else places)[where] += 1
    minutes = [
        (end - begin) / 60
        for begin, end in store.read(
            "SELECT session.at, outcome.at FROM session JOIN outcome ON outcome.session = session.id "
            "WHERE outcome = 'complete'"
        )
    ]
    last_minute = store.read("SELECT count(*) FROM round WHERE at > ?", (now - 60,))[0][0]
    withdrawn = store.read("SELECT count(*) FROM withdrawal")[0][0]
    facts = [
        ("Started", f"{len(sessions) + withdrawn}"),
        ("Finished", f"{outcomes.get('complete', 0)}"),
        ("Failed the comprehension check", f"{outcomes.get('check_failed', 0)}"),
        ("Timed out", f"{outcomes.get('timed_out', 0)}"),
        ("Withdrawn", f"{withdrawn}"),
        ("At the moment", _listed(places)),
        ("Dropped out (no answer for 30 minutes)", _listed(dropped)),
        ("Median minutes of those that finished", f"{statistics.median(minutes):.1f}" if minutes else "–"),
        ("Rounds in the last minute", f"{last_minute}"),
    ]
    if store.path is not None:
        facts.append(("Disk space left", f"{shutil.disk_usage(store.path).free / 1e9:.1f} GB"))
    return facts


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.most_common(12)) or "–"


def _rounds(sessions: Sessions) -> str:
    columns = ("session", "part", "round", "place", "response_time", "device")
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(columns)
    table.writerows(sessions.store.read(f"SELECT {', '.join(columns)} FROM round ORDER BY session, part, round"))
    return text.getvalue()
