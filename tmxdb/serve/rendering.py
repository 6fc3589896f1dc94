"""Templates and static files. Everything that a template prints is escaped."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from tmxdb import __version__, formats
from tmxdb.clock import span
from tmxdb.reports.status import sentences
from tmxdb.storage import id_name
from tmxdb.styles import plain

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
# Characters that change how the text around them is shown, or that no page shows. Surrogates, which stand for bytes in
# names of files, cannot be sent.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def page(request: Request, template: str, *, http_status: int = 200, **values: Any) -> Response:
    """Return a rendered template as the answer to `request`. `csrf_token` is empty if nothing can be changed."""
    state = request.app.state
    notice = state.notices.get(request.query_params.get("notice", ""))
    html = render(template, request=request, csrf_token=state.csrf_token, notice=notice, **values)
    return HTMLResponse(html, http_status, headers={"Vary": "Cookie"})


def render(template: str, **values: Any) -> str:
    """Return a rendered template."""
    return str(_environment().get_template(template).render(**values))


@cache
def static_version(name: str) -> str:
    """Return a word that changes with the content of a static file, so that browsers may keep it for ever."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
        auto_reload=False,
    )
    environment.globals |= {"static": _static, "version": __version__, "sentences": sentences}
    environment.filters |= {
        "race_time": formats.race_time,
        "gap": formats.gap,
        "day": formats.day,
        "minute": formats.minute,
        "file_size": formats.file_size,
        "span": span,
        "plural": formats.plural,
        "number": lambda n: "" if n is None else f"{n:,}",
        "id_name": id_name,
        "plain": lambda text: plain(text or ""),
        "split": lambda ms: "" if ms is None else formats.gap(ms) or "±0.00",
        "side": lambda ms: "" if not ms else "behind" if ms > 0 else "ahead",
        "seconds": lambda ms: "" if ms is None else f"{ms / 1000:.2f}",
    }
    return environment


def _static(name: str) -> str:
    return f"/static/{name}?v={static_version(name)}"


def _shown(value: Any) -> Any:
    """Return what a template prints for `value`: nothing for None, text without control characters."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _UNSHOWN.sub("", value)
    return value
