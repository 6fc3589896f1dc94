"""The values of `order1` (three clients agree: ManiaAPI.TMX `TrackOrder.cs`, tmx4ml, TM-track-exporter).

Odd numbers sort ascending, the next even number descending. Orders that depend on a logged-in user or a pack (29-38,
45, 46) and 0 have no effect: the newest upload comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from tmxdb_sandbox.api.problem import ApiProblem
from tmxdb_sandbox.catalogue.leaderboard import CatalogueReplay
from tmxdb_sandbox.catalogue.track import SimulatedTrack

RecordOf: TypeAlias = Callable[[SimulatedTrack], CatalogueReplay | None]
SortKey: TypeAlias = Callable[[SimulatedTrack], Any]

_NEWEST_FIRST = 2
_LAST = 46
_WITHOUT_EFFECT = {0, 29, 30, 45, 46, *range(31, 39)}
_BY_RECORD_DATE, _BY_RECORD_TIME = 27, 41

# Awards of this week and this month are not simulated one by one: they are a share of all awards.
_KEYS: dict[int, SortKey | None] = {
    1: None,
    3: lambda track: track.updated_ms,
    5: lambda track: track.awards,
    7: lambda track: track.comments,
    9: lambda track: track.activity_ms,
    11: lambda track: track.name.lower(),
    13: lambda track: track.uploader.name.lower(),
    15: lambda track: track.difficulty,
    17: lambda track: track.downloads,
    19: lambda track: track.track_value,
    21: lambda track: track.awards * (track.index % 7) // 40,
    23: lambda track: track.awards * (track.index % 7) // 10,
    25: lambda track: track.activity_ms if track.awards else -1,
    39: lambda track: track.author_ms,
}


@dataclass(frozen=True)
class TrackOrder:
    """The sort key (None for the upload order, in which tracks are stored) and the direction."""

    key: SortKey | None
    descending: bool


def order_of(number: int | None, record_of: RecordOf) -> TrackOrder:
    """Return the order with this number. Raise ApiProblem for an unknown one."""
    if number is None or number in _WITHOUT_EFFECT:
        number = _NEWEST_FIRST
    if not 0 < number <= _LAST:
        raise ApiProblem("Invalid value for 'order1'")
    return TrackOrder(_key(number - 1 + number % 2, record_of), descending=number % 2 == 0)


def _key(number: int, record_of: RecordOf) -> SortKey | None:
    if number == _BY_RECORD_DATE:
        return lambda track: record.replay_ms if (record := record_of(track)) else -1
    if number == _BY_RECORD_TIME:
        return lambda track: record.race_time_ms if (record := record_of(track)) else -1
    return _KEYS[number]
