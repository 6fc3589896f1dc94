"""Rows that a run opens before its first claim, because its options ask for more than earlier runs did.

The kinds' `prepare` and the dry run use the same conditions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, literal_column, or_, select

from tmxdb.db.models import MapRow, SelectionRow, SelectionTrackRow, TrackRow, table_of
from tmxdb.db.selected import in_selection, wanted_top
from tmxdb.kinds.context import JobOptions
from tmxdb.queue.job import PENDING, RETRY

ALL_REPLAYS = -1
"""`listed_top` of a listing with --all-replays."""
_maps = table_of(MapRow)
_members, _selections = table_of(SelectionTrackRow), table_of(SelectionRow)
_tracks = table_of(TrackRow)


def listed_too_short(options: JobOptions) -> ColumnElement[bool]:
    """Return the condition for tracks that were listed with a smaller `top` and have more replays."""
    columns = _tracks.c
    if options.all_replays:
        shorter = columns.listed_top != ALL_REPLAYS
    else:
        shorter = (columns.listed_top < _wanted(options)) & (columns.listed_top != ALL_REPLAYS)
        shorter &= or_(columns.listed_whole.is_(None), columns.listed_whole.is_(False))
    return and_(columns.status == "done", shorter, *_of_selection(options))


def tracks_without_map(options: JobOptions) -> Select[Any]:
    """Return the values of a new `maps` row for each track that has none, for `--from site`."""
    known = select(_maps.c.track_id)
    return select(_tracks.c.track_id, _tracks.c.priority, literal_column("'pending'")).where(
        _tracks.c.track_id.not_in(known), _tracks.c.status != "skipped", *_of_selection(options)
    )


def count_opening(connection: Connection, kind: str, options: JobOptions) -> int:
    """Return how many rows `prepare` of `kind` would open."""
    if kind == "list":
        query = select(func.count()).select_from(_tracks).where(listed_too_short(options))
    elif kind == "extract" and options.maps_from_site:
        query = select(func.count()).select_from(tracks_without_map(options).subquery())
    else:
        return 0
    return int(connection.execute(query).scalar_one())


def count_more_replays(connection: Connection, options: JobOptions) -> int:
    """Return how many replays a new listing of those tracks adds at most; 0 with --all-replays: it is unknown."""
    if options.all_replays:
        return 0
    query = select(func.sum(_wanted(options) - _tracks.c.listed_top)).where(listed_too_short(options))
    return int(connection.execute(query).scalar_one() or 0)


def most_new_replays(connection: Connection, options: JobOptions, new_tracks: int) -> int:
    """Return how many replays the `new_tracks` that wait for their first listing may have: as many as are wanted."""
    if options.top_chosen or options.all_replays:
        return new_tracks * options.top
    deep = (
        select(func.max(_selections.c.top).label("top"))
        .join_from(_members, _selections, _selections.c.name == _members.c.selection)
        .join(_tracks, _tracks.c.track_id == _members.c.track_id)
        .where(_selections.c.top.is_not(None), _tracks.c.status.in_((PENDING, RETRY)), *_of_selection(options))
        .group_by(_members.c.track_id)
        .subquery()
    )
    n, total = connection.execute(select(func.count(), func.sum(deep.c.top))).one()
    return int(total or 0) + max(new_tracks - int(n), 0) * options.top


def _wanted(options: JobOptions) -> ColumnElement[Any]:
    """Return how many replays of a track are wanted: what was chosen for this run or in a selection; else NULL.

    A default reopens nothing: `tmxdb run` after `tmxdb run --top 10` must not fetch more.
    """
    return literal(options.top) if options.top_chosen else wanted_top(_tracks)


def _of_selection(options: JobOptions) -> list[ColumnElement[bool]]:
    return [] if options.selection is None else [in_selection(_tracks, options.selection)]
