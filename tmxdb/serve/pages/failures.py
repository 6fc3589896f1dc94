"""Why rows are not done, with what to type."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

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
    groups = [
        group
        for group in mirror.errors.latest()
        if (not kind or group.kind == kind) and (not status or group.status == status)
    ]
    return page(request, "failures.html", groups=groups, kind=kind, status=status, kinds=KINDS, statuses=_STATUSES)
