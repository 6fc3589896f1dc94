"""`tmxdb backup`: a complete file or none, from both engines; it replaces a file only on request."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests import forked
from tests.db.upgrades import old
from tests.queue.fakes import Bench
from tests.rows import FakeClock, Rows
from tests.upkeep.conftest import Shelf
from tmxdb.db.database import Database
from tmxdb.db.engines.snapshot import finish_copy, vacuum_into
from tmxdb.db.migrate import ensure_current
from tmxdb.process_identity import process_started_ms
from tmxdb.storage.file_lock import file_lock
from tmxdb.upkeep import backup as backup_module

Run = Callable[..., Any]


@pytest.fixture
def folder(shelf: Shelf) -> Path:
    return shelf.data.parent


def names(folder: Path, beginning: str) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith(beginning)}


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_backup_is_made_of_a_database_that_cannot_be_written(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    """SQLite's VACUUM INTO fails for a read-only file with computed columns."""
    old.fill(sqlite)
    before, stop = old.everything(sqlite), Event()
    sqlite.close()
    if interrupted:
        stop.set()
    monkeypatch.setattr("tmxdb.db.engines.sqlite_file.os.access", lambda path, mode: False)
    assert vacuum_into(tmp_path / "tmx.db", tmp_path / "copy.db", stop) is not interrupted
    if not interrupted:
        finish_copy(tmp_path / "copy.db")
        copy = Database(str(tmp_path / "copy.db"))
        assert old.everything(copy) == before
        copy.close()


def test_a_backup_is_one_file_in_wal_mode_with_every_row(tool: Run, rows: Rows, folder: Path) -> None:
    old.fill(rows.database)
    assert tool("backup", "monday.db").out == "monday.db\n"
    assert names(folder, "monday") == {"monday.db"}
    copy = Database(str(folder / "monday.db"))
    ensure_current(copy)
    assert old.everything(copy) == old.everything(rows.database)
    assert old.counted(copy)[0] == old.counted(copy)[1] == old.counted(rows.database)[1]
    copy.close()
    with closing(sqlite3.connect(folder / "monday.db")) as raw:
        assert raw.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_backup_while_workers_run_has_their_rows(tool: Run, rows: Rows, clock: FakeClock, folder: Path) -> None:
    rows.replays(1, 2)
    bench = Bench(rows.database, clock)
    bench.register("busy")
    bench.claim("busy")
    tool("backup", "copy.db")
    copy = Database(str(folder / "copy.db"))
    assert Rows(copy).statuses() == {1: "running", 2: "pending"}
    assert Rows(copy).workers() == ["busy"]
    copy.close()


def test_an_older_file_is_replaced_only_when_forced(tool: Run, rows: Rows, folder: Path) -> None:
    (folder / "copy.db").write_bytes(b"precious")
    assert "exists already" in tool("backup", "copy.db", ends=1).error
    assert (folder / "copy.db").read_bytes() == b"precious"
    tool("backup", "copy.db", "--force")
    ensure_current(copy := Database(str(folder / "copy.db")))
    copy.close()


def test_a_database_in_use_is_not_replaced_even_when_forced(tool: Run, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "other.db")) as raw:
        raw.execute("pragma journal_mode = wal")
        raw.execute("create table photos (id)")
        assert "is a database in use" in tool("backup", "other.db", "--force", ends=1).error


