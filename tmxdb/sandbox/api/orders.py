"""The values of `order1` (three clients agree: ManiaAPI.TMX `TrackOrder.cs`, tmx4ml, TM-track-exporter).

Odd numbers ascend, the even one behind descends. Orders around a logged-in user or a pack (31-38,
45/46, 29/30) and 0 stand for no order at all: newest upload first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tmxdb.sandbox.api.refusal import Refusal
from tmxdb.sandbox.catalogue.board import Replay
from tmxdb.sandbox.catalogue.track import Track

_NEWEST_FIRST = 2
_LAST = 46
_NOBODYS = {0, 29, 30, 45, 46, *range(31, 39)}


def _record(track: Track) -> Replay | None:
    return track.catalogue.record(track.index)


def _record_ms(track: Track) -> int:
    record = _record(track)
    return record.race_time_ms if record else -1


def _record_set_ms(track: Track) -> int:
    record = _record(track)
    return record.replay_ms if record else -1


# Awards of this week or month are not made up one by one: a share of all.
_KEYS: dict[int, Callable[[Track], Any] | None] = {
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
    27: _record_set_ms,
    39: lambda track: track.author_ms,
    41: _record_ms,
}


@dataclass(frozen=True)
class Order:
    """What to sort by (None: the tracks come in upload order already), and whether downwards."""

    key: Callable[[Track], Any] | None
    downwards: bool


def order_of(number: int | None) -> Order:
    if number is None or number in _NOBODYS:
        number = _NEWEST_FIRST
    if not 0 < number <= _LAST:
        raise Refusal("Invalid value for 'order1'")
    return Order(_KEYS[number - 1 + number % 2], downwards=number % 2 == 0)
