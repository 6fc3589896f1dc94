"""Forms that change rows, with `tmxdb serve --allow-actions` only: pause, resume, retry, skip, refresh."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tmxdb.errors import InvalidInput
from tmxdb.queue.paused import ALL
from tmxdb.reports.status.state import KINDS
from tmxdb.serve import parameters
from tmxdb.serve.forms import read_form
from tmxdb.styles import plain

if TYPE_CHECKING:
    from tmxdb.upkeep.actions import Actions

log = logging.getLogger(__name__)
MAX_NOTICES = 100
MAX_MINUTES = 100 * 366 * 24 * 60
_BACK = re.compile(r"/(?![/\\])[\x21-\x7e]{0,1000}")
"""A path of this server: `//name` would lead to another one."""
Fields = dict[str, str]


async def act(request: Request) -> Response:
    """Do what a form asks for, and lead back to the page that it was on, which says what was done."""
    state = request.app.state
    if state.actions is None:
        raise InvalidInput("Nothing can be changed here. Start `tmxdb serve --allow-actions`.", code="input.parameter")
    fields = await read_form(request, state.csrf_token)
    action = _ACTIONS.get(request.path_params["action"])
    if action is None:
        raise InvalidInput("There is no such action.", code="input.no_row")
    sentence = await run_in_threadpool(action, state.actions, fields)
    state.mirror.forget()
    log.info("from a web page: %s", sentence)
    back = fields.get("back", "/")
    path, _, query = (back if _BACK.fullmatch(back) else "/").partition("?")
    kept = "&".join(pair for pair in query.split("&") if pair and not pair.startswith("notice="))
    return RedirectResponse(f"{path}?{kept}{'&' if kept else ''}notice={_keep(request, sentence)}", 303)


def _keep(request: Request, sentence: str) -> str:
    """Keep a sentence for the page that is shown next. Return the word that leads to it."""
    notices: dict[str, str] = request.app.state.notices
    while len(notices) >= MAX_NOTICES:
        notices.pop(next(iter(notices)))
    word = secrets.token_urlsafe(9)
    notices[word] = sentence
    return word


def _pause(actions: Actions, fields: Fields) -> str:
    minutes = parameters.whole_number("minutes", fields.get("minutes", ""), at_most=MAX_MINUTES)
    return actions.pause(_kind(fields, ALL), minutes=minutes or None, reason=_reason(fields))


def _resume(actions: Actions, fields: Fields) -> str:
    return actions.resume(_kind(fields, ALL))


def _retry(actions: Actions, fields: Fields) -> str:
    status = parameters.one_of("status", fields.get("status", ""), ("failed", "skipped", "retry"))
    return actions.retry(_kind(fields), status=status, code=fields.get("code"), item_id=_item(fields))


def _skip(actions: Actions, fields: Fields) -> str:
    return actions.skip(_kind(fields), code=fields.get("code"), item_id=_item(fields), reason=_reason(fields))


def _refresh(actions: Actions, fields: Fields) -> str:
    return actions.refresh(parameters.item_id("track", fields.get("track", "")))


def _kind(fields: Fields, *more: str) -> str:
    return parameters.one_of("kind", fields.get("kind", ""), (*KINDS, *more))


def _item(fields: Fields) -> int | None:
    return parameters.item_id("id", fields["id"]) if fields.get("id") else None


def _reason(fields: Fields) -> str:
    return plain(fields.get("reason", ""))[:200].strip()


_ACTIONS: dict[str, Callable[[Actions, Fields], str]] = {
    "pause": _pause,
    "resume": _resume,
    "retry": _retry,
    "skip": _skip,
    "refresh": _refresh,
}
