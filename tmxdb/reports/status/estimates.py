"""When everything will be done, and how much disk it will take: functions of the counts alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from tmxdb.capture.frame_plan import estimate_race
from tmxdb.capture.settings import parse_settings
from tmxdb.errors import InvalidInput
from tmxdb.reports.status.state import OPEN, DiskForecast

Counts = Mapping[str, Mapping[str, int]]
TYPICAL_REPLAY_BYTES, TYPICAL_MAP_BYTES = 30_000, 20_000
"""Sizes before the first file is there: medians of TMNF-X."""
MARGIN = 0.02
"""Part of the free space that is not counted on: file systems keep some for themselves."""


@dataclass(frozen=True, slots=True)
class SampledTrack:
    """A track of the sample: whether it was listed, with how many replays, and whether the site names a record."""

    is_listed: bool
    replays: int
    has_record: bool


def replays_per_open_track(sample: Iterable[SampledTrack]) -> float | None:
    """Return how many replays a track that was not listed yet will have on average; None if nothing tells.

    Tracks are listed in an order, such as the most awards first, so those to come may have fewer replays than those
    listed so far. Most of the difference are tracks without any, of which the site names no record.
    """
    tracks = list(sample)
    listed = [track.replays for track in tracks if track.is_listed and track.has_record]
    still_open = [track.has_record for track in tracks if not track.is_listed]
    if not listed or not still_open:
        return None
    return sum(still_open) / len(still_open) * sum(listed) / len(listed)


def replays_to_come(kinds: Counts, per_track: float | None = None) -> int:
    """Return how many replays are still to download, those of tracks that were not listed yet included.

    `per_track`: how many such a track has; None: as many as the average track listed so far.
    """
    listed = kinds["list"]["done"]
    average = sum(kinds["download"].values()) / listed if listed else 0.0
    return open_rows(kinds, "download") + round(
        open_rows(kinds, "list") * (average if per_track is None else per_track)
    )


def seconds_left(kinds: Counts, rates: Mapping[str, float], replays: int) -> dict[str, float]:
    """Return the time until each kind has nothing left, for kinds with open rows and a rate. `replays`: to come.

    Listing and downloading share the request rate: what one does not use is the other's. So both together need as
    long as all their requests at the rate of both, and downloads, which listing makes more of, end last.
    """
    left = {kind: open_rows(kinds, kind) for kind in kinds}
    found = {kind: left[kind] / rates[kind] for kind in kinds if rates.get(kind, 0) > 0 and left[kind]}
    if rates.get("download", 0.0) > 0 and left["list"] + replays:
        # Also when all tracks are listed: the requests of listing in the window are those of downloading from now on.
        found["download"] = (left["list"] + replays) / (rates.get("list", 0.0) + rates["download"])
    elif left["list"]:
        found.pop("download", None)
    if "extract" in found and "download" in found:
        found["extract"] = max(found["extract"], found["download"])
    return {kind: round(seconds, 1) for kind, seconds in found.items()}


def seconds_until_done(kinds: Counts, left: Mapping[str, float], worked_on: set[str]) -> float | None:
    """Return the time until the kinds that workers work on have nothing left; None if one of them has no estimate."""
    wanted = [kind for kind in kinds if kind in worked_on and open_rows(kinds, kind)]
    if not wanted or any(kind not in left for kind in wanted if kind != "extract"):
        return None
    return max((left[kind] for kind in wanted if kind in left), default=None)


def captures_to_come(n: int, sample: Iterable[tuple[str, int, int]]) -> int:
    """Return what the files of `n` open captures will take: as `tmxdb add-captures` estimates them.

    `sample`: settings in JSON, captures with them, and the sum of their race times in ms. Those done already tell
    nothing about others: `tmxdb convert-captures` may have stored them in another way.
    """
    sampled = 0
    taken = 0.0
    for settings, captures, race_ms in sample:
        with suppress(InvalidInput):  # a row that another program wrote
            taken += captures * estimate_race(race_ms // captures, parse_settings(settings)).frame_bytes
        sampled += captures
    return round(n * taken / sampled) if sampled else 0


def disk_forecast(
    kinds: Counts, done_bytes: Mapping[str, int], free_bytes: int | None, *, replays: int, capture_bytes: int
) -> DiskForecast:
    """Return what the files of all open rows will take.

    `done_bytes`: size of the files of done rows by kind. `replays`: to come. `capture_bytes`: of all open captures.
    """
    need = capture_bytes + replays * _average(kinds, done_bytes, "download", TYPICAL_REPLAY_BYTES)
    need += open_rows(kinds, "extract") * _average(kinds, done_bytes, "extract", TYPICAL_MAP_BYTES)
    will_be_full = free_bytes is not None and need > free_bytes * (1 - MARGIN)
    return DiskForecast(round(need), replays, will_be_full)


def open_rows(kinds: Counts, kind: str) -> int:
    """Return how many rows of `kind` are not finished."""
    return sum(kinds[kind][status] for status in OPEN)


def _average(kinds: Counts, done_bytes: Mapping[str, int], kind: str, typical: int) -> float:
    done = kinds[kind]["done"]
    return done_bytes[kind] / done if done else typical
