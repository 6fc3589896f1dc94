"""The table `adopted_files` and the ids of local rows.

A file that gets a local id is written here before it is copied. A run that was killed in between finds that id again,
so that no file is left behind under another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from tmxdb.adoption.recognition.reading import FoundFile
from tmxdb.clock import iso
from tmxdb.db.advisory_lock import AdvisoryLock
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.dialect import lock_for_transaction
from tmxdb.db.models import AdoptedFileRow, ReplayRow, TrackRow, table_of

_files, _replays, _tracks = table_of(AdoptedFileRow), table_of(ReplayRow), table_of(TrackRow)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """What an earlier run made of a file. `is_finished`: its row was written."""

    path: str
    file_bytes: int
    modified_ns: int
    sha256: str | None
    outcome: str
    noun: str | None
    item_id: int | None
    reason: str | None
    is_finished: bool


def entries(connection: Connection, paths: Sequence[str]) -> dict[str, Entry]:
    """Return the entries of `paths` that exist."""
    return {entry.path: entry for entry in _entries(connection, _files.c.path, paths)}


def entries_of_content(connection: Connection, digests: Sequence[str]) -> list[Entry]:
    """Return the entries that were adopted with one of these contents."""
    found = _entries(connection, _files.c.sha256, digests)
    return [entry for entry in found if entry.outcome in ("matched", "unknown")]


def write(connection: Connection, entries: Sequence[Entry], now_ms: int) -> None:
    """Write entries, replacing those of the same files."""
    rows = [
        {
            "path": entry.path,
            "file_bytes": entry.file_bytes,
            "modified_ns": entry.modified_ns,
            "sha256": entry.sha256,
            "outcome": entry.outcome,
            "noun": entry.noun,
            "item_id": entry.item_id,
            "reason": entry.reason,
            "finished_at": iso(now_ms) if entry.is_finished else None,
        }
        for entry in entries
    ]
    if rows:
        upsert(connection, NewRows(_files, rows, update=tuple(name for name in rows[0] if name != "path")))


def entry_of(
    found: FoundFile, outcome: str, item_id: int | None = None, reason: str | None = None, *, is_finished: bool = True
) -> Entry:
    """Return the entry of a file that was read."""
    file = found.candidate
    return Entry(
        file.key,
        file.file_bytes,
        file.modified_ns,
        found.sha256,
        outcome,
        found.noun,
        item_id,
        reason,
        is_finished,
    )


def next_replay_id(connection: Connection) -> int:
    """Return the next free local id of a replay. No other transaction gets it until this one ends."""
    lock_for_transaction(connection, AdvisoryLock.LOCAL_IDS)
    reserved = select(func.min(_files.c.item_id)).where(_files.c.noun == "replay")
    used = select(func.min(_replays.c.replay_id))
    return min(0, *(connection.execute(query).scalar() or 0 for query in (reserved, used))) - 1


def next_track_id(connection: Connection) -> int:
    """Return the next free local id of a track. No other transaction gets it until this one ends."""
    lock_for_transaction(connection, AdvisoryLock.LOCAL_IDS)
    return min(0, connection.execute(select(func.min(_tracks.c.track_id))).scalar() or 0) - 1


def _entries(connection: Connection, column: object, values: Sequence[str]) -> list[Entry]:
    found: list[Entry] = []
    for i in range(0, len(values), _AT_ONCE):
        query = select(_files).where(column.in_(values[i : i + _AT_ONCE]))  # type: ignore[attr-defined]
        for row in connection.execute(query).mappings():
            facts = dict(row)
            found.append(Entry(is_finished=facts.pop("finished_at") is not None, **facts))
    return found
