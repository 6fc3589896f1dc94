"""The revision of a database, and upgrading it, also when two processes do so at the same time."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Text, event, inspect, text

from tests import forked
from tests.rows import Rows
from tmxdb.db import migrate
from tmxdb.db.database import Database
from tmxdb.db.migrate import HEAD, ensure_current, migrations_folder, upgrade
from tmxdb.db.models import CaptureRow
from tmxdb.errors import DatabaseError

ROOT = Path(__file__).resolve().parents[3]


def trouble(database: Database, act: Callable[[Database], object] = ensure_current) -> DatabaseError:
    """What `act` complains about: always one sentence or two that name the database."""
    with pytest.raises(DatabaseError) as caught:
        act(database)
    database.close()
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", "?"))
    return caught.value


def test_the_known_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [HEAD]
    assert sorted(migrate._KNOWN) == sorted(revision.revision for revision in script.walk_revisions())


def test_an_upgrade_creates_the_database_and_a_second_one_changes_nothing(new_location: str) -> None:
    database = Database(new_location)
    assert upgrade(database) == (None, HEAD)
    Rows(database).replay(1)
    assert upgrade(database) == (HEAD, HEAD)
    ensure_current(database)
    assert Rows(database).statuses() == {1: "pending"}
    database.close()


def test_two_processes_that_start_without_a_database_both_find_it_created(new_location: str) -> None:
    program = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "from tmxdb.db.database import Database; from tmxdb.db.migrate import upgrade;"
        "import alembic.command; print('ready', flush=True); sys.stdin.readline();"
        "database = Database(sys.argv[1]); print(upgrade(database)[1]); database.close()"
    )
    both = [
        forked.python(program, new_location, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=300) for process in both] == [(f"{HEAD}\n", "")] * 2
    database = Database(new_location)
    ensure_current(database)
    database.close()


def test_an_upgrade_that_fails_leaves_nothing_behind(new_location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(new_location)

    def breaks(*_: object) -> None:
        with database.read():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("alembic.runtime.migration.MigrationContext._ensure_version_table", breaks)
        with pytest.raises(KeyboardInterrupt):
            upgrade(database)
    with database.read() as connection:
        assert not inspect(connection).get_table_names()
    assert upgrade(database) == (None, HEAD)
    database.close()


def test_a_missing_database_is_not_created_by_reading(tmp_path: Path) -> None:
    error = trouble(Database(str(tmp_path / "none.db")))
    assert error.code == "db.missing"
    assert str(tmp_path / "none.db") in str(error)
    assert not list(tmp_path.iterdir())


def test_an_empty_file_counts_as_a_missing_database(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    assert trouble(Database(str(tmp_path / "empty.db"))).code == "db.missing"


def test_an_empty_database_on_a_server_counts_as_missing(server: object, new_location: str) -> None:
    if "://" in new_location:
        assert trouble(Database(new_location)).code == "db.missing"


def test_a_folder_is_not_accepted_as_a_database(tmp_path: Path) -> None:
    for act in (ensure_current, upgrade):
        error = trouble(Database(str(tmp_path)), act)
        assert (error.code, "is a folder, not a database. Give the file in it" in str(error)) == ("db.folder", True)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    error = trouble(Database(str(tmp_path / "missing" / "tmx.db")), upgrade)
    assert (error.code, str(tmp_path / "missing") in str(error)) == ("db.missing", True)


@pytest.mark.parametrize("act", [ensure_current, upgrade])
def test_the_database_of_another_program_is_refused_and_left_unchanged(
    new_location: str, act: Callable[[Database], object]
) -> None:
    if "://" not in new_location:
        with sqlite3.connect(new_location) as connection:
            connection.execute("CREATE TABLE bookmarks (id INTEGER)")
        connection.close()
        before = Path(new_location).read_bytes()
        error = trouble(Database(new_location), act)
        assert Path(new_location).read_bytes() == before
        assert [path.name for path in Path(new_location).parent.iterdir()] == [Path(new_location).name]
    else:
        database = Database(new_location)
        with database.write() as writing:
            writing.execute(text("CREATE TABLE bookmarks (id INTEGER)"))
        error = trouble(database, act)
    assert (error.code, "bookmarks" in str(error)) == ("db.foreign", True)


@pytest.mark.parametrize("act", [ensure_current, upgrade])
def test_a_file_that_is_not_a_database_is_refused(tmp_path: Path, act: Callable[[Database], object]) -> None:
    (tmp_path / "letter.txt").write_text("Dear database, " * 1000)
    assert trouble(Database(str(tmp_path / "letter.txt")), act).code == "db.foreign"


@pytest.mark.parametrize("act", [ensure_current, upgrade])
def test_a_newer_database_is_refused_by_its_revision(database: Database, act: Callable[[Database], object]) -> None:
    Rows(database).write("UPDATE alembic_version SET version_num = '9999'")
    error = trouble(database, act)
    assert (error.code, "9999" in str(error)) == ("db.newer", True)


def test_an_older_database_has_to_be_upgraded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "HEAD", "9999")
    error = trouble(database)
    assert error.code == "db.older"
    assert "`tmxdb migrate`" in str(error)


def test_a_change_of_the_schema_keeps_rows_that_refer_to_a_copied_table(new_location: str) -> None:
    database = Database(new_location)
    upgrade(database)
    rows = Rows(database)
    rows.capture(1, 1)
    with migrate.changing_schema(database) as connection:
        for view in ("missing", *(name for name in inspect(connection).get_view_names() if name != "missing")):
            connection.execute(text(f"DROP VIEW {view}"))
        recreate = "always" if connection.dialect.name == "sqlite" else "auto"
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("replays", recreate=recreate) as batch:  # type: ignore[arg-type]
            batch.add_column(Column("colour", Text()))
    assert len(rows.all(CaptureRow)) == 1
    with database.read() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    database.close()


def test_a_change_of_the_schema_that_loses_rows_is_rolled_back(sqlite: Database) -> None:
    rows = Rows(sqlite)
    rows.replay(1)
    with (
        pytest.raises(RuntimeError, match="without the rows they refer to"),
        migrate.changing_schema(sqlite) as connection,
    ):
        connection.execute(text("DELETE FROM tracks"))
    assert len(rows.sql("SELECT * FROM tracks")) == 1


def test_a_sqlite_that_forbids_writable_schema_gets_the_same_checks_by_copying(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "new.db"))
    by_hand = [False]

    def forbid(action: int, name: str | None, value: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_PRAGMA and name == "writable_schema":
            by_hand[0] = value == "ON"
        changes = action == sqlite3.SQLITE_UPDATE and name == "sqlite_master"
        return sqlite3.SQLITE_DENY if changes and by_hand[0] else sqlite3.SQLITE_OK

    event.listen(database.engine, "connect", lambda connection, _: connection.set_authorizer(forbid))
    assert upgrade(database) == (None, HEAD)
    rows = Rows(database)
    rows.replay(1, "done")
    (sql,) = rows.sql("SELECT sql FROM sqlite_master WHERE name = 'replays'")[0]
    assert "status IN (" not in sql
    assert rows.sql("SELECT kind, n FROM progress ORDER BY kind") == [("download", 1), ("list", 1)]
    database.close()


def test_alembic_can_be_called_in_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command.upgrade(Config(str(ROOT / "alembic.ini")), "head")
    database = Database("tmx.db")
    ensure_current(database)
    database.close()


def test_migrations_are_found_next_to_the_package_and_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (migrations_folder() / "env.py").is_file()
    file = tmp_path / "site-packages" / "tmxdb" / "db" / "migrate.py"
    inside = tmp_path / "site-packages" / "tmxdb" / "migrations"
    inside.mkdir(parents=True)
    monkeypatch.setattr(migrate, "__file__", str(file))
    assert migrations_folder() == inside
    inside.rmdir()
    assert migrations_folder() == tmp_path / "site-packages" / "migrations"
