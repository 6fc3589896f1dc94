"""Packing the inputs that an older tmxdb stored as text: in short transactions, beside running workers."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import Connection, delete, func, select, update

from tmxdb.db.database import Database
from tmxdb.db.dialect import packed_inputs
from tmxdb.db.models import ReplayInputsRow, SettingRow, table_of
from tmxdb.db.settings import remember, setting

POSITION = "packing_inputs"
"""The setting with the last row that was packed. Revision 0012 adds it; without it nothing is left to pack."""
ROWS = 50
"""Rows in one transaction: other writers wait for a quarter of a second."""
_inputs = table_of(ReplayInputsRow)


def count_unpacked(connection: Connection) -> int:
    """Return how many rows are still to be packed."""
    after = setting(connection, POSITION)
    if after is None:
        return 0
    return connection.execute(
        select(func.count()).select_from(_inputs).where(_inputs.c.replay_id > int(after))
    ).scalar_one()


def pack_older_inputs(database: Database, *, stop: threading.Event, on_packed: Callable[[int], object]) -> bool:
    """Pack all rows that are still text. Return False if `stop` was set before the end; the next call continues.

    `on_packed` gets the number of rows of each transaction.
    """
    while not stop.is_set():
        with database.write() as connection:
            n = _pack_some(connection)
        if n == 0:
            return True
        on_packed(n)
    return False


def _pack_some(connection: Connection) -> int:
    after = setting(connection, POSITION)
    if after is None:
        return 0
    key = _inputs.c.replay_id
    keys = connection.execute(select(key).where(key > int(after)).order_by(key).limit(ROWS)).scalars().all()
    if not keys:
        connection.execute(delete(SettingRow).where(SettingRow.key == POSITION))
        return 0
    packed = update(_inputs).values(events=packed_inputs(_inputs.c.events))
    connection.execute(packed.where(key.between(keys[0], keys[-1])))
    remember(connection, POSITION, str(keys[-1]))
    return len(keys)
