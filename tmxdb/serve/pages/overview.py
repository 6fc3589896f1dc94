"""The first page: what is done, what is missing, who works; kept up to date by server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from tmxdb.clock import from_iso
from tmxdb.errors import TmxdbError
from tmxdb.reports.progress import SPANS
from tmxdb.reports.status.state import OPEN, STATUSES
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page, render

MAX_LISTENERS = 100
EVERY_S = 2.0
QUIET_S = 20.0
"""A comment is sent after this time without news, so that a closed connection is noticed."""


def overview(request: Request) -> Response:
    """Return the page."""
    mirror: ServedMirror = request.app.state.mirror
    return page(request, "overview.html", spans=list(SPANS), **values(mirror))


def progress(request: Request) -> Response:
    """Return the counts over time as JSON, for `?span=day`, `week`, `month` or `all`."""
    span = parameters.choice(request, "span", SPANS, "day")
    mirror: ServedMirror = request.app.state.mirror
    return JSONResponse(mirror.progress[span].latest().as_json(), headers={"Cache-Control": "no-store"})


async def events(request: Request) -> Response:
    """Return the changing part of the page as a stream of events, one when it changes."""
    listeners: set[object] = request.app.state.listeners
    if len(listeners) >= MAX_LISTENERS:
        return PlainTextResponse(f"More than {MAX_LISTENERS} pages are open.\n", 503)
    mirror: ServedMirror = request.app.state.mirror
    mine = object()

    async def stream() -> AsyncIterator[str]:
        listeners.add(mine)
        try:
            async for event in changes(lambda: status_html(mirror)):
                yield event
        finally:
            listeners.discard(mine)

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def changes(read: Callable[[], str], every_s: float = EVERY_S) -> AsyncIterator[str]:
    """Yield what `read` returns as events, whenever it differs from before; comments in between.

    An error of `read` is an event of type `problem` with its sentence; the next read may succeed.
    """
    sent, quiet_s = "", 0.0
    while True:
        try:
            event = _event(await run_in_threadpool(read))
        except TmxdbError as error:
            event = f"event: problem\n{_event(str(error))}"
        if event != sent:
            yield event
            sent, quiet_s = event, 0.0
        elif quiet_s >= QUIET_S:
            yield ": still here\n\n"
            quiet_s = 0.0
        await asyncio.sleep(every_s)
        quiet_s += every_s


def _event(text: str) -> str:
    return "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"


def status_html(mirror: ServedMirror) -> str:
    """Return the changing parts of the page."""
    found = values(mirror)
    return "".join(render(template, **found) for template in ("_status.html", "_details.html"))


def values(mirror: ServedMirror) -> dict[str, Any]:
    """Return what the templates need."""
    state, shares = mirror.status.latest(), {}
    for kind, row in state.kinds.items():
        total = sum(row.values())
        shares[kind] = {
            "total": total,
            "open": sum(row[status] for status in OPEN),
            "done": row["done"] / total if total else 0.0,
            "ended": (row["failed"] + row["skipped"]) / total if total else 0.0,
        }
    return {
        "state": state,
        "statuses": STATUSES,
        "shares": shares,
        "records": mirror.records.latest(),
        "at_ms": from_iso(state.at),
        "now": datetime.now().astimezone(),
    }
