"""The web application: which address leads to which page, and what an error looks like."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tmxdb.errors import DiskError, InvalidInput, TmxdbError
from tmxdb.serve.forms import csrf_token
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.pages import actions as actions_page
from tmxdb.serve.pages import captures, driver, failures, overview, replay, scene, sql, track, track_list
from tmxdb.serve.rendering import page
from tmxdb.serve.security import Guard
from tmxdb.serve.static_files import static_file

if TYPE_CHECKING:
    from tmxdb.upkeep.actions import Actions

log = logging.getLogger(__name__)
_SENTENCES = {
    404: "There is no page at this address.",
    405: "This address is only for forms. Go back to the page that contains the form.",
}


def create_app(mirror: ServedMirror, *, token: str | None = None, actions: Actions | None = None) -> Starlette:
    """Return the application. `token`: what every request must bring; None: only this machine can reach it.

    `actions`: what forms do; None: nothing can be changed. They need a token.
    """
    if token is None:
        actions = None
    app = Starlette(
        routes=[
            Route("/", overview.overview),
            Route("/events", overview.events),
            Route("/progress.json", overview.progress),
            Route("/tracks", track_list.tracks),
            Route("/track/{track_id}", track.track),
            Route("/track/{track_id}/thumbnail.jpg", track.thumbnail),
            Route("/track/{track_id}/3d", scene.view),
            Route("/track/{track_id}/scene.bin", scene.data),
            Route("/replay/{replay_id}", replay.replay),
            Route("/replay/{replay_id}/runs.json", replay.runs),
            Route("/captures", captures.captures),
            Route("/capture/{capture_id}", captures.capture),
            Route("/capture/{capture_id}/sheet.png", captures.sheet),
            Route("/capture/{capture_id}/frames/{number}.jpg", captures.frame),
            Route("/driver", driver.find),
            Route("/driver/{user_id}", driver.driver),
            Route("/failures", failures.failures),
            Route("/sql", sql.sql),
            Route("/sql.csv", sql.as_csv),
            Route("/actions/{action}", actions_page.act, methods=["POST"]),
            Route("/static/{name:path}", static_file),
        ],
        middleware=[Middleware(Guard, token=token, allows_actions=actions is not None)],
        exception_handlers={TmxdbError: _refused, HTTPException: _http_error, Exception: _bug},
        lifespan=_lifespan,
    )
    app.state.mirror = mirror
    app.state.listeners = set()
    app.state.actions = actions
    app.state.csrf_token = csrf_token(token) if token and actions else ""
    app.state.notices = {}
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    app.state.mirror.close()


def _refused(request: Request, error: Exception) -> Response:
    """Return a page that says what is wrong with a request, with the database, or with a file of the data folder."""
    code = error.code if isinstance(error, TmxdbError) else ""
    if code in ("input.no_row", "input.no_file"):
        status = 404
    elif isinstance(error, DiskError) or code == "input.unreadable":
        status = 500  # it will not pass by itself, and no other request would do
    else:
        status = 400 if isinstance(error, InvalidInput) else 503
    return page(request, "error.html", http_status=status, number=status, sentence=str(error))


def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentence = _SENTENCES.get(status, "The request was refused.")
    return page(request, "error.html", http_status=status, number=status, sentence=sentence)


def _bug(request: Request, error: Exception) -> Response:
    log.error("the page %s failed", request.url.path, exc_info=error)
    sentence = "This page failed. `tmxdb -v serve` shows why."
    return page(request, "error.html", http_status=500, number=500, sentence=sentence)
