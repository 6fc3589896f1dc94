"""The list of captures, the page of one, its contact sheet and its frames."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from tmxdb.capture.output.reader import read_metadata
from tmxdb.errors import InvalidInput
from tmxdb.reports.pages.captures import PROBLEMS, read_capture, read_captures
from tmxdb.reports.status.state import STATUSES
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page
from tmxdb.storage import id_name
from tmxdb.styles import plain

PAGE = 30
KEPT = {"Cache-Control": "private, max-age=3600"}
_NUMBERS = ("frames_late", "frames_dropped", "frames_black", "frames_frozen", "restarts")
"""Counts of the metadata, beside those of the row."""


def captures(request: Request) -> Response:
    """Return the list."""
    status = parameters.choice(request, "status", STATUSES)
    problem = parameters.choice(request, "problem", PROBLEMS)
    after = parameters.number(request, "after")
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        found = read_captures(reader, status=status, problem=problem, after=after, n=PAGE)
    given = {name: value for name, value in (("status", status), ("problem", problem)) if value}
    following = f"/captures?{urlencode({**given, 'after': found.after})}" if found.after is not None else None
    return page(request, "captures.html", found=found, status=status, problem=problem, statuses=STATUSES,
                following=following)  # fmt: skip


def capture(request: Request) -> Response:
    """Return the page of one capture."""
    capture_id, row, mirror = _row(request)
    strip, metadata, problem = None, None, None
    if row["folder_path"]:
        try:
            strip = mirror.filmstrips.strip(row["folder_path"])
            metadata = read_metadata(strip.folder)
        except InvalidInput as error:
            problem = str(error)
    return page(
        request,
        "capture.html",
        capture=row,
        capture_id=capture_id,
        track_name=plain(row["track_name"] or ""),
        strip=strip,
        problem=problem,
        counts=_counts(metadata),
        settings=_settings(row["settings"]),
    )


def sheet(request: Request) -> Response:
    """Return the contact sheet as a PNG."""
    capture_id, row, mirror = _row(request)
    title = f"{plain(row['track_name'] or 'track')} - {row['user_name'] or 'replay'} - capture {capture_id}"
    return Response(mirror.filmstrips.sheet(_folder(row), title), media_type="image/png", headers=KEPT)


def frame(request: Request) -> Response:
    """Return a frame of the strip as a JPEG."""
    number = parameters.path_id(request, "number") - 1
    _, row, mirror = _row(request)
    return Response(mirror.filmstrips.strip(_folder(row)).jpeg(number), media_type="image/jpeg", headers=KEPT)


def _row(request: Request) -> tuple[int, dict[str, Any], ServedMirror]:
    capture_id = parameters.path_id(request, "capture_id")
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        return capture_id, read_capture(reader, capture_id), mirror


def _folder(row: dict[str, Any]) -> str:
    if not row["folder_path"]:
        raise InvalidInput(f"Capture {id_name(row['capture_id'])} is not finished.", code="input.no_row")
    return str(row["folder_path"])


def _counts(metadata: dict[str, Any] | None) -> dict[str, int]:
    """Return the counts of the metadata that are not 0."""
    found = metadata or {}
    return {
        name.replace("_", " "): found[name] for name in _NUMBERS if isinstance(found.get(name), int) and found[name]
    }


def _settings(text: str) -> dict[str, str]:
    try:
        settings = json.loads(text)
    except ValueError:
        return {}
    return {str(name): str(value)[:100] for name, value in settings.items()} if isinstance(settings, dict) else {}
