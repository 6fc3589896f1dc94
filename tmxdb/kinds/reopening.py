"""Rows that a run opens before its first claim, because its options ask for more than earlier runs did.

The kinds' `prepare` and the dry run use the same conditions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, literal_column, or_, select

from tmxdb.db.models import MapRow, TrackRow, table_of
from tmxdb.db.selected import in_selection, wanted_top
from tmxdb.kinds.context import JobOptions

ALL_REPLAYS = -1
"""`listed_top` of a listing with --all-replays."""
_maps = table_of(MapRow)
_tracks = table_of(TrackRow)


def listed_too_short(options: JobOptions) -> ColumnElement[bool]:
    """Return the condition for tracks that are done, but were listed with a smaller `top` and have more replays."""
    return and_(_tracks.c.status == "done", listed_less(options), *of_selection(options))


def listed_less(options: JobOptions) -> ColumnElement[bool]:
    """Return the condition that a track was listed with a smaller `top` and has more replays."""
    columns = _tracks.c
    if options.all_replays:
        return columns.listed_top != ALL_REPLAYS
    shorter = (columns.listed_top < _wanted(options)) & (columns.listed_top != ALL_REPLAYS)
    return shorter & or_(columns.listed_whole.is_(None), columns.listed_whole.is_(False))


def tracks_without_map(options: JobOptions) -> Select[Any]:
    """Return the values of a new `maps` row for each track that has none, for `--from site`."""
    known = select(_maps.c.track_id)
    return select(_tracks.c.track_id, _tracks.c.priority, literal_column("'pending'")).where(
        _tracks.c.track_id.not_in(known), _tracks.c.status != "skipped", *of_selection(options)
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


def of_selection(options: JobOptions) -> list[ColumnElement[bool]]:
    """Return the conditions that a track is one of those that the run is about."""
    return [] if options.selection is None else [in_selection(_tracks, options.selection)]


def _wanted(options: JobOptions) -> ColumnElement[Any]:
    """Return how many replays of a track are wanted: what was chosen for this run or in a selection; else NULL.

    A default reopens nothing: `tmxdb run` after `tmxdb run --top 10` must not fetch more.
    """
    return literal(options.top) if options.top_chosen else wanted_top(_tracks)
