"""The page of a replay, and the data of its charts."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tmxdb.errors import DiskError, GbxError, InvalidInput, RetryLater
from tmxdb.gbx import read_replay
from tmxdb.reports.pages.checkpoints import times_of
from tmxdb.reports.pages.replay import read_replay_page, refuse_other_track, replay_facts, time_of
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page
from tmxdb.serve.run.captured import captured_telemetry
from tmxdb.serve.run.channels import RunChannels, chart_data, read_channels
from tmxdb.serve.run.filmstrip import Filmstrip
from tmxdb.storage import id_name
from tmxdb.upkeep.history import read_history

_CAPTURED = """
SELECT capture_id, folder_path FROM captures WHERE replay_id = :replay_id AND status = 'done'
ORDER BY finished_at IS NULL, finished_at DESC, capture_id DESC LIMIT 1"""


def replay(request: Request) -> Response:
    """Return the page; with `with`, compared with another replay of the track."""
    replay_id, other_id = parameters.path_id(request, "replay_id"), _other(request)
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        found = read_replay_page(reader, replay_id, other_id=other_id)
        history = read_history(reader, mirror.storage, "replay", replay_id)
        captured = reader.row(_CAPTURED, replay_id=replay_id)
    strip, problem = _strip(mirror, captured)
    name = id_name(replay_id)
    pair = name if other_id is None else f"{name},{id_name(other_id)}"
    query = "" if other_id is None else f"?with={id_name(other_id)}"
    return page(
        request,
        "replay.html",
        replay=found,
        facts=found.facts,
        other=found.other,
        history=history,
        captured=captured,
        strip=strip,
        strip_problem=problem,
        runs_address=f"/replay/{name}/runs.json{query}",
        scene_address=f"/track/{id_name(found.track_id)}/scene.bin?replays={pair}",
        scene_page=f"/track/{id_name(found.track_id)}/3d?replays={pair}",
    )


def runs(request: Request) -> Response:
    """Return the charts of a replay, and of the one that `with` names, as JSON."""
    other_id = _other(request)
    replay_ids = [parameters.path_id(request, "replay_id"), *([] if other_id is None else [other_id])]
    mirror: ServedMirror = request.app.state.mirror
    with mirror.readers.reader() as reader:
        rows = [(replay_facts(reader, one), reader.row(_CAPTURED, replay_id=one)) for one in replay_ids]
    refuse_other_track(rows[0][0], rows[-1][0])
    channels = [_channels(mirror, facts, captured) for facts, captured in rows]
    described = [_described(facts, run) for (facts, _), run in zip(rows, channels, strict=True)]
    return JSONResponse({"runs": described, "charts": chart_data(channels)})


def _other(request: Request) -> int | None:
    word = parameters.text(request, "with")
    return parameters.item_id("with", word) if word else None


def _strip(mirror: ServedMirror, captured: dict[str, Any] | None) -> tuple[Filmstrip | None, str | None]:
    """Return the strip of the newest capture, and why there is none."""
    if captured is None:
        return None, None
    try:
        return mirror.filmstrips.strip(captured["folder_path"]), None
    except InvalidInput as error:
        return None, str(error)


def _channels(mirror: ServedMirror, facts: dict[str, Any], captured: dict[str, Any] | None) -> RunChannels:
    """Return the channels of a run; without any, and with the reason, if its file cannot be read."""
    end_ms = time_of(facts) or 0
    try:
        data = mirror.storage.read(facts["file_path"]) if facts["file_path"] else None
    except (DiskError, RetryLater) as error:
        return RunChannels(end_ms, problem=str(error).removesuffix("."))  # the page ends the sentence
    if data is None:
        return RunChannels(
            end_ms, problem="its file is not downloaded" if not facts["file_path"] else "its file is missing"
        )
    try:
        return read_channels(
            read_replay(data), captured_telemetry(mirror.storage, captured["folder_path"] if captured else None)
        )
    except GbxError as error:
        return RunChannels(end_ms, problem=str(error))


def _described(facts: dict[str, Any], run: RunChannels) -> dict[str, Any]:
    return {
        "replay_id": id_name(facts["replay_id"]),
        "name": facts["user_name"] or "unknown",
        "end_ms": run.end_ms,
        "checkpoints_ms": times_of(facts["checkpoints_ms"]),
        "respawns_ms": list(run.respawns_ms),
        "problem": run.problem,
    }
