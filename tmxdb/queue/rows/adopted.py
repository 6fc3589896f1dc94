"""Rows whose work was done elsewhere: `tmxdb adopt` stores their files and facts, and no worker has to do them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from tmxdb.clock import iso
from tmxdb.db.bulk import KEY, execute_many, inserting, updating
from tmxdb.db.dialect import engine_name, locking
from tmxdb.queue.rows.claim import key_of
from tmxdb.queue.rows.settle import NEVER_TRIED, USER_SKIPPED

_AT_ONCE = 500


def store_done(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    result: Sequence[str],
    now_ms: int,
    replaced: Collection[int] = (),
) -> set[int]:
    """Insert `rows` as done, and give known rows the columns `result` and make them done. Return the keys written.

    Rows that are done, except those in `replaced`, that a person skipped or that a worker holds stay as they are: that
    worker finds the complete file.
    """
    key = key_of(table)
    known: dict[int, str] = {}
    keys = sorted(row[key.name] for row in rows)
    for i in range(0, len(keys), _AT_ONCE):
        query = select(key, table.c.status, table.c.error_code).where(key.in_(keys[i : i + _AT_ONCE])).order_by(key)
        for item_id, status, code in connection.execute(locking(query)):
            known[item_id] = code if code == USER_SKIPPED else status
    done = {**NEVER_TRIED, "status": "done", "finished_at": iso(now_ms)}
    new: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    changed: list[dict[str, Any]] = []
    for row in rows:
        status = known.get(row[key.name])
        if status is None:
            new[tuple(row)].append({**row, **done})
        elif status not in ("done", "running", USER_SKIPPED) or (status == "done" and row[key.name] in replaced):
            changed.append({KEY: row[key.name], **done, **{name: row[name] for name in result}})
    engine = engine_name(connection)
    for group in new.values():
        execute_many(connection, inserting(table, tuple(group[0]), engine), group)
    if changed:
        execute_many(connection, updating(table, tuple(changed[0]), engine), changed)
    return {row[key.name] for group in new.values() for row in group} | {row[KEY] for row in changed}
