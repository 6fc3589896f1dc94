"""A database has to stay the one that a run began with."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event, Timer

import pytest

from tmxdb.db.database import Database
from tmxdb.db.engines.snapshot import vacuum_into
from tmxdb.db.migrate import upgrade
from tmxdb.db.reading.reader import Reader
from tmxdb.db.settings import count_heartbeat, database_id, remember
from tmxdb.errors import DatabaseError


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.db.file_identity.READ_PAUSE_S", 0.001)


def new_database(path: Path) -> Database:
    database = Database(str(path))
    upgrade(database)
    return database


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a file without an id for half copied, however slow the machine is."""
    monkeypatch.setattr("tmxdb.db.file_identity.WITHOUT_ID_S", 3600.0)


def expect_id(database: Database) -> str:
    with database.write() as connection:
        known = database_id(connection)
    database.expect_id(known)
    return known


def test_another_database_in_the_same_file_is_noticed(tmp_path: Path) -> None:
    database, other = new_database(tmp_path / "tmx.db"), new_database(tmp_path / "other.db")
    expect_id(database)
    expect_id(other)
    other.close()
    database.identity.check_id()
    shutil.copyfile(tmp_path / "other.db", tmp_path / "tmx.db")
    with pytest.raises(DatabaseError, match="was overwritten by another one") as caught:
        database.identity.check_id()
    assert caught.value.code == "db.replaced"
    with pytest.raises(DatabaseError, match="was overwritten by another one"), database.write():
        pytest.fail("nothing more may be written to it")
    database.close()


@pytest.mark.parametrize("found", ["no file's content", "the first half", "a database without an id", "no database"])
def test_a_file_without_a_readable_id_may_be_half_copied_and_is_looked_at_again(tmp_path: Path, found: str) -> None:
    path, database = tmp_path / "tmx.db", new_database(tmp_path / "tmx.db")
    new_database(tmp_path / "other.db").close()
    expect_id(database)
    beat(database)
    assert vacuum_into(path, tmp_path / "older.db", Event())
    beat(database)
    beat(database)
    whole = path.read_bytes()
    content = {
        "no file's content": b"",
        "the first half": whole[: len(whole) // 2] + bytes(len(whole) // 2),
        "a database without an id": (tmp_path / "other.db").read_bytes(),
        "no database": b"x" * len(whole),
    }[found]
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match="has no readable id now") as caught:
        database.identity.check_id()
    assert caught.value.code == "db.changing"
    with pytest.raises(DatabaseError, match="has no readable id now"), database.write():
        pytest.fail("nothing may be written to it meanwhile")
    path.write_bytes(whole)
    beat(database)
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match="has no readable id now"):
        database.identity.check_id()
    shutil.copyfile(tmp_path / "older.db", path)
    with pytest.raises(DatabaseError, match="was overwritten by an older copy of itself"):
        database.identity.check_id()
    database.close()


def test_a_file_that_stays_without_an_id_was_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = new_database(tmp_path / "tmx.db")
    expect_id(database)
    monkeypatch.setattr("tmxdb.db.file_identity.WITHOUT_ID_S", 0.0)
    (tmp_path / "tmx.db").write_bytes(b"")
    with pytest.raises(
        DatabaseError, match="the database file was overwritten while this command was using it"
    ) as caught:
        database.identity.check_id()
    assert caught.value.code == "db.replaced"
    database.close()


def test_the_log_of_an_empty_file_is_not_deleted(tmp_path: Path) -> None:
    """Other programs may be writing to it, and SQLite deletes it when it opens the file."""
    database = new_database(tmp_path / "tmx.db")
    expect_id(database)
    (tmp_path / "tmx.db").write_bytes(b"")
    with pytest.raises(DatabaseError, match="has no readable id now"):
        database.identity.check_id()
    assert (tmp_path / "tmx.db-wal").stat().st_size > 0
    database.close()


def test_an_id_that_is_missing_in_a_transaction_may_come_back(tmp_path: Path) -> None:
    database = new_database(tmp_path / "tmx.db")
    expect_id(database)
    with pytest.raises(DatabaseError, match="has no readable id now"):
        database.identity.compare(None)
    database.identity.check_id()
    database.close()


