"""What a new listing changes on a leaderboard: positions that began, positions that ended, and why replays left it.

Pure functions. The present position of a replay is in its row; only positions that ended are rows of `past_positions`,
so a listing without changes writes no history. Leaderboards can be long: replays are read one after the other, in the
order of their ids, and results are packed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tmxdb.kinds.leaderboard import LISTED, LeaderboardListing
from tmxdb.kinds.packed import PackedRow, PackedRows, merged

IMPROVED, PUSHED, REPLACED, REMOVED = "improved", "pushed", "replaced", "removed"
"""Why a replay is no longer listed: its driver was faster, it fell below what was asked for, the track has a newer
version, or the site no longer has it on the leaderboard."""
ENDED = ("replay_id", "position", "from_at", "last_seen_at")
_USER, _TIME, _TRACK_AT, _POSITION = map(LISTED.index, ("user_id", "site_time_ms", "track_at", "position"))


class KnownReplay(NamedTuple):
    """A replay as earlier listings left it. Times are ISO texts; None: before tmxdb kept them."""

    replay_id: int
    user_id: int | None
    time_ms: int | None
    track_at: str | None
    position: int | None
    position_since: str | None
    listed_at: str | None
    first_seen_at: str | None


@dataclass(frozen=True, slots=True)
class LeaderboardChange:
    """What a new listing changes on a leaderboard.

    `listed`: each listed replay with two more values: when it was first seen and since when it has its position.
    `ended`: positions that are over, with the values ENDED. `left`: ids of replays that were on the leaderboard and no
    longer are, with the reason. Each in the order of the ids, because they are written in portions by id.
    """

    listed: PackedRows = field(default_factory=PackedRows)
    ended: PackedRows = field(default_factory=PackedRows)
    left: PackedRows = field(default_factory=PackedRows)


@dataclass(slots=True)
class _Extremes:
    """The last position, newest version of the track and slowest time of a listing."""

    position: int = -1
    version: str | None = None
    time_ms: int | None = None

    def include(self, row: PackedRow) -> None:
        """Take the values of a listed replay into account."""
        position, version, time_ms = row[_POSITION], row[_TRACK_AT], row[_TIME]
        self.position = max(self.position, position or 0)
        if version is not None and (self.version is None or version > self.version):
            self.version = version
        if time_ms is not None and (self.time_ms is None or time_ms > self.time_ms):
            self.time_ms = time_ms


def compare(
    known: Iterable[PackedRow], listing: LeaderboardListing, *, updated_at: str | None, now: str
) -> LeaderboardChange:
    """Compare what was known of a leaderboard with a new listing of it.

    `known`: the values of a `KnownReplay` each, in the order of their ids. `updated_at`: when the site says that the
    track's file was last replaced. Positions below an incomplete listing were not asked for.
    """
    change, missing, listed = LeaderboardChange(), PackedRows(), _Extremes(version=updated_at)
    moved, gone = PackedRows(), PackedRows()
    for before, row in _side_by_side(map(KnownReplay._make, known), listing.rows()):
        if row is not None:
            listed.include(row)
            change.listed.append([*row, *_since(before, row[_POSITION], now)])
            if before is not None and before.position != row[_POSITION]:
                _end(moved, before)
        elif before is not None and before.position is not None:
            missing.append(before)
    reason = _reasons(missing, listing, listed)
    for replay in map(KnownReplay._make, missing):
        if replay.position is not None and (listing.is_complete or replay.position <= listed.position):
            change.left.append((replay.replay_id, reason(replay)))
            _end(gone, replay)
    return replace(change, ended=PackedRows(merged((moved, gone))) if len(gone) else moved)


def _side_by_side(
    known: Iterator[KnownReplay], listed: Iterator[PackedRow]
) -> Iterator[tuple[KnownReplay | None, PackedRow | None]]:
    """Yield each replay of two lists in the order of their ids as it is in the one and in the other."""
    before, row = next(known, None), next(listed, None)
    while before is not None or row is not None:
        is_known = before is not None and (row is None or before.replay_id <= row[0])
        is_listed = row is not None and (before is None or row[0] <= before.replay_id)
        yield before if is_known else None, row if is_listed else None
        before = next(known, None) if is_known else before
        row = next(listed, None) if is_listed else row


def _since(before: KnownReplay | None, position: int | None, now: str) -> tuple[str | None, str | None]:
    """Return when a listed replay was first seen, and since when it has its position."""
    if before is None:
        return now, now
    return before.first_seen_at, before.position_since if before.position == position else now


def _end(ended: PackedRows, replay: KnownReplay) -> None:
    if replay.position is not None:
        ended.append((replay.replay_id, replay.position, replay.position_since, replay.listed_at))


def _reasons(missing: PackedRows, listing: LeaderboardListing, listed: _Extremes) -> Callable[[KnownReplay], str]:
    """Return a function that tells why a replay, one of `missing`, is no longer listed."""
    absent = {user_id for row in missing if (user_id := KnownReplay._make(row).user_id) is not None}
    improved = absent and {row[_USER] for row in listing.rows() if row[_USER] in absent}

    def reason(replay: KnownReplay) -> str:
        if replay.track_at is not None and listed.version is not None and replay.track_at < listed.version:
            return REPLACED
        if replay.user_id in improved:
            return IMPROVED
        is_slower = replay.time_ms is not None and listed.time_ms is not None and replay.time_ms >= listed.time_ms
        return PUSHED if is_slower and not listing.is_complete else REMOVED

    return reason
