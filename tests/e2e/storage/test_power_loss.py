"""After a power cut at any moment, which loses everything that was not synced, the next run completes the work."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.crash.power import Event, Recorder, left_by, lucks, put_back
from tests.tool import Tool, isolate, shorten_waits
from tmxdb.db.database import Database
from tmxdb.db.engines import sqlite as engine
from tmxdb.db.settings import database_id
from tmxdb.storage import PARTIAL, durable, new_file
from tmxdb.storage.folder_identity import MARKER
from tmxdb_sandbox import RunningSite, running_site

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows cannot sync folders")
RESTARTS = 12


@dataclass(frozen=True)
class Recorded:
    """A complete run: the database as last synced, its write-ahead log, and every change of the data folder."""

    folder: Path
    database: bytes
    wal: bytes
    events: list[Event]
    site: RunningSite


ALL_AT_ONCE = [("run", "--n", 3)]
MAPS_TOGETHER = [("work", "--kind", "list", "--kind", "download", "--n", 3), ("work", "--kind", "extract", "--n", 1)]
"""All maps are pending before the first is extracted, so they are published together."""


@pytest.fixture(scope="module", params=[ALL_AT_ONCE, MAPS_TOGETHER], ids=["all at once", "maps together"])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("recorded")
    with running_site(tracks=6, replays=4) as site, pytest.MonkeyPatch.context() as patch:
        isolate(patch, folder)
        shorten_waits(patch)
        patch.setattr(new_file, "IN_MEMORY", 1500)  # most files are written in parts
        tool = Tool(folder, patch)
        tool("--site", site.url, "sync-tracks")
        # A first run stores the id of the database and moves it to the file; that must not happen while recording.
        with contextlib.closing(Database(str(folder / "tmx.db"))) as fresh, fresh.write() as connection:
            database_id(connection)
        with contextlib.closing(sqlite3.connect(folder / "tmx.db")) as plain:
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        database = (folder / "tmx.db").read_bytes()
        # Nothing is moved from the log to the database, so that each moment of the run can be had again.
        patch.setattr(engine, "_PRAGMAS", (*engine._PRAGMAS, "PRAGMA wal_autocheckpoint = 0"))
        patch.setattr(engine, "wal_checkpoint", lambda raw: None)  # each heartbeat moves it
        with contextlib.closing(sqlite3.connect(folder / "tmx.db")) as held:  # who closes last tidies up
            held.execute("select * from tracks").fetchall()
            recorder = Recorder(folder, folder / "tmx.db-wal")
            with recorder.recording():
                for command in request.param:
                    tool(*command)
            wal = (folder / "tmx.db-wal").read_bytes()
            assert (folder / "tmx.db").read_bytes() == database
            if request.param is MAPS_TOGETHER:
                assert _most_names_without_a_sync(recorder.events) > 3
        yield Recorded(folder, database, wal, recorder.events, site)


def _most_names_without_a_sync(events: list[Event]) -> int:
    """How many files got their names at most without a sync between them: the size of the largest batch."""
    steps = "".join("." if event.what == "name" else "|" for event in events if event.what in ("name", "sync"))
    return max(map(len, steps.split("|")))


_sync_folder = durable.sync_folder


def _dying_where_files_are(folder: str) -> None:
    """End the process as soon as a folder contains a file."""
    if any(name.endswith(".Gbx") for name in os.listdir(folder)):
        raise OSError(errno.EIO, "the end")
    _sync_folder(folder)


@pytest.mark.parametrize("source", ["replay", "site"])
def test_an_adopted_file_is_synced_to_disk_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """The file was renamed, and the process killed before the folder was synced: complete, but not yet durable."""
    with running_site(tracks=3, replays=2, plain=True) as site:
        isolate(monkeypatch, tmp_path)
        shorten_waits(monkeypatch)
        tool, recorder = Tool(tmp_path, monkeypatch), Recorder(tmp_path, tmp_path / "tmx.db-wal")
        tool("--site", site.url, "sync-tracks")
        with recorder.recording():
            tool("work", "--kind", "list")
            for kind in ("download", "extract"):
                with monkeypatch.context() as patch:
                    patch.setattr(durable, "sync_folder", _dying_where_files_are)
                    tool("work", "--kind", kind, "--n", 1, "--from", source, ends=1)
                tool("work", "--kind", kind, "--n", 1, "--from", source)
        left = left_by(recorder.events, lucks(0)[0])
        for path, sha256 in done_files(tmp_path).items():
            data = left.get(f"data/{path}")
            assert data is not None, f"{path} is gone"
            assert hashlib.sha256(data).hexdigest() == sha256


def done_files(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file in a done row, by path."""
    with contextlib.closing(sqlite3.connect(folder / "tmx.db")) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        return dict(
            connection.execute(
                "select file_path, sha256 from replays where status = 'done'"
                " union all select file_path, sha256 from maps where status = 'done'"
            )
        )


