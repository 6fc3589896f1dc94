"""Which rows still have their file: what an earlier run adopted may have been lost, moved or reset since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from tmxdb.adoption.ledger import Entry
from tmxdb.adoption.recognition.reading import MAP, REPLAY
from tmxdb.db.models import MapRow, ReplayRow, table_of
from tmxdb.storage import Storage

_TABLES = {REPLAY: table_of(ReplayRow), MAP: table_of(MapRow)}
_AT_ONCE = 500
Row = tuple[str, int]
"""The noun of a row and its id, for a map that of its track."""


def settled(connection: Connection, storage: Storage, entries: Sequence[Entry]) -> set[str]:
    """Return the paths of the entries with which nothing is left to do.

    Those are finished, undamaged, and of rows that are done and have their file. Entries of no row count as well.
    """
    finished = [entry for entry in entries if entry.is_finished and entry.outcome != "damaged"]
    rows = [(entry.noun, entry.item_id) for entry in finished if entry.noun is not None and entry.item_id is not None]
    kept = {row for row, has_file in _done(connection, storage, rows) if has_file}
    return {entry.path for entry in finished if entry.item_id is None or (entry.noun, entry.item_id) in kept}


def without_file(connection: Connection, storage: Storage, rows: Sequence[Row]) -> set[Row]:
    """Return which of `rows` are done although their file is missing."""
    return {row for row, has_file in _done(connection, storage, rows) if not has_file}


def _done(connection: Connection, storage: Storage, rows: Sequence[Row]) -> Iterator[tuple[Row, bool]]:
    """Yield the rows that are done, and whether their file exists."""
    ids: dict[str, list[int]] = defaultdict(list)
    for noun, item_id in dict.fromkeys(rows):
        ids[noun].append(item_id)
    for noun, wanted in ids.items():
        table = _TABLES[noun]
        key = table.primary_key.columns[0]
        query = select(key, table.c.file_path).where(table.c.status == "done")
        for i in range(0, len(wanted), _AT_ONCE):
            for item_id, path in connection.execute(query.where(key.in_(wanted[i : i + _AT_ONCE]))):
                yield (noun, item_id), path is not None and storage.may_exist(path)
