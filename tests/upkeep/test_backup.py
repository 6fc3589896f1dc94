"""`tmxdb backup`: a file that is whole or not there, from both engines; it takes the place of none unasked."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.db import old
from tests.rows import FakeClock, Rows
from tmxdb.db.engine import Database
from tmxdb.db.migrate import ensure_current
from tmxdb.upkeep import backup as backup_module

from ..queue.fakes import Bench
from ..tool import Tool
from .conftest import Shelf

Run = Callable[..., Any]


@pytest.fixture
def folder(shelf: Shelf) -> Path:
    return shelf.data.parent


def names(folder: Path, beginning: str) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith(beginning)}


def test_a_backup_is_one_file_with_every_row_written_ahead_like_the_database(
    tool: Run, rows: Rows, folder: Path
) -> None:
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


def test_workers_may_be_at_work_and_their_rows_come_back_in_the_copy(
    tool: Run, rows: Rows, clock: FakeClock, folder: Path
) -> None:
    rows.replays(1, 2)
    bench = Bench(rows.database, clock)
    bench.sign_in("busy")
    bench.claim("busy")
    tool("backup", "copy.db")
    copy = Database(str(folder / "copy.db"))
    assert Rows(copy).statuses() == {1: "running", 2: "pending"}
    assert Rows(copy).workers() == ["busy"]
    copy.close()


def test_an_older_file_is_replaced_only_when_forced(tool: Run, rows: Rows, folder: Path) -> None:
    (folder / "copy.db").write_bytes(b"precious")
    assert "is there already" in tool("backup", "copy.db", ends=1).error
    assert (folder / "copy.db").read_bytes() == b"precious"
    tool("backup", "copy.db", "--force")
    ensure_current(copy := Database(str(folder / "copy.db")))
    copy.close()


def test_a_database_in_use_is_not_replaced_even_when_forced(tool: Run, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "other.db")) as raw:
        raw.execute("pragma journal_mode = wal")
        raw.execute("create table photos (id)")
        assert "is a database in use" in tool("backup", "other.db", "--force", ends=1).error


def test_names_that_can_not_be_are_told_and_nothing_is_left(tool: Run, rows: Rows, folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    assert "no folder" in tool("backup", "no/such/copy.db", ends=1).error
    assert "is a folder" in tool("backup", "data", ends=1).error
    if rows.database.path is not None:
        assert "is the database itself" in tool("backup", rows.database.path, "--force", ends=1).error
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize("step", ["make_whole", "_publish"])
def test_killed_it_leaves_nothing_under_the_name_and_the_next_one_sweeps(
    tool: Run, rows: Rows, folder: Path, step: str
) -> None:
    rows.replays(*range(1, 50))
    program = (
        "import sys, time; from tmxdb.upkeep import backup; from tmxdb.cli import main;"
        f"backup.{step} = lambda *a, **k: (print('now', flush=True), time.sleep(60));"
        "main()"
    )
    arguments = ["--db", rows.database.location, "backup", str(folder / "copy.db")]
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], env=Tool.environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGKILL)
    assert not (folder / "copy.db").exists()
    assert (folder / "copy.db.partial").exists()
    tool("backup", "copy.db")
    assert names(folder, "copy") == {"copy.db"}
    copy = Database(str(folder / "copy.db"))
    assert Rows(copy).statuses() == rows.statuses()
    copy.close()


def test_a_full_disk_is_a_sentence_and_leaves_nothing(
    tool: Run, sqlite: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tmxdb.storage.os.fsync", full)
    assert "the disk is full" in tool("--db", sqlite.location, "backup", "copy.db", ends=1).error
    assert names(folder, "copy") == set()


def test_interrupted_nothing_is_kept(tool: Run, rows: Rows, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.db.snapshot._STEPS", 1)
    rows.replays(*range(1, 50))
    quick = backup_module._discard

    def press(partial: Path) -> None:
        quick(partial)
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(backup_module, "_discard", press)
        assert "nothing was kept" in tool("backup", "copy.db", ends=130).err
    assert names(folder, "copy") == set()
    tool("backup", "copy.db")