def test_impossible_names_are_refused_and_leave_nothing(tool: Run, rows: Rows, folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    assert "no folder" in tool("backup", "no/such/copy.db", ends=1).error
    assert "is a folder" in tool("backup", "data", ends=1).error
    if rows.database.path is not None:
        assert "is the database itself" in tool("backup", rows.database.path, "--force", ends=1).error
    assert {path.name for path in folder.iterdir()} == before


NOT_FILES = ["/", "/dev/null"] if os.name == "posix" else ["C:\\", "NUL"]


@pytest.mark.parametrize("name", [".", "..", "x" * 300, *NOT_FILES])
def test_a_file_that_cannot_be_written_is_one_sentence(tool: Run, folder: Path, name: str) -> None:
    before = {path.name for path in folder.iterdir()}
    ran = tool("backup", name, "--force", ends=1)
    assert "Traceback" not in ran.err
    assert name in ran.error  # on Windows in the absolute path
    assert {path.name for path in folder.iterdir()} == before


def test_two_backups_to_one_file_at_the_same_time_are_noticed(tool: Run, rows: Rows, folder: Path) -> None:
    rows.replay(1)
    program = (
        "import sys, time; from tmxdb.upkeep import backup; from tmxdb.cli import main;"
        "backup.finish_copy = lambda *a, **k: (print('now', flush=True), time.sleep(60));"
        "main()"
    )
    arguments = ["--db", rows.database.location, "backup", str(folder / "copy.db")]
    with forked.python(program, *arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        before = names(folder, "copy")
        refused = tool("backup", "copy.db", ends=1).error
        assert f"another `tmxdb backup` is writing copy.db (process {process.pid})" in refused
        assert names(folder, "copy") == before
        process.kill()
    tool("backup", "copy.db")
    assert names(folder, "copy") == {"copy.db"}


def test_a_note_about_a_process_is_not_what_refuses_a_second_backup(tool: Run, rows: Rows, folder: Path) -> None:
    """Earlier versions wrote one into the lock file. Two backups that both found it out of date both went on."""
    rows.replay(1)
    lock, dead = folder / "copy.db.lock.partial", "999999999-1"
    (folder / f"copy.db.{dead}.partial-journal").write_bytes(b"left")
    with file_lock(lock, wait_s=0) as is_held:
        assert is_held
        lock.write_text(dead, "ascii")
        refused = tool("backup", "copy.db", ends=1).error
        assert "another `tmxdb backup` is writing copy.db (process 999999999)" in refused
        assert lock.exists()
    lock.write_text(f"{os.getpid()}-{process_started_ms(os.getpid())}", "ascii")  # of this number on another machine
    tool("backup", "copy.db")
    assert names(folder, "copy") == {"copy.db"}


@pytest.mark.skipif(os.name == "nt", reason="Windows locks files on every disk")
def test_a_backup_is_made_on_a_file_system_without_locks(
    tool: Run, rows: Rows, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.replay(1)
    other = folder / "copy.db.999999999-1.partial"
    other.write_bytes(b"of a backup that may be running")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    tool("backup", "copy.db")
    assert names(folder, "copy") == {"copy.db", other.name}


@pytest.mark.parametrize("step", ["finish_copy", "_publish"])
def test_a_killed_backup_leaves_no_file_under_its_name_and_the_next_one_cleans_up(
    tool: Run, rows: Rows, folder: Path, step: str
) -> None:
    rows.replays(*range(1, 50))
    program = (
        "import sys, time; from tmxdb.upkeep import backup; from tmxdb.cli import main;"
        f"backup.{step} = lambda *a, **k: (print('now', flush=True), time.sleep(60));"
        "main()"
    )
    arguments = ["--db", rows.database.location, "backup", str(folder / "copy.db")]
    with forked.python(program, *arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.kill()
    assert not (folder / "copy.db").exists()
    assert any(name.endswith(".partial") for name in names(folder, "copy.db."))
    tool("backup", "copy.db")
    assert names(folder, "copy") == {"copy.db"}
    copy = Database(str(folder / "copy.db"))
    assert Rows(copy).statuses() == rows.statuses()
    copy.close()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    tool: Run, sqlite: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "the disk is full" in tool("--db", sqlite.location, "backup", "copy.db", ends=1).error
    assert names(folder, "copy") == set()


def test_an_interrupted_backup_keeps_nothing(
    tool: Run, rows: Rows, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.db.engines.snapshot._STEPS", 1)
    rows.replays(*range(1, 50))
    quick = backup_module._discard

    def press(partial: Path) -> None:
        quick(partial)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(backup_module, "_discard", press)
        assert "no copy was kept" in tool("backup", "copy.db", ends=130).err
    assert names(folder, "copy") == set()
    tool("backup", "copy.db")
