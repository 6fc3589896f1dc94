"""The page of a track, and its picture."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from tmxdb.clock import from_iso
from tmxdb.errors import DiskError, GbxError, InvalidInput, RetryLater
from tmxdb.gbx import read_challenge
from tmxdb.gbx.thumbnail import upright
from tmxdb.reports.pages.checkpoints import read_checkpoints
from tmxdb.reports.pages.records import RecordStep, read_record_steps, read_seen_records
from tmxdb.reports.pages.track import read_track
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page

SHOWN, MAX_SHOWN = 50, 1000
COMPARED, MAX_CROSSINGS = 10, 40
"""Rows and columns of the table of checkpoints."""
SEEN = 50
_PICTURED = "SELECT file_path FROM maps WHERE track_id = :id AND status = 'done' AND thumbnail_bytes > 0"


def track(request: Request) -> Response:
    """Return the page."""
    track_id = parameters.path_id(request, "track_id")
    top = max(parameters.number(request, "top", SHOWN, at_most=MAX_SHOWN) or SHOWN, 1)
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        if not reader.value("SELECT 1 FROM tracks WHERE track_id = :id", id=track_id):
            raise InvalidInput(f"The database has no track {request.path_params['track_id']}.", code="input.no_row")
        found = read_track(reader, track_id, top=top)
        selections = reader.rows(
            "SELECT selection FROM selection_tracks WHERE track_id = :id ORDER BY selection LIMIT 50", id=track_id
        )
        is_stunts = found.facts["primary_type_name"] == "stunts"
        steps = [] if is_stunts else read_record_steps(reader, track_id)
        seen = read_seen_records(reader, track_id, n=SEEN)
        checkpoints = read_checkpoints(reader, track_id, top=COMPARED)
        map_row = reader.row(_PICTURED, id=track_id)
    picture_problem = None if map_row is None else _picture_problem(mirror, map_row["file_path"])
    return page(
        request,
        "track.html",
        has_picture=map_row is not None and picture_problem is None,
        picture_problem=picture_problem,
        track=found,
        facts=found.facts,
        is_stunts=is_stunts,
        steps=steps,
        points=chart_points(steps),
        seen=seen if len(seen) > 1 else [],
        checkpoints=checkpoints,
        max_crossings=MAX_CROSSINGS,
        selections=[row["selection"] for row in selections],
        more=found.listed - len(found.leaderboard),
        most=min(found.listed, MAX_SHOWN),
    )


def chart_points(steps: Sequence[RecordStep]) -> dict[str, list[float | str]]:
    """Return the records for a chart: moments in seconds since 1970, times in seconds, and drivers."""
    return {
        "x": [from_iso(step.replay_at) / 1000 for step in steps],
        "times": [step.time_ms / 1000 for step in steps],
        "names": [step.user_name or "unknown" for step in steps],
    }


def _picture_problem(mirror: ServedMirror, path: str) -> str | None:
    """Return why the file of the map cannot be read, or None."""
    try:
        return None if mirror.storage.read(path) is not None else f"{path} is missing."
    except (DiskError, RetryLater) as error:
        return str(error)


def thumbnail(request: Request) -> Response:
    """Return the picture in the map file as a JPEG. Raise InvalidInput if there is none, DiskError or RetryLater."""
    track_id = parameters.path_id(request, "track_id")
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        path = reader.value("SELECT file_path FROM maps WHERE track_id = :id AND status = 'done'", id=track_id)
    data = mirror.storage.read(path) if path else None
    try:
        jpeg = read_challenge(data).thumbnail if data else None
        picture = upright(jpeg) if jpeg else None
    except GbxError:
        picture = None
    if picture is None:
        raise InvalidInput("The map has no picture, or is not downloaded.", code="input.no_row")
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})
