"""`tmxdb backup` while a real worker is at it: the copy is of one moment, and can be worked to the end."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from typing import Any

import pytest

from tests.db.upgrades import old
from tests.tool import Tool, until
from tmxdb.db.database import Database
from tmxdb_sandbox import RunningSite

_TABLES = {"list": "tracks", "download": "replays", "extract": "maps", "capture": "captures"}


def _counts(tool: Tool, db: str) -> tuple[dict[Any, int], dict[Any, int]]:
    """By the tally, and counted."""
    counted = {
        (kind, row["status"]): row["n"]
        for kind, table in _TABLES.items()
        for row in tool.rows(f"select status, count(*) as n from {table} group by 1", db=db)
    }
    return {(row["kind"], row["status"]): row["n"] for row in tool.rows("select * from progress", db=db)}, counted


def test_copies_taken_while_a_worker_runs_are_each_of_one_moment(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    site.set_faults(["slow:s=0.05:first=100"])
    copies = 0
    with tool.started("run", "--n", 2) as worker:
        until(lambda: tool.one("select count(*) from replays where status = 'done'"))
        while worker.poll() is None and copies < 5:
            copies += 1
            tool("backup", f"copy{copies}.db")
        assert worker.wait(300) == 0
    assert copies > 1
    seen = []
    for n in range(1, copies + 1):
        tally, counted = _counts(tool, f"copy{n}.db")
        assert tally == counted
        with contextlib.closing(sqlite3.connect(tool.folder / f"copy{n}.db")) as raw:
            assert raw.execute("pragma integrity_check").fetchone() == ("ok",)
            assert raw.execute("pragma foreign_key_check").fetchall() == []
        seen.append(tool.one("select count(*) from replays where status = 'done'", db=f"copy{n}.db"))
    assert seen == sorted(seen)
    done = tool.column("select replay_id from replays where status = 'done' order by 1")
    shutil.copy(tool.folder / "copy1.db", tool.folder / "again.db")
    tool("--db", "again.db", "run")
    assert tool.column("select replay_id from replays where status = 'done' order by 1", db="again.db") == done


@pytest.mark.parametrize("revision", old.revisions()[:-1])
def test_a_database_is_backed_up_before_it_is_upgraded(tool: Tool, revision: str) -> None:
    """The new tmxdb refused the database until it was upgraded, which is what a backup is made before."""
    older = old.make(str(tool.folder / "tmx.db"), revision)
    old.fill(older)
    before = old.everything(older)
    older.close()
    tool("backup", "copy.db")
    copy = Database(str(tool.folder / "copy.db"))
    assert old.everything(copy) == before
    copy.close()
    assert "older tmxdb" in tool("status", "--db", "copy.db", ends=1).error
    tool("--db", "copy.db", "migrate")


def test_an_empty_file_is_no_older_database(tool: Tool) -> None:
    sqlite3.connect(tool.folder / "tmx.db").execute("pragma user_version = 1").connection.close()
    assert "is empty" in tool("backup", "copy.db", ends=1).error
    assert not (tool.folder / "copy.db").exists()
