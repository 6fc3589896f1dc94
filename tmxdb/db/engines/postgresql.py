"""PostgreSQL: open connections that end by themselves when the server stops answering."""

from __future__ import annotations

import os
import platform
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, exc

from tmxdb.clock import span
from tmxdb.db.engines.pool import POOL
from tmxdb.db.explained import first_line
from tmxdb.errors import DatabaseError

CONNECT_TIMEOUT_S = 10
_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
UNACKNOWLEDGED_MS = 25_000
"""How long sent bytes may stay unacknowledged before the system closes the connection (TCP_USER_TIMEOUT)."""
LOCK_TIMEOUT_MS = 30_000
"""How long a statement waits for a lock, as on SQLite."""
MAX_NAME_CHARS = 63
"""The longest name that a server accepts for an application."""
_HOLDER = """
SELECT a.pid, a.application_name, coalesce(host(a.client_addr), ''), a.state,
       round(extract(epoch FROM clock_timestamp() - a.xact_start))::int
FROM pg_stat_activity a
WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND a.xact_start IS NOT NULL
  AND a.wait_event_type IS DISTINCT FROM 'Lock'
  AND EXISTS (
    SELECT FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = a.pid AND l.granted AND (l.locktype = 'advisory' OR (
      l.mode IN ('RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                 'ExclusiveLock', 'AccessExclusiveLock') AND c.relkind = 'r' AND c.relnamespace <> 11)))
ORDER BY a.xact_start LIMIT 1
"""
"""The oldest transaction that holds a lock on a table and waits for no other one. 11 is the schema pg_catalog."""
CLOSED_POLL_S = 0.5
"""How often the thread of `Sessions.abandon_on` checks whether the database was closed."""
_IDLE_LIMIT = "idle_limit"


def create(url: URL, *, shown: str, read_only: bool) -> Engine:
    """Return an engine for `url`. With `read_only` the server refuses every change. `shown`: the URL for messages."""
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S, "tcp_user_timeout": UNACKNOWLEDGED_MS, **_KEEPALIVES,
        "client_encoding": "utf8",  # otherwise that of the database, which may not have all characters
        "application_name": f"tmxdb on {platform.node() or 'unknown'}, process {os.getpid()}"[:MAX_NAME_CHARS],
    }  # fmt: skip
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=arguments, **POOL)
    except ImportError as error:  # also of a psycopg that finds no libpq
        lacking = f"needs {error.name}" if error.name else f"psycopg cannot be used: {first_line(error).rstrip('.')}"
        raise DatabaseError(
            f'{shown}: {lacking}. Install it with: pip install "tmxdb[postgres]"', code="db.driver"
        ) from error

    @event.listens_for(engine, "connect")
    def _prepare(raw: Any, _record: Any) -> None:
        # Not among the options of the URL: connection poolers reject them.
        raw.autocommit = True
        raw.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        if read_only:
            raw.execute("SET default_transaction_read_only = on")
        raw.autocommit = False

    return engine


def lock_holder(engine: Engine) -> str | None:
    """Return a sentence about the session that others wait for; None if none waits or the server does not answer."""
    try:
        with engine.connect() as connection:
            row = connection.exec_driver_sql(_HOLDER).first()
    except exc.SQLAlchemyError:
        return None
    if row is None:
        return None
    pid, name, address, state, seconds = row
    who = ", ".join(filter(None, (name, address and f"from {address}"))) or "unnamed"
    idle = " without doing anything" if state == "idle in transaction" else ""
    return (
        f"Session {pid} ({who}) has been in a transaction for {span(seconds)}{idle}: end that program, or"
        f" `SELECT pg_terminate_backend({pid})`."
    )


class Sessions:
    """The connections of `engine` that are in use, and limits for them.

    Made together with the engine: SQLAlchemy's list of listeners must not change while another thread opens a
    connection ("deque mutated during iteration").
    """

    def __init__(self, engine: Engine) -> None:
        self._open: dict[int, tuple[Any, float]] = {}
        self._idle_limit_ms: int | None = None
        self._unwatched = threading.Event()
        event.listen(engine, "checkout", self._checked_out)
        event.listen(engine, "checkin", self._checked_in)

    def end_idle_transactions(self, after_ms: int) -> None:
        """Let the server end each transaction, from now on, in which nothing is sent for `after_ms`.

        A process that is stopped, or whose machine is gone, holds its locks until then; otherwise for hours.
        """
        self._idle_limit_ms = after_ms

    def abandon_on(self, abandon: threading.Event, grace_s: float, last_s: float) -> None:
        """Once `abandon` is set and `grace_s` has passed, close the sockets of all connections in use.

        From then on, a connection is closed that was in use for `last_s`. A server that does not answer would otherwise
        hold a thread in a query for as long as it likes. The thread that does this ends soon after `close`.
        """
        self.close()
        closed = self._unwatched = threading.Event()
        watch = partial(self._watch, abandon, closed, grace_s, last_s)
        threading.Thread(target=watch, name="tmxdb-abandon", daemon=True).start()

    def close(self) -> None:
        """End the thread that `abandon_on` started."""
        self._unwatched.set()

    def _checked_out(self, raw: Any, record: Any, _proxy: Any) -> None:
        # Not in the listener of "connect": some connections exist already when the limit is set.
        if self._idle_limit_ms != record.info.get(_IDLE_LIMIT):  # `info` lives as long as the connection
            raw.autocommit = True
            raw.execute(f"SET idle_in_transaction_session_timeout = {self._idle_limit_ms}")
            raw.autocommit = False
            record.info[_IDLE_LIMIT] = self._idle_limit_ms
        self._open[id(record)] = (raw, time.monotonic())

    def _checked_in(self, _raw: Any, record: Any) -> None:
        # Not by the connection, which is None here if it broke.
        self._open.pop(id(record), None)

    def _watch(self, abandon: threading.Event, closed: threading.Event, grace_s: float, last_s: float) -> None:
        while not abandon.wait(CLOSED_POLL_S):
            if closed.is_set():
                return
        pause_s = grace_s
        while not closed.wait(pause_s):
            latest_s = time.monotonic() - last_s
            for raw, since_s in list(self._open.values()):
                if since_s <= latest_s:
                    _shut_down(raw)
            pause_s = last_s / 5


def _shut_down(raw: Any) -> None:
    """Shut down the socket below a connection; the thread that waits for an answer gets an error instead."""
    with suppress(OSError, raw.OperationalError):  # the connection may be closed already
        shared = socket.socket(fileno=raw.pgconn.socket)  # Windows cannot copy a socket with `os.dup`
        try:
            shared.shutdown(socket.SHUT_RDWR)
        finally:
            shared.detach()  # libpq owns the socket and closes it
