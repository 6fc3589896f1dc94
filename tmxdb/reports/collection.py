"""What a collection consists of, as numbers to draw: replays per track, race times, uploads, devices, records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import floor, log10
from typing import Any

from tmxdb.db.reading.reader import Reader

CHARTS = {
    "replays-per-track": "how many replays the tracks have",
    "race-times": "race times of all runs",
    "uploads": "tracks and replays uploaded each year",
    "devices": "devices of the downloaded runs",
    "records": "the months in which present records were driven",
}
"""Names of the charts, with what each shows."""
_STEPS = (1, 2, 5)
_REPLAYS = """
SELECT n AS value, count(*) AS count FROM (
  SELECT track_id, count(*) AS n FROM replays {where} GROUP BY track_id) AS tracks
GROUP BY n"""
_TRACKS = "SELECT count(*) FROM tracks {where}"
_TIMES = """
SELECT coalesce(site_time_ms, race_time_ms) / 1000 AS value, count(*) AS count FROM replays {where} GROUP BY 1"""
_UPLOADS = """
SELECT substr({column}, 1, {letters}) AS label, count(*) AS count FROM {table}
{where} {column} IS NOT NULL {more} GROUP BY 1 ORDER BY 1"""
_DEVICES = """
SELECT device AS label, count(*) AS count FROM replays {where} device IS NOT NULL GROUP BY device
ORDER BY 2 DESC, 1"""


@dataclass(frozen=True, slots=True)
class NumberBin:
    """How many values are at least `begin` and below `end`."""

    begin: float
    end: float
    count: int


@dataclass(frozen=True, slots=True)
class LabelledCount:
    """How many there are of one thing: of a year, a month, or a device."""

    label: str
    count: int


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """The numbers of all charts. Times in seconds; years and months as in `2008` and `2008-05`."""

    tracks: int
    replays: int
    replays_per_track: list[NumberBin]
    race_times_s: list[NumberBin]
    tracks_by_year: list[LabelledCount]
    replays_by_year: list[LabelledCount]
    devices: list[LabelledCount]
    records_by_month: list[LabelledCount]

    def as_json(self) -> dict[str, Any]:
        """Return the same values for `json.dumps`."""
        return asdict(self)


def read_collection(reader: Reader, only: str | None = None) -> CollectionStats:
    """Return the numbers of all tracks, or of the tracks of the selection `only`. Reads every replay."""
    member = "track_id IN (SELECT track_id FROM selection_tracks WHERE selection = :only)"
    where, prefix = ("", "WHERE") if only is None else (f"WHERE {member}", f"WHERE {member} AND")
    values: dict[str, Any] = {} if only is None else {"only": only}

    def counted(sql: str) -> list[LabelledCount]:
        return [LabelledCount(str(row["label"]), row["count"]) for row in reader.rows(sql, **values)]

    def uploads(table: str, column: str, letters: int, more: str = "") -> list[LabelledCount]:
        return counted(_UPLOADS.format(table=table, column=column, letters=letters, where=prefix, more=more))

    with reader.snapshot():
        tracks = int(reader.value(_TRACKS.format(where=where), **values))
        per_track = _pairs(reader.rows(_REPLAYS.format(where=where), **values))
        times = _pairs(reader.rows(_TIMES.format(where=where), **values))
        by_year = [uploads("tracks", "uploaded_at", 4), uploads("replays", "replay_at", 4)]
        devices = counted(_DEVICES.format(where=prefix))
        records = uploads("replays", "replay_at", 7, "AND position = 0")
    empty = tracks - sum(count for _, count in per_track)
    return CollectionStats(
        tracks=tracks,
        replays=sum(value * count for value, count in per_track),
        replays_per_track=[NumberBin(0, 1, empty), *bins(per_track)],
        race_times_s=bins(times),
        tracks_by_year=by_year[0],
        replays_by_year=by_year[1],
        devices=devices,
        records_by_month=records,
    )


def bins(values: Sequence[tuple[int, int]]) -> list[NumberBin]:
    """Return (value, count) pairs in bins that grow with the values: 1, 2, 5, 10, 20 … Values below 1 are left out."""
    kept = [(value, count) for value, count in values if value >= 1]
    if not kept:
        return []
    first, last = min(value for value, _ in kept), max(value for value, _ in kept)
    edges = [step * 10**power for power in range(floor(log10(last)) + 2) for step in _STEPS]
    begin = max(at for at, edge in enumerate(edges) if edge <= first)
    end = min(at for at, edge in enumerate(edges) if edge > last)
    return [
        NumberBin(low, high, sum(count for value, count in kept if low <= value < high))
        for low, high in pairwise(edges[begin : end + 1])
    ]


def _pairs(rows: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(int(row["value"]), row["count"]) for row in rows if row["value"] is not None]
