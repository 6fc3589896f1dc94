"""The 3D view of a track, and its data."""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import Response

from tmxdb.errors import InvalidInput
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page
from tmxdb.serve.scene.build import MAX_GHOSTS, check_chosen, read_rows, track_name

COUNTS = (1, 5, 10, 25, 50, 100)
DEFAULT = 10


def view(request: Request) -> Response:
    """Return the page, which loads the data by itself."""
    track_id = parameters.path_id(request, "track_id")
    replay_ids, top = _chosen(request)
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        check_chosen(reader, track_id, replay_ids)
        name = track_name(reader, track_id)
    query = f"replays={request.query_params['replays']}" if replay_ids else f"top={top}"
    address = f"/track/{request.path_params['track_id']}/scene.bin?{query}"
    return page(request, "scene.html", track_id=track_id, name=name, address=address, top=top,
                counts=COUNTS)  # fmt: skip


def data(request: Request) -> Response:
    """Return the lines of the chosen replays and the blocks, packed; see `tmxdb.serve.scene.build.encode`."""
    track_id = parameters.path_id(request, "track_id")
    replay_ids, top = _chosen(request)
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        check_chosen(reader, track_id, replay_ids)
        ghosts, map_row = read_rows(reader, track_id, replay_ids=replay_ids, top=top)
    scene = mirror.scenes.scene(track_id, ghosts, map_row, replay_ids)
    headers = {"ETag": scene.etag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == scene.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(scene.packed), headers=headers, media_type="application/octet-stream")
    headers["Content-Encoding"] = "gzip"
    return Response(scene.packed, headers=headers, media_type="application/octet-stream")


def _chosen(request: Request) -> tuple[list[int], int]:
    """Return the replays that `replays` names, and how many of the fastest are shown without it."""
    text = request.query_params.get("replays", "")
    words = text.split(",") if text else []
    if len(words) > MAX_GHOSTS:
        raise InvalidInput(f"replays: more than {MAX_GHOSTS} ids.", code="input.parameter")
    found = [parameters.item_id("replays", word) for word in words]
    return found, max(parameters.number(request, "top", DEFAULT, at_most=MAX_GHOSTS) or DEFAULT, 1)