def restore_database(recorded: Recorded, folder: Path, wal_bytes: int) -> None:
    (folder / "tmx.db").write_bytes(recorded.database)
    (folder / "tmx.db-wal").write_bytes(recorded.wal[:wal_bytes])


def test_no_row_is_done_before_its_file_survives_a_power_cut(recorded: Recorded, tmp_path: Path) -> None:
    """Cut the power after each step of the run, with everything that was written to the database by then."""
    known: dict[int, dict[str, str]] = {}
    most = 0
    for moment in range(1, len(recorded.events) + 1):
        wal_bytes = recorded.events[moment - 1].wal_bytes
        if wal_bytes not in known:
            folder = tmp_path / str(wal_bytes)
            folder.mkdir()
            restore_database(recorded, folder, wal_bytes)
            known[wal_bytes] = done_files(folder)
        most = max(most, len(known[wal_bytes]))
        for luck in lucks(moment):
            left = left_by(recorded.events[:moment], luck)
            for path, sha256 in known[wal_bytes].items():
                data = left.get(f"data/{path}")
                assert data is not None, f"{path} is gone (step {moment}, {luck.name})"
                assert hashlib.sha256(data).hexdigest() == sha256, f"{path} is not whole (step {moment}, {luck.name})"
    assert most > 5
    assert len(known) > 3


def test_no_file_is_incomplete_under_its_final_name(recorded: Recorded) -> None:
    whole = {
        path.relative_to(recorded.folder).as_posix(): path.read_bytes()
        for path in (recorded.folder / "data").rglob("*.Gbx")
    }
    for moment in range(1, len(recorded.events) + 1):
        for luck in lucks(moment):
            for path, data in left_by(recorded.events[:moment], luck).items():
                assert data is None or PARTIAL in path or data == whole[path], f"{path}, {luck.name}"


@pytest.mark.parametrize("restart", range(RESTARTS))
def test_a_run_continues_with_what_a_power_cut_leaves(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restart: int
) -> None:
    moment = 1 + restart * (len(recorded.events) - 1) // (RESTARTS - 1)
    luck = lucks(restart)[restart % 4]
    wal_bytes = recorded.events[moment - 1].wal_bytes
    if restart % 3 == 1:  # commits are not synced either: as many as chance will have it are gone
        wal_bytes = wal_bytes * restart // RESTARTS
    isolate(monkeypatch, tmp_path)
    shorten_waits(monkeypatch)
    put_back(tmp_path, left_by(recorded.events[:moment], luck))
    restore_database(recorded, tmp_path, wal_bytes)
    tool = Tool(tmp_path, monkeypatch)
    recorded.site.clear_log()
    kept = done_files(tmp_path)
    # The process that had rows when the power went is gone, though it was this very one that plays it here.
    tool.change("update workers set process_started_ms = process_started_ms - 1")
    tool("run", "--n", 3)
    assert tool.column("select distinct status from jobs where status not in ('done', 'skipped')") == []
    every = done_files(tmp_path)
    for path, sha256 in every.items():
        assert hashlib.sha256((tmp_path / "data" / path).read_bytes()).hexdigest() == sha256
    there = {
        path.relative_to(tmp_path / "data").as_posix()
        for path in (tmp_path / "data").rglob("*.*")
        if path.is_file() and path.name != MARKER
    }
    assert there == set(every)
    assert tool.one("select count(*) from replays") == len(list((recorded.folder / "data").rglob("*.Replay.Gbx")))
    assert tool.one("select count(*) from attempts where outcome = 'failed'") == 0
    fetched = {
        f"/recordgbx/{i}"
        for i in tool.column(
            "select replay_id from replays where file_path in (" + ",".join("?" * len(kept)) + ")", *kept
        )
    }
    assert fetched.isdisjoint(line["path"] for line in recorded.site.log())  # what was safe is not fetched again
