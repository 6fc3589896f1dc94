"""Nothing waits for a database without end: not for a lock, not for a server, and not for a long reader."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from tests.queue.fakes import DONE, FakeKind
from tests.rows import Rows
from tests.tool import Tool, tool, until
from tmxdb.db.database import Database
from tmxdb.db.engines import postgresql as postgresql_engine
from tmxdb.db.engines import sqlite as sqlite_engine
from tmxdb.db.engines.pool import POOL
from tmxdb.db.engines.sqlite import wal_bytes
from tmxdb.errors import DatabaseError
from tmxdb.queue.job import Job, Outcome, Snooze
from tmxdb.queue.loop.perform import perform

__all__ = ["tool"]

Another = Callable[[Database], Database]
SOON_S = 15.0
"""Far below the 30 s that a writer waits for its turn, far above the 2 s after which a database is abandoned."""


def abandoned(database: Database, wait: Callable[[], object]) -> float:
    """Abandon `database` while `wait` waits for it; return the seconds until it fails."""
    event = threading.Event()
    database.abandon_on(event)
    threading.Timer(0.3, event.set).start()
    began = time.monotonic()
    with pytest.raises(DatabaseError) as caught:
        wait()
    assert caught.value.code in ("db.busy", "db.unreachable")
    return time.monotonic() - began


def test_a_writer_that_waits_for_its_turn_is_abandoned_on_a_second_ctrl_c(sqlite: Database, reopen: Another) -> None:
    other = reopen(sqlite)

    def wait() -> None:
        with other.write():
            pass

    with sqlite.write():
        assert abandoned(other, wait) < SOON_S


def test_a_job_that_gets_no_connection_in_time_is_snoozed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: Job) -> Outcome:
        with database.read():
            return DONE

    kind, job = FakeKind(run), Job("download", 1, 1, 1, 1, "", {})
    monkeypatch.setattr(database.engine.pool, "_timeout", 0.1)
    with ExitStack() as others:
        for _ in range(POOL["pool_size"] + POOL["max_overflow"]):
            others.enter_context(database.read())
        outcome = perform(kind, job).outcome
    assert isinstance(outcome, Snooze)
    assert outcome.code == "db.busy"
    assert perform(kind, job).outcome is DONE


def test_a_server_that_does_not_answer_is_abandoned_on_a_second_ctrl_c(postgresql: Database) -> None:
    def wait() -> None:
        with postgresql.write() as connection:
            connection.execute(text("SELECT pg_sleep(120)"))

    assert abandoned(postgresql, wait) < SOON_S


def test_a_server_is_abandoned_where_sockets_cannot_be_duplicated(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> int:
        raise OSError(errno.EBADF, "Bad file descriptor")  # what Windows says of a socket

    monkeypatch.setattr(os, "dup", refuse)

    def wait() -> None:
        with postgresql.write() as connection:
            connection.execute(text("SELECT pg_sleep(25)"))

    assert abandoned(postgresql, wait) < SOON_S


def test_the_socket_of_an_abandoned_connection_still_belongs_to_it(postgresql: Database) -> None:
    with postgresql.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        number = raw.pgconn.socket
        postgresql_engine._shut_down(raw)
        with socket.socket(fileno=number) as still_open:  # raises OSError if it was closed
            assert still_open.detach() == number
        raw.close()
        postgresql_engine._shut_down(raw)  # does nothing
        connection.invalidate()


def test_an_abandoned_database_that_answers_is_still_written(database: Database, rows: Rows) -> None:
    event = threading.Event()
    database.abandon_on(event)
    event.set()
    rows.replay(1)
    assert rows.statuses() == {1: "pending"}


@pytest.mark.parametrize("is_abandoned", [False, True])
def test_closing_the_database_ends_the_threads_that_watch_for_a_second_ctrl_c(
    database: Database, is_abandoned: bool
) -> None:
    before = set(threading.enumerate())
    event = threading.Event()
    for _ in range(3):
        database.abandon_on(event)
    if is_abandoned:
        event.set()
    database.close()
    until(lambda: set(threading.enumerate()) <= before, seconds=5)


def test_each_call_of_the_command_line_leaves_no_thread(tool: Tool) -> None:
    tool("migrate")
    tool("work", "--kind", "capture")
    before = threading.active_count()
    for _ in range(5):
        tool("work", "--kind", "capture")
    assert threading.active_count() <= before


def test_connections_to_a_server_notice_when_it_is_gone(postgresql: Database) -> None:
    with postgresql.read() as connection:
        given = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "30s"
    assert {"connect_timeout", "keepalives_idle", "keepalives_count", "tcp_user_timeout"} <= given.keys()


def test_timeouts_in_the_url_override_the_defaults(postgresql: Database) -> None:
    database = Database(f"{postgresql.location}{'&' if '?' in postgresql.location else '?'}connect_timeout=3")
    with database.read() as connection:
        given = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]
    assert given["connect_timeout"] == "3"
    database.close()


def test_a_long_reader_that_lets_the_log_grow_is_named_in_a_warning(
    sqlite: Database, reopen: Another, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite_engine, "LONG_WAL_BYTES", 1)
    rows, reader = Rows(sqlite), reopen(sqlite)
    sqlite._warned_bytes = 10_000
    assert sqlite.path is not None
    with reader.read() as connection:
        connection.execute(text("SELECT count(*) FROM tracks")).scalar()
        rows.replays(*range(1, 500))
        with caplog.at_level(logging.WARNING):
            sqlite.truncate_wal()
            sqlite.truncate_wal()  # not said again before it has doubled
    (record,) = caplog.records
    assert "The write-ahead log" in record.getMessage()
    assert "Close that program to free the space." in record.getMessage()
    sqlite.truncate_wal()
    assert wal_bytes(sqlite.path) == 0
