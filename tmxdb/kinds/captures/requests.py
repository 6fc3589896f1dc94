"""`tmxdb add-captures`: select replays by filter, explain which are left out, and add a row for each new request.

The same replay with the same settings is one row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)

from tmxdb.capture.frame_plan import CaptureEstimate, estimate_loading, estimate_race
from tmxdb.capture.settings import CaptureSettings
from tmxdb.db.dialect import engine_name, insert_into
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, TrackRow, table_of
from tmxdb.db.selected import MAX_IDS_PER_STATEMENT, missing_ids

_captures, _replays, _maps, _tracks = (table_of(row) for row in (CaptureRow, ReplayRow, MapRow, TrackRow))
START_AND_FINISH_EVENTS = 2
"""Input events of a replay that mark the start and the finish; no driver pressed them."""


@dataclass(frozen=True, slots=True)
class CaptureRequestFilter:
    """Which replays to capture. None, False and empty lists let everything through."""

    track_ids: Sequence[int] = ()
    replay_ids: Sequence[int] = ()
    top: int | None = None
    no_respawns: bool = False
    keyboard_only: bool = False
    min_time_ms: int | None = None
    max_time_ms: int | None = None
    map_type: str | None = "race"
    max_intro_ms: int | None = None
    exclude_track_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """What a filter selects.

    `new`: requests to add, on `tracks` tracks. `known`: requests that exist already with the same settings. `takes`:
    what the new ones will take, loading each map once.
    """

    new: int
    known: int
    tracks: int
    takes: CaptureEstimate


def preview(connection: Connection, wanted: CaptureRequestFilter, settings: CaptureSettings) -> RequestSummary:
    """Return what `add_requests` would select and add."""
    existing = select(_captures.c.replay_id).where(_captures.c.settings == settings.to_json())
    known, takes = 0, CaptureEstimate()
    tracks: set[int] = set()
    for part in _parts(wanted):
        selected = _selected(part)
        is_known = selected.c.replay_id.in_(existing)
        known += connection.execute(select(func.count()).select_from(selected).where(is_known)).scalar_one()
        new = select(selected.c.track_id, selected.c.race_time_ms).where(~is_known)
        for track_id, race_time_ms in connection.execute(new):
            tracks.add(track_id)
            takes += estimate_race(race_time_ms, settings)
    return RequestSummary(takes.races, known, len(tracks), takes + estimate_loading(len(tracks)))


def add_requests(connection: Connection, wanted: CaptureRequestFilter, settings: CaptureSettings) -> int:
    """Add the requests that do not exist yet, each with the priority of its replay. Return how many."""
    return sum(_add(connection, part, settings) for part in _parts(wanted))


def _add(connection: Connection, wanted: CaptureRequestFilter, settings: CaptureSettings) -> int:
    selected = _selected(wanted)
    rows = select(
        selected.c.replay_id, selected.c.track_id, selected.c.priority, literal(settings.to_json()), literal("pending")
    ).order_by(selected.c.priority, selected.c.track_id, selected.c.rank, selected.c.replay_id)
    names = ["replay_id", "track_id", "priority", "settings", "status"]
    insert = insert_into(_captures, engine_name(connection)).from_select(names, rows)
    statement = insert.on_conflict_do_nothing(index_elements=["replay_id", "settings"])
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def excluded_replays(connection: Connection, wanted: CaptureRequestFilter) -> dict[str, int]:
    """Return how many of the replays that the user named are not selected, by reason.

    Each replay counts under its first reason. Defaults that filter are reasons too.
    """
    reasons = _reasons(wanted)
    reason = case(*((condition, literal(text)) for text, condition in reasons.items()), else_=literal(""))
    joined = _replays.outerjoin(_maps, _maps.c.track_id == _replays.c.track_id)
    found = dict.fromkeys(reasons, 0)
    not_in_top = 0
    for part in _parts(wanted):
        query = select(reason, func.count()).select_from(joined).where(*_named(part)).group_by(reason)
        for text, count in connection.execute(query):
            if text:
                found[text] += count
            else:
                not_in_top += count
        if wanted.top is not None:
            not_in_top -= connection.execute(select(func.count()).select_from(_selected(part))).scalar_one()
    if wanted.top is not None:
        found[f"not among the best {wanted.top:,} of their track (--top)"] = not_in_top
    return {text: count for text, count in found.items() if count}


def unknown_ids(connection: Connection, wanted: CaptureRequestFilter) -> tuple[list[int], list[int]]:
    """Return the track ids and the replay ids of the filter that are not in the database."""
    return (
        missing_ids(connection, _tracks.c.track_id, sorted(wanted.track_ids)),
        missing_ids(connection, _replays.c.replay_id, sorted(wanted.replay_ids)),
    )


def _reasons(wanted: CaptureRequestFilter) -> dict[str, ColumnElement[bool]]:
    """Return every reason to leave a replay out, as text and condition, the most fundamental first."""
    reasons = {
        "skipped (tmxdb errors)": _replays.c.status == "skipped",
        "failed to download (tmxdb errors; tmxdb retry --kind download)": _replays.c.status == "failed",
        "not downloaded (tmxdb work --kind download)": _replays.c.status != "done",
        "not finished": ~_finished(),
        "without inputs": ~_has_inputs(),
        "driven with an analog control of TM 1.0 or PowerUp, whose values are not known": _has_unknown_controls(),
        "without their map (tmxdb work --kind extract)": func.coalesce(_maps.c.status, "") != "done",
        "on another version of the map": _replays.c.map_uid.is_distinct_from(_maps.c.uid),
    }
    return reasons | {text: ~func.coalesce(condition, False) for text, condition in _filters(wanted).items()}


def _filters(wanted: CaptureRequestFilter) -> dict[str, ColumnElement[bool]]:
    """Return the conditions that the user chose, or the defaults chose, by the reason for a replay that fails one."""
    conditions: dict[str, ColumnElement[bool]] = {}
    if wanted.no_respawns:
        counts = (func.coalesce(column, 0) for column in (_replays.c.respawns, _replays.c.respawn_events))
        conditions["with respawns (--no-respawns)"] = and_(*(count == 0 for count in counts))
    if wanted.keyboard_only:
        conditions["not driven by keyboard only (--keyboard-only)"] = _replays.c.device == "keyboard"
    if wanted.min_time_ms is not None:
        conditions["under the minimum time (--min-time)"] = _replays.c.race_time_ms >= wanted.min_time_ms
    if wanted.max_time_ms is not None:
        conditions["over the maximum time (--max-time)"] = _replays.c.race_time_ms <= wanted.max_time_ms
    if wanted.map_type is not None:
        text = f"on a map of another type than {wanted.map_type} (--map-type any)"
        conditions[text] = _maps.c.map_type == wanted.map_type
    if wanted.max_intro_ms is not None:
        short = _maps.c.intro_ms <= wanted.max_intro_ms
        conditions["on a map with a longer intro (--max-intro-ms)"] = or_(_maps.c.has_intro.is_not(True), short)
    if wanted.exclude_track_ids:
        # Rendered as numbers: there may be more of them than parameters are allowed.
        excluded: BindParameter[Any] = bindparam(
            "excluded", list(wanted.exclude_track_ids), expanding=True, literal_execute=True
        )
        conditions["on a map that is excluded (--exclude-maps)"] = _replays.c.track_id.not_in(excluded)
    return conditions


def _parts(wanted: CaptureRequestFilter) -> Iterator[CaptureRequestFilter]:
    """Split the filter into parts whose ids fit one statement."""
    step = MAX_IDS_PER_STATEMENT
    for track_at in range(0, max(len(wanted.track_ids), 1), step):
        for replay_at in range(0, max(len(wanted.replay_ids), 1), step):
            yield replace(
                wanted,
                track_ids=wanted.track_ids[track_at : track_at + step],
                replay_ids=wanted.replay_ids[replay_at : replay_at + step],
            )


def _selected(wanted: CaptureRequestFilter) -> Subquery:
    """Return the replays of a filter, with their rank among those of their track that pass it."""
    rank = func.row_number().over(
        partition_by=_replays.c.track_id,
        order_by=(_replays.c.position.is_(None), _replays.c.position, _replays.c.race_time_ms, _replays.c.replay_id),
    )
    query: Select[tuple[int, int, int, int, int]] = (
        select(
            _replays.c.replay_id,
            _replays.c.track_id,
            _replays.c.race_time_ms,
            _replays.c.priority,
            rank.label("rank"),
        )
        .join(_maps, _maps.c.track_id == _replays.c.track_id)
        .where(
            _replays.c.status == "done", _maps.c.status == "done", _finished(), _has_inputs(),
            ~_has_unknown_controls(), _replays.c.map_uid == _maps.c.uid, *_named(wanted), *_filters(wanted).values(),
        )
    )  # fmt: skip
    ranked = query.subquery()
    if wanted.top is None:
        return ranked
    return select(ranked).where(ranked.c.rank <= wanted.top).subquery()


def _named(wanted: CaptureRequestFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on tracks and replays that the user named by id."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.track_ids:
        conditions.append(_replays.c.track_id.in_(wanted.track_ids))
    if wanted.replay_ids:
        conditions.append(_replays.c.replay_id.in_(wanted.replay_ids))
    return conditions


def _finished() -> ColumnElement[bool]:
    return and_(_replays.c.finished.is_(True), func.coalesce(_replays.c.race_time_ms, 0) > 0)


def _has_inputs() -> ColumnElement[bool]:
    return func.coalesce(_replays.c.input_count, 0) > START_AND_FINISH_EVENTS


def _has_unknown_controls() -> ColumnElement[bool]:
    """Select replays for which `tmxdb.gbx.script` cannot write a script: `Steer (analog)`, `Accelerate (analog)`."""
    return func.coalesce(_replays.c.control_names, "").like("%(analog)%")
