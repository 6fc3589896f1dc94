"""`tmxdb migrate` packs the inputs that an older tmxdb stored as text, and nothing that is read changes."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests import forked
from tests.db.upgrades import old
from tests.tool import Tool
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.upkeep.packing import count_unpacked, pack_older_inputs

N = 130
ODD = '[[0, "Steer", 1]]'
"""Not as tmxdb writes it, so it stays as it is."""
KILLED = """
import os, sys, threading
from tmxdb.db.database import Database
from tmxdb.upkeep.packing import pack_older_inputs
pack_older_inputs(Database(sys.argv[1]), stop=threading.Event(), on_packed=lambda n: os._exit(9))
"""


def text_of(replay_id: int) -> str:
    return json.dumps([[10 * i, "Steer", replay_id + i] for i in range(100)], separators=(",", ":"))


EXPECTED = {replay_id: text_of(replay_id) for replay_id in range(1 - 20, N + 1 - 20) if replay_id} | {7: ODD}


@pytest.fixture
def older(tool: Tool) -> Tool:
    """A database of revision 0011 with inputs, also of local replays."""
    old.make(str(tool.folder / "tmx.db"), "0011").close()
    with closing(sqlite3.connect(tool.folder / "tmx.db")) as raw, raw:
        raw.execute("insert into tracks (track_id) values (1)")
        raw.executemany("insert into replays (replay_id, track_id) values (?, 1)", [[key] for key in EXPECTED])
        raw.executemany("insert into inputs values (?, ?)", list(EXPECTED.items()))
    return tool


def inputs(tool: Tool, db: str = "tmx.db") -> dict[int, str]:
    return {row["replay_id"]: row["events"] for row in tool.rows("select * from inputs", db=db)}


def texts(tool: Tool, db: str = "tmx.db") -> int:
    return int(tool.one("select count(*) from packed_inputs where typeof(events) = 'text'", db=db))


def test_migrate_packs_them_and_says_so(older: Tool) -> None:
    ran = older("migrate")
    assert ran.err.startswith(f"Packing the inputs of {len(EXPECTED)} replays.\n")
    assert "`tmxdb copy-db` makes a smaller file" in ran.err
    assert inputs(older) == EXPECTED
    assert texts(older) == 1
    assert older.one("select count(*) from input_events where replay_id = 8") == 100
    assert older("migrate").err == ""
    older("copy-db", "tmx.db", "small.db")
    assert inputs(older, "small.db") == EXPECTED
    assert (older.folder / "small.db").stat().st_size < (older.folder / "tmx.db").stat().st_size


def test_a_copy_of_a_database_with_texts_is_packed(older: Tool) -> None:
    database = Database(str(older.folder / "tmx.db"))
    with closing(database):
        upgrade(database)
    older("copy-db", "tmx.db", "copy.db")
    assert texts(older, "copy.db") == 1
    assert inputs(older, "copy.db") == EXPECTED


def test_packing_that_is_stopped_or_killed_is_continued(older: Tool, tmp_path: Path) -> None:
    database, stop = Database(str(older.folder / "tmx.db")), threading.Event()
    with closing(database):
        upgrade(database)
        stop.set()
        assert not pack_older_inputs(database, stop=stop, on_packed=print)
        with forked.python(KILLED, database.location) as child:
            assert child.wait(60) == 9
        with database.read() as connection:
            assert count_unpacked(connection) == len(EXPECTED) - 50
        assert inputs(older) == EXPECTED
        done: list[int] = []
        assert pack_older_inputs(database, stop=threading.Event(), on_packed=done.append)
        assert done == [50, len(EXPECTED) - 100]
        with database.read() as connection:
            assert count_unpacked(connection) == 0
    assert (texts(older), inputs(older)) == (1, EXPECTED)