def test_a_file_that_is_no_database_any_more_is_one_sentence(sqlite: Database) -> None:
    """BEGIN IMMEDIATE is asked of sqlite3 without SQLAlchemy, and raises the errors of sqlite3."""
    with sqlite.write() as connection:
        remember(connection, "key", "value")
    assert sqlite.path is not None
    with closing(sqlite3.connect(sqlite.path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sqlite.path.write_bytes(b"no database" * 1000)
    with pytest.raises(DatabaseError, match="file is not a database") as caught, sqlite.write():
        pytest.fail("it is no database")
    assert caught.value.code == "db.foreign"


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_NOMEM])
def test_a_file_that_cannot_be_read_now_is_not_called_another_one(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    expect_id(sqlite)
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = code

    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("tmxdb.db.file_identity.sqlite3.connect", fail)
    monkeypatch.setattr("tmxdb.db.file_identity.WITHOUT_ID_S", 0.0)
    sqlite.identity.check_id()


def test_a_file_that_cannot_be_looked_at_is_one_sentence(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_id(sqlite)

    def fail(path: object) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr("tmxdb.db.file_identity.os.stat", fail)
    with pytest.raises(DatabaseError, match=r"Check the disk and the permissions .* nothing is lost") as caught:
        sqlite.identity.check_id()
    assert caught.value.code == "db.disk"


def test_damage_that_an_older_copy_brought_is_named_as_that(sqlite: Database, tmp_path: Path) -> None:
    """SQLite may find the file damaged before the copy is complete."""
    expect_id(sqlite)
    beat(sqlite)
    assert vacuum_into(tmp_path / "tmx.db", tmp_path / "older.db", Event())
    beat(sqlite)
    beat(sqlite)

    def find_damage() -> None:
        with sqlite.read():
            raise DatabaseError("damaged", code="db.broken")

    copying = Timer(0.2, shutil.copyfile, (tmp_path / "older.db", tmp_path / "tmx.db"))
    copying.start()
    with pytest.raises(DatabaseError, match="was overwritten by an older copy of itself"):
        find_damage()
    copying.join()


def test_the_id_is_found_while_other_processes_write(sqlite: Database) -> None:
    expect_id(sqlite)
    for number in range(50):
        with sqlite.write() as connection:
            remember(connection, f"key {number}", "x" * 50_000)
        sqlite.identity.check_id()


def test_a_file_into_which_a_reader_lets_only_half_of_the_log_is_not_called_overwritten(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when `status --watch` or a backup reads while workers write."""
    monkeypatch.setattr("tmxdb.db.file_identity.WITHOUT_ID_S", 0.0)
    expect_id(sqlite)
    beat(sqlite)
    with sqlite.write() as connection:  # the settings move to other pages
        for number in range(500):
            remember(connection, f"key {number:03}", "x" * 200)
    assert sqlite.path is not None
    with closing(sqlite3.connect(sqlite.path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM settings").fetchone()[0] > 500
        with sqlite.write() as connection:  # the page of the id changes again
            connection.exec_driver_sql("UPDATE settings SET value = value || '1' WHERE key = 'heartbeats'")
        sqlite.wal_checkpoint()
        with (
            closing(sqlite3.connect(f"{sqlite.path.as_uri()}?immutable=1", uri=True)) as file,
            pytest.raises(sqlite3.DatabaseError, match="malformed"),
        ):
            file.execute("SELECT value FROM settings WHERE key = 'database_id'").fetchone()
        for _ in range(3):
            beat(sqlite)
        sqlite.identity.check()
    beat(sqlite)
    sqlite.identity.check_id()


@pytest.mark.parametrize("missing", ["SELECT 1 FROM lost", "SELECT lost FROM workers"])
def test_a_table_or_column_that_is_missing_is_one_sentence(database: Database, missing: str) -> None:
    with (
        pytest.raises(DatabaseError, match=r"lost.*Another program changed or overwrote") as caught,
        database.read() as connection,
    ):
        connection.exec_driver_sql(missing)
    assert caught.value.code == "db.schema"
    with closing(Reader(database.location)) as reader, pytest.raises(DatabaseError, match="changed or overwrote"):
        reader.rows(missing)


@pytest.mark.parametrize("found", ["a file without tables", "no database", "a damaged file"])
def test_what_a_transaction_finds_counts_while_a_reader_holds_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    """The content of the file alone proves nothing then."""
    path, other = tmp_path / "tmx.db", tmp_path / "other.db"
    database = new_database(path)
    expect_id(database)
    beat(database)
    database.engine.dispose()
    whole = path.read_bytes()
    if found == "a file without tables":
        with closing(sqlite3.connect(other)) as raw:
            raw.execute("PRAGMA user_version = 1")
    else:
        other.write_bytes(whole[:4096] + b"x" * (len(whole) - 4096) if "damaged" in found else b"x" * len(whole))
    shutil.copyfile(other, path)
    monkeypatch.setattr("tmxdb.db.file_identity._wal_checkpoint", lambda path: False)
    monkeypatch.setattr("tmxdb.db.file_identity.DAMAGE_PAUSE_S", 0.001)
    for expected, code, wait_s in (
        ("has no readable id now", "db.changing", 3600.0),
        ("was overwritten while this command was using it", "db.replaced", 0.0),
    ):
        monkeypatch.setattr("tmxdb.db.file_identity.WITHOUT_ID_S", wait_s)
        with pytest.raises(DatabaseError, match=expected) as caught, database.read() as connection:
            connection.exec_driver_sql("SELECT n FROM workers")
        assert caught.value.code == code
    database.close()


def beat(database: Database) -> None:
    """What a worker does at each heartbeat."""
    database.identity.check_id()
    with database.write() as connection:
        count_heartbeat(connection)
    database.wal_checkpoint()


@pytest.mark.parametrize("made", ["before the first heartbeat", "between two heartbeats"])
def test_a_backup_of_the_same_database_in_the_same_file_is_noticed(tmp_path: Path, made: str) -> None:
    database, backup = new_database(tmp_path / "tmx.db"), tmp_path / "backup.db"
    expect_id(database)
    if made == "between two heartbeats":
        beat(database)
    assert vacuum_into(tmp_path / "tmx.db", backup, Event())
    beat(database)
    beat(database)
    shutil.copyfile(backup, tmp_path / "tmx.db")
    with pytest.raises(DatabaseError, match="was overwritten by an older copy of itself") as caught:
        beat(database)
    assert caught.value.code == "db.replaced"
    database.close()


def test_another_id_on_a_server_is_noticed(database: Database) -> None:
    known = expect_id(database)
    database.identity.compare(known)
    with pytest.raises(DatabaseError, match="was overwritten by another one"):
        database.identity.compare("0123456789abcdef")


def test_a_file_that_is_half_an_older_copy_is_not_called_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its index may lead to the value of another setting, both in the file and in a transaction."""
    database = new_database(tmp_path / "tmx.db")
    expect_id(database)
    monkeypatch.setattr("tmxdb.db.file_identity.READS", 1)
    with closing(sqlite3.connect(tmp_path / "tmx.db")) as raw:
        raw.execute("UPDATE settings SET value = '17' WHERE key = 'database_id'")
        raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with pytest.raises(DatabaseError, match="has no readable id now"):
        database.identity.compare("17")
    with pytest.raises(DatabaseError, match="has no readable id now"):
        database.identity.check_id()
    database.close()


def test_a_server_without_the_id_is_noticed(postgresql: Database) -> None:
    expect_id(postgresql)
    with pytest.raises(DatabaseError, match="the database was overwritten while this command was using it"):
        postgresql.identity.compare(None)


def test_a_new_connection_does_not_create_a_deleted_database_again(tmp_path: Path) -> None:
    database = new_database(tmp_path / "tmx.db")
    with database.write():
        pass
    database.engine.dispose()
    (tmp_path / "tmx.db").unlink()
    with pytest.raises(DatabaseError, match="was deleted or moved") as caught, database.read():
        pass
    assert caught.value.code == "db.replaced"
    assert list(tmp_path.iterdir()) == []
    database.close()
