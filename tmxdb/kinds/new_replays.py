"""How many replays the listings of a run will find: for its dry run and its first message."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select

from tmxdb.db.models import ReplayRow, TrackRow, table_of
from tmxdb.db.selected import wanted_top
from tmxdb.formats import Precision
from tmxdb.kinds.context import JobOptions
from tmxdb.kinds.reopening import ALL_REPLAYS, listed_less, listed_too_short, of_selection
from tmxdb.queue.job import PENDING, RETRY

SAMPLE = 2000
"""Listings to estimate from. The latest ones are most like those to come: tracks have an order, such as by awards."""
_replays, _tracks = table_of(ReplayRow), table_of(TrackRow)


@dataclass(frozen=True, slots=True)
class NewReplays:
    """How many replays that are not in the database the listings will find.

    `tracks_without_record`: tracks to list that have no replays. The site answers 404 for them, so each takes a second
    request.
    """

    n: int = 0
    precision: Precision = "about"
    tracks_without_record: int = 0


@dataclass(frozen=True, slots=True)
class _Group:
    """`tracks` to list, of each of which `wanted` replays are wanted and `known` of these are known.

    `has_more`: by an earlier listing, there are more than these.
    """

    wanted: int
    known: int
    tracks: int
    has_more: bool


def expected_new_replays(connection: Connection, options: JobOptions) -> NewReplays:
    """Return what listing the tracks that wait, and those that `prepare` opens, will find.

    Leaderboards are taken to be as long as those listed lately to the same depth. Without such listings the result is
    a bound.
    """
    is_waiting = and_(_tracks.c.status.in_((PENDING, RETRY)), _tracks.c.track_id > 0, *of_selection(options))
    is_first = _tracks.c.listed_at.is_(None)
    # Without `synced_at` the facts of the track are not known.
    is_empty = _tracks.c.wr_replay_id.is_(None) & _tracks.c.synced_at.is_not(None)
    empty = select(func.count()).select_from(_tracks).where(is_waiting, is_empty)
    without_record = int(connection.execute(empty).scalar_one())
    again = or_(listed_too_short(options), is_waiting & listed_less(options))
    groups = [
        *_groups(connection, options, is_waiting & is_first & ~is_empty, _replays_in_top(options), has_more=False),
        *_groups(connection, options, again, _tracks.c.listed_count, has_more=not options.all_replays),
    ]
    samples = {wanted: _sample(connection, wanted) for wanted in {group.wanted for group in groups}}
    expected = [_expected(group, samples[group.wanted]) for group in groups]
    estimated = [n for n in expected if n is not None]
    if len(estimated) == len(groups):
        return NewReplays(round(sum(estimated)), "about", without_record)
    if options.all_replays:
        return NewReplays(0, "at least", without_record)
    most = sum(group.tracks * max(group.wanted - group.known, 0) for group in groups)
    return NewReplays(most, "at most", without_record)


def _groups(
    connection: Connection, options: JobOptions, condition: ColumnElement[bool], known: Any, *, has_more: bool
) -> list[_Group]:
    each = select(_wanted(options).label("wanted"), func.coalesce(known, 0).label("known")).where(condition)
    table = each.subquery()
    query = select(table.c.wanted, table.c.known, func.count()).group_by(table.c.wanted, table.c.known)
    return [_Group(wanted, known, n, has_more) for wanted, known, n in connection.execute(query)]


def _wanted(options: JobOptions) -> ColumnElement[Any]:
    """Return how many replays of a track `List` asks for."""
    if options.all_replays:
        return literal(ALL_REPLAYS)
    return literal(options.top) if options.top_chosen else func.coalesce(wanted_top(_tracks), options.top)


def _replays_in_top(options: JobOptions) -> ColumnElement[Any]:
    """Return how many of the wanted replays a track has before its first listing: `tmxdb adopt` added them."""
    in_top = literal(True) if options.all_replays else _replays.c.position < _wanted(options)
    counted = select(func.count()).where(_replays.c.track_id == _tracks.c.track_id, in_top)
    return counted.correlate(_tracks).scalar_subquery()


def _sample(connection: Connection, wanted: int) -> Counter[int]:
    """Return how many replays the latest listings with this depth found, up to `wanted`, and how often."""
    is_deep = _tracks.c.listed_top == ALL_REPLAYS
    if wanted != ALL_REPLAYS:
        is_deep |= _tracks.c.listed_top >= wanted
    latest = (
        select(_tracks.c.listed_count)
        .where(
            _tracks.c.status == "done", is_deep, or_(_tracks.c.wr_replay_id.is_not(None), _tracks.c.listed_count > 0)
        )
        .order_by(_tracks.c.listed_at.desc())
        .limit(SAMPLE)
    )
    found = [n or 0 for n in connection.execute(latest).scalars()]
    return Counter(n if wanted == ALL_REPLAYS else min(n, wanted) for n in found)


def _expected(group: _Group, sample: Counter[int]) -> float | None:
    """Return how many replays the tracks of a group have beyond those known; None if no listing tells."""
    if group.known >= group.wanted > 0:
        return 0.0
    longer = {n: times for n, times in sample.items() if n >= group.known + group.has_more}
    if not longer:
        return None
    average = sum(n * times for n, times in longer.items()) / sum(longer.values())
    return group.tracks * (average - group.known)
