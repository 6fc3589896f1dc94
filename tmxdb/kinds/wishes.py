"""`add-captures`: which replays are to be captured, and the rows that say so. The same wish twice is one row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from tmxdb.capture.plan import Estimate, estimate, loading
from tmxdb.capture.settings import CaptureSettings
from tmxdb.db.models import Capture, Map, Replay, table_of

_captures, _replays, _maps = table_of(Capture), table_of(Replay), table_of(Map)
IDS_AT_ONCE = 10_000
MARKS = 2
"""Of a replay's input events these many are the marks of start and finish, which nobody pressed."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which replays. None, 0 and "any" let everything through; empty lists of ids too."""

    track_ids: Sequence[int] = ()
    replay_ids: Sequence[int] = ()
    top: int | None = None
    no_respawns: bool = False
    keyboard_only: bool = False
    min_time_ms: int | None = None
    max_time_ms: int | None = None
    map_type: str | None = "race"
    max_intro_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Wished:
    """What a filter finds. `known`: rows that are there already with the same settings. `takes`: what the new ones
    will take, loading each track's map once."""

    new: int
    known: int
    tracks: int
    takes: Estimate


def look(connection: Connection, wanted: Filter, settings: CaptureSettings) -> Wished:
    """What `add` would find and add."""
    there = select(_captures.c.replay_id).where(_captures.c.settings == settings.to_json())
    known, takes, tracks = 0, Estimate(), set()
    for part in _parts(wanted):
        chosen = _chosen(part)
        is_there = chosen.c.replay_id.in_(there)
        known += connection.execute(select(func.count()).select_from(chosen).where(is_there)).scalar_one()
        for track_id, race_time_ms in connection.execute(
            select(chosen.c.track_id, chosen.c.race_time_ms).where(~is_there)
        ):
            tracks.add(track_id)
            takes += estimate(race_time_ms, settings)
    return Wished(takes.races, known, len(tracks), takes + loading(len(tracks)))


def add(connection: Connection, wanted: Filter, settings: CaptureSettings) -> int:
    """Make the rows that are not there yet, each with the priority of its replay; answers how many."""
    return sum(_add(connection, part, settings) for part in _parts(wanted))


def _add(connection: Connection, wanted: Filter, settings: CaptureSettings) -> int:
    chosen = _chosen(wanted)
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    rows = select(
        chosen.c.replay_id, chosen.c.track_id, chosen.c.priority, literal(settings.to_json()), literal("pending")
    ).order_by(chosen.c.priority, chosen.c.track_id, chosen.c.place, chosen.c.replay_id)
    insert = dialect.insert(_captures).from_select(["replay_id", "track_id", "priority", "settings", "status"], rows)
    statement = insert.on_conflict_do_nothing(index_elements=["replay_id", "settings"])
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def left_out(connection: Connection, wanted: Filter) -> dict[str, int]:
    """Replays that the filter names but that can not be captured, by why: so that nobody wonders."""
    reasons = {
        "not finished": ~_finished(),
        "without inputs": and_(_finished(), ~_has_inputs()),
        "on another version of the map": and_(
            _finished(), _has_inputs(), _maps.c.status == "done", _replays.c.map_uid.is_distinct_from(_maps.c.uid)
        ),
        "without their map (tmxdb work --kind extract)": and_(
            _finished(), _has_inputs(), func.coalesce(_maps.c.status, "") != "done"
        ),
    }
    both = _replays.outerjoin(_maps, _maps.c.track_id == _replays.c.track_id)
    found: dict[str, int] = {}
    for reason, condition in reasons.items():
        n = 0
        for part in _parts(wanted):
            named = and_(*_named(part), _replays.c.status == "done")
            n += connection.execute(select(func.count()).select_from(both).where(named, condition)).scalar_one()
        if n:
            found[reason] = n
    return found


def _parts(wanted: Filter) -> Iterator[Filter]:
    """The same filter for so many tracks at once as a statement can name."""
    ids = wanted.track_ids
    for at in range(0, max(len(ids), 1), IDS_AT_ONCE):
        yield replace(wanted, track_ids=ids[at : at + IDS_AT_ONCE])


def _chosen(wanted: Filter) -> Subquery:
    """The replays of a filter, with their places among those of their track that it lets through."""
    place = func.row_number().over(
        partition_by=_replays.c.track_id,
        order_by=(_replays.c.position.is_(None), _replays.c.position, _replays.c.race_time_ms, _replays.c.replay_id),
    )
    query: Select[tuple[int, int, int, int, int]] = (
        select(
            _replays.c.replay_id,
            _replays.c.track_id,
            _replays.c.race_time_ms,
            _replays.c.priority,
            place.label("place"),
        )
        .join(_maps, _maps.c.track_id == _replays.c.track_id)
        .where(
            _replays.c.status == "done", _maps.c.status == "done", _finished(), _has_inputs(), _on_the_map(),
            *_named(wanted), *_facts(wanted),
        )
    )  # fmt: skip
    ranked = query.subquery()
    if wanted.top is None:
        return ranked
    return select(ranked).where(ranked.c.place <= wanted.top).subquery()


def _named(wanted: Filter) -> list[ColumnElement[bool]]:
    """Those that the user names by track and by id."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.track_ids:
        conditions.append(_replays.c.track_id.in_(wanted.track_ids))
    if wanted.replay_ids:
        conditions.append(_replays.c.replay_id.in_(wanted.replay_ids))
    return conditions


def _facts(wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.no_respawns:
        for column in (_replays.c.respawns, _replays.c.respawn_events):
            conditions.append(func.coalesce(column, 0) == 0)
    if wanted.keyboard_only:
        conditions.append(_replays.c.device == "keyboard")
    if wanted.min_time_ms is not None:
        conditions.append(_replays.c.race_time_ms >= wanted.min_time_ms)
    if wanted.max_time_ms is not None:
        conditions.append(_replays.c.race_time_ms <= wanted.max_time_ms)
    if wanted.map_type is not None:
        conditions.append(_maps.c.map_type == wanted.map_type)
    if wanted.max_intro_ms is not None:
        no_intro = _maps.c.has_intro.is_not(True)
        conditions.append(or_(no_intro, _maps.c.intro_ms <= wanted.max_intro_ms))
    return conditions


def _finished() -> ColumnElement[bool]:
    return and_(_replays.c.finished.is_(True), func.coalesce(_replays.c.race_time_ms, 0) > 0)


def _has_inputs() -> ColumnElement[bool]:
    return func.coalesce(_replays.c.input_count, 0) > MARKS


def _on_the_map() -> ColumnElement[bool]:
    """Driven on the map that lies there: the same uid."""
    return _replays.c.map_uid == _maps.c.uid
