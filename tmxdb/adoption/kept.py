"""Which rows still have their file: what an earlier run adopted may have been lost, moved or reset since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, and_, or_, select

from tmxdb.adoption.ledger import Entry
from tmxdb.adoption.recognition.reading import MAP, REPLAY
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.queue.rows.settle import USER_SKIPPED
from tmxdb.storage import Storage

_TABLES = {REPLAY: table_of(ReplayRow), MAP: table_of(MapRow)}
_AT_ONCE = 500
Row = tuple[str, int]
"""The noun of a row and its id, for a map that of its track."""


def settled(connection: Connection, storage: Storage, entries: Sequence[Entry]) -> set[str]:
    """Return the paths of the entries that need no more work.

    They are finished and undamaged, and their row is done and has its file, or was skipped by `tmxdb skip`, or they
    have no row.
    """
    finished = [entry for entry in entries if entry.is_finished and entry.outcome != "damaged"]
    rows = [(entry.noun, entry.item_id) for entry in finished if entry.noun is not None and entry.item_id is not None]
    kept = {row for row, has_file in _looked_up(connection, storage, rows).items() if has_file is not False}
    return {entry.path for entry in finished if entry.item_id is None or (entry.noun, entry.item_id) in kept}


def without_file(connection: Connection, storage: Storage, rows: Sequence[Row]) -> set[Row]:
    """Return which of `rows` are done although their file is missing."""
    return {row for row, has_file in _looked_up(connection, storage, rows).items() if has_file is False}


def is_taken(connection: Connection, row: Row, *, is_lost: bool) -> bool:
    """Return whether a worker holds `row` or has finished it, or a person skipped it.

    `is_lost`: it was done before, without a file.
    """
    noun, item_id = row
    table = _TABLES[noun]
    query = select(table.c.status, table.c.error_code).where(table.primary_key.columns[0] == item_id)
    status, code = connection.execute(query).first() or (None, None)
    return status == "running" or (status == "done" and not is_lost) or code == USER_SKIPPED


def _looked_up(connection: Connection, storage: Storage, rows: Sequence[Row]) -> dict[Row, bool | None]:
    """Return the rows that are done with whether their file exists, and those that a person skipped with None."""
    found: dict[Row, bool | None] = {}
    ids: dict[str, list[int]] = defaultdict(list)
    for noun, item_id in dict.fromkeys(rows):
        ids[noun].append(item_id)
    for noun, wanted in ids.items():
        table = _TABLES[noun]
        key = table.primary_key.columns[0]
        is_skipped = and_(table.c.status == "skipped", table.c.error_code == USER_SKIPPED)
        query = select(key, table.c.status, table.c.file_path).where(or_(table.c.status == "done", is_skipped))
        for i in range(0, len(wanted), _AT_ONCE):
            for item_id, status, path in connection.execute(query.where(key.in_(wanted[i : i + _AT_ONCE]))):
                has_file = path is not None and storage.may_exist(path)
                found[noun, item_id] = has_file if status == "done" else None
    return found
