"""Why rows are not done, with what to type."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from tmxdb.reports.pages.errors import read_errors
from tmxdb.reports.status.state import KINDS
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page

_STATUSES = ("failed", "retry", "skipped")


def failures(request: Request) -> Response:
    """Return the page."""
    kind = parameters.choice(request, "kind", KINDS)
    status = parameters.choice(request, "status", _STATUSES)
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        groups = read_errors(reader, kinds=(kind,) if kind else (), statuses=(status,) if status else ())
    return page(request, "failures.html", groups=groups, kind=kind, status=status, kinds=KINDS, statuses=_STATUSES)
