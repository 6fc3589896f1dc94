"""Connections: writers wait for each other, readers see one moment, errors are one sentence."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import exc, text

from tests import needs
from tests.rows import Rows
from tmxdb.db.database import Database, shown
from tmxdb.db.engines import sqlite as engine
from tmxdb.db.models import ReplayRow
from tmxdb.errors import DatabaseError
from tmxdb.failure_policy import Action, policy_for_code

Again = Callable[[Database], Database]


def test_a_block_is_committed_at_its_end_and_rolled_back_by_an_exception(rows: Rows) -> None:
    rows.track(1)
    with pytest.raises(KeyError), rows.database.write() as connection:  # noqa: PT012
        connection.execute(text("UPDATE tracks SET name = 'other'"))
        raise KeyError
    assert rows.sql("SELECT name FROM tracks") == [(None,)]


def test_writers_that_read_first_wait_for_each_other_and_lose_no_update(database: Database, rows: Rows) -> None:
    """A read that becomes a write fails immediately with "database is locked" where transactions begin by reading."""
    rows.replay(1, attempts=0)
    for_update = "" if database.path is not None else " FOR UPDATE"
    start = threading.Barrier(4)
    problems: list[BaseException] = []

    def count_up() -> None:
        mine = Database(database.location)
        try:
            start.wait()
            for _ in range(25):
                with mine.write() as connection:
                    n = connection.execute(text("SELECT attempts FROM replays" + for_update)).scalar_one()
                    connection.execute(text("UPDATE replays SET attempts = :n"), {"n": n + 1})
        except Exception as problem:  # noqa: BLE001  # whatever it is, the test has to hear of it
            problems.append(problem)
        finally:
            mine.close()

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert rows.one(ReplayRow, 1)["attempts"] == 100


def test_a_reader_sees_a_consistent_snapshot_and_does_not_wait_for_a_writer(
    database: Database, rows: Rows, reopen: Again
) -> None:
    rows.track(1)
    other = reopen(database)
    with database.read() as reading:
        before = reading.execute(text("SELECT count(*) FROM tracks")).scalar()
        with other.write() as writing:
            writing.execute(text("INSERT INTO tracks (track_id) VALUES (2)"))
            assert reading.execute(text("SELECT count(*) FROM tracks")).scalar() == before
        assert reading.execute(text("SELECT count(*) FROM tracks")).scalar() == before
    assert len(rows.sql("SELECT * FROM tracks")) == 2


def test_a_database_that_stays_locked_is_reported_as_busy(
    sqlite: Database, reopen: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.01)
    other = reopen(sqlite)
    with sqlite.write(), pytest.raises(DatabaseError) as caught, other.write():
        pass
    assert caught.value.code == "db.busy"
    assert str(caught.value).endswith("close that program, then run the same command again.")


def test_a_writer_gets_its_turn_as_soon_as_the_other_has_finished(sqlite: Database, reopen: Again) -> None:
    rows, other, waiting = Rows(sqlite), reopen(sqlite), threading.Event()
    rows.track(1)

    def rename() -> None:
        waiting.set()
        with other.write() as connection:
            connection.execute(text("UPDATE tracks SET name = name || ' second'"))

    thread = threading.Thread(target=rename)
    with sqlite.write() as connection:
        thread.start()
        assert waiting.wait(120)
        connection.execute(text("UPDATE tracks SET name = 'first'"))
    thread.join(120)
    assert rows.sql("SELECT name FROM tracks") == [("first second",)]


def test_only_writers_wait_without_the_busy_timeout_of_sqlite(sqlite: Database) -> None:
    for way in (sqlite.write, sqlite.read):
        with way() as connection:
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == engine.BUSY_TIMEOUT_S * 1000


def test_a_deadlock_is_retried_like_a_busy_database(postgresql: Database) -> None:
    rows = Rows(postgresql)
    rows.replays(1, 2)
    barrier = threading.Barrier(2)
    codes: list[str] = []

    def lock(first: int, second: int) -> None:
        try:
            with postgresql.write() as connection:
                connection.execute(text("SET LOCAL deadlock_timeout = '10ms'"))
                connection.execute(text(f"UPDATE replays SET attempts = 1 WHERE replay_id = {first}"))
                barrier.wait()
                connection.execute(text(f"UPDATE replays SET attempts = 1 WHERE replay_id = {second}"))
        except DatabaseError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=lock, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == ["db.deadlock"]
    assert policy_for_code(codes[0]).action is Action.SNOOZE


def test_a_missing_server_is_reported_as_unreachable() -> None:
    database = Database("postgresql+psycopg://ann:secret@127.0.0.1:9/tmx?connect_timeout=2")
    with pytest.raises(DatabaseError) as caught, database.read():
        pass
    assert caught.value.code == "db.unreachable"
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    database.close()


def test_a_lost_connection_is_reported_as_unreachable_and_the_next_one_works(
    postgresql: Database, reopen: Again
) -> None:
    with pytest.raises(DatabaseError) as caught, postgresql.write() as connection:  # noqa: PT012
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        with reopen(postgresql).write() as other:
            other.execute(text(f"SELECT pg_terminate_backend({pid})"))
        connection.execute(text("SELECT 1"))
    assert caught.value.code == "db.unreachable"
    assert Rows(postgresql).sql("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("setting", "statement", "code"),
    [
        ("statement_timeout = '50ms'", "SELECT pg_sleep(10)", "db.busy"),
        ("idle_in_transaction_session_timeout = '50ms'", "SELECT 1", "db.unreachable"),
        ("lock_timeout = '50ms'", "LOCK TABLE tracks", "db.busy"),
    ],
)
def test_limits_of_the_server_are_no_bugs(
    postgresql: Database, reopen: Again, setting: str, statement: str, code: str
) -> None:
    """Hosted servers have such limits by default: a job that meets one is done later."""
    with reopen(postgresql).write() as other:
        other.execute(text("LOCK TABLE tracks"))
        with pytest.raises(DatabaseError) as caught, postgresql.write() as connection:  # noqa: PT012
            connection.execute(text(f"SET LOCAL {setting}"))
            time.sleep(0.3)  # in the middle of a transaction, as a program that is suspended
            connection.execute(text(statement))
    assert caught.value.code == code
    assert policy_for_code(code).action is Action.SNOOZE
    assert Rows(postgresql).sql("SELECT 1") == [(1,)]


def test_limits_for_connections_leave_the_lists_of_listeners_alone(postgresql: Database, reopen: Again) -> None:
    """Other threads may go through them. Two workers in one process met "deque mutated during iteration"."""
    used = reopen(postgresql)
    listeners = (used.engine.pool.dispatch.checkout, used.engine.pool.dispatch.checkin)
    before = [list(one) for one in listeners]
    used.end_idle_transactions(200)
    used.abandon_on(threading.Event())
    used.close()
    assert [list(one) for one in listeners] == before


def test_a_program_that_is_stopped_in_a_transaction_holds_no_lock_for_long(postgresql: Database, reopen: Again) -> None:
    rows = Rows(postgresql)
    rows.replay(1)
    update = text("UPDATE replays SET attempts = attempts + 1")
    stopped = reopen(postgresql)
    stopped.end_idle_transactions(200)
    with pytest.raises(DatabaseError) as caught, stopped.write() as connection:  # noqa: PT012
        connection.execute(update)
        with postgresql.write() as other:
            other.execute(update)  # waits until the server has ended the other transaction
        connection.execute(update)
    assert caught.value.code == "db.unreachable"
    assert rows.one(ReplayRow, 1)["attempts"] == 1


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53100", "disk.full"), ("53200", "db.unreachable"), ("53300", "db.unreachable"), ("57P01", "db.unreachable"),
        ("57P03", "db.unreachable"), ("58030", "db.unreachable"), ("08006", "db.unreachable"),
        ("25P04", "db.unreachable"),
        ("25006", "db.read_only"), ("42501", "db.permission"),
    ],
)  # fmt: skip
def test_errors_of_the_server_are_known_by_their_code_in_any_language(
    postgresql: Database, state: str, code: str
) -> None:
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'kein Platz mehr' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(DatabaseError, match="kein Platz mehr") as caught, postgresql.write() as connection:
        connection.execute(text(raised))
    assert caught.value.code == code


def test_a_damaged_file_is_reported_as_broken(sqlite: Database, reopen: Again) -> None:
    rows = Rows(sqlite)
    rows.replays(*range(1, 2000))
    sqlite.close()
    assert sqlite.path
    data = bytearray(sqlite.path.read_bytes())
    data[8192:-4096] = b"\xff" * (len(data) - 12288)
    sqlite.path.write_bytes(data)
    with pytest.raises(DatabaseError) as caught:
        rows.sql("SELECT count(user_name) FROM replays")
    assert caught.value.code == "db.broken"


def test_a_mistake_in_sql_is_not_translated(database: Database) -> None:
    with pytest.raises(exc.DBAPIError), database.read() as connection:
        connection.execute(text("SELECT FROM WHERE"))


def test_a_read_only_database_cannot_be_written(sqlite: Database) -> None:
    database = Database(sqlite.location, read_only=True)
    with pytest.raises(DatabaseError) as caught, database.read() as connection:
        connection.execute(text("DELETE FROM tracks"))
    assert caught.value.code == "db.read_only"
    database.close()


def test_foreign_keys_are_enforced_and_the_file_uses_write_ahead_logging(sqlite: Database) -> None:
    rows = Rows(sqlite)
    assert rows.sql("PRAGMA foreign_keys") == [(1,)]
    assert rows.sql("PRAGMA journal_mode") == [("wal",)]
    assert rows.sql("PRAGMA journal_size_limit") == [(16777216,)]


_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses the name")


@pytest.mark.parametrize("name", ["with space.db", "100%.db", pytest.param("what?.db", marks=_POSIX), "a#b.db", "ü.db"])
def test_any_file_name_is_accepted(tmp_path: Path, name: str) -> None:
    database = Database(str(tmp_path / name))
    with database.write() as connection:
        connection.execute(text("CREATE TABLE t (x INTEGER)"))
    database.close()
    assert (tmp_path / name).stat().st_size > 0


def test_a_sqlite_url_names_a_file(tmp_path: Path) -> None:
    assert Database(f"sqlite:///{tmp_path}/a.db").path == tmp_path / "a.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_postgresql_url_uses_psycopg(scheme: str) -> None:
    needs.module("psycopg")
    database = Database(f"{scheme}://ann@host/tmx")
    assert (database.path, database.engine.dialect.driver) == (None, "psycopg")
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:secret@host/db",
        "nonsense://ann:secret@host/db",
        "postgresql://ann:secret@host:port/db",
        "postgresql+nothing://ann:secret@host/db",
        "://ann:secret@host",
        "postgresql://host:x/db?user=ann&password=secret",
    ],
)
def test_an_unusable_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        Database(url)
    assert caught.value.code == "db.foreign"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "printed"),
    [
        ("some/tmx.db", "some/tmx.db"),
        ("postgresql+psycopg://ann:secret@host/tmx", "postgresql+psycopg://ann:***@host/tmx"),
        (
            "postgresql+psycopg://host/tmx?user=ann&password=secret",
            "postgresql+psycopg://host/tmx?password=***&user=ann",
        ),
    ],
)
def test_a_location_is_shown_without_a_password(location: str, printed: str) -> None:
    assert shown(location) == printed


def test_an_old_sqlite_is_refused_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    with pytest.raises(DatabaseError, match=r"needs 3\.38") as caught:
        Database("tmx.db")
    assert caught.value.code == "db.driver"
