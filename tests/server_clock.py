"""The time of a server as the test says, in the statements that a test's own `Database` sends to a real PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from tmxdb.clock import Clock
from tmxdb.db.database import Database


def set_server_clock(database: Database, clock: Clock) -> None:
    """Let the server of `database` have the time of `clock` from now on. Without effect on SQLite."""

    def replace(conn: object, cursor: object, statement: str, parameters: Any, context: object, many: bool) -> Any:
        return statement.replace("clock_timestamp()", f"to_timestamp({clock() / 1000:.3f})"), parameters

    event.listen(database.engine, "before_cursor_execute", replace, retval=True)
