"""A database or data folder that is moved, deleted or replaced while a worker uses it stops the run."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.tool import Tool, until
from tmxdb.storage import PARTIAL
from tmxdb_sandbox import RunningSite, running_site

DUE_IN_S = 600
"""How long the rows of an idle worker must wait."""


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(tracks=10, replays=10, plain=True) as site:
        yield site


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.Gbx") if path.parent.name != PARTIAL)


def during_a_run(tool: Tool, site: RunningSite, act: Callable[[], object]) -> str:
    """Do `act` after some downloads; return the last line that the worker prints before it stops with status 1."""
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    with tool.started("work", "--kind", "download", "--n", 1, "--rate", 20) as process:
        until(lambda: len(files(tool.folder / "data" / "replays")) >= 5)
        act()
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    assert "Traceback" not in err
    return err.strip().splitlines()[-1]


def overwrite(database: Path, source: Path) -> None:
    """Copy `source` over a database while no worker writes: one that copies its log into it makes a mixture of both."""
    with (
        closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as writer,
        closing(sqlite3.connect(database)) as copier,
    ):

        def is_log_copied() -> bool:
            busy, frames, copied = copier.execute("pragma wal_checkpoint(passive)").fetchone()
            return not busy and frames == copied

        writer.execute("begin immediate")
        until(is_log_copied)
        shutil.copyfile(source, database)


def test_a_data_folder_that_is_moved_away_stops_the_run(tool: Tool, site: RunningSite) -> None:
    data, elsewhere = tool.folder / "data", tool.folder / "elsewhere"
    error = during_a_run(tool, site, lambda: data.rename(elsewhere))
    assert "the data folder was moved, replaced or unmounted during the run" in error
    assert not data.exists() or files(data) == []
    done = tool.one("select count(*) from replays where status = 'done'")
    assert len(files(elsewhere)) - done in (0, 1)  # a file that was published just before its folder was moved
    assert tool.one("select count(*) from replays where status = 'failed'") == 0
    shutil.rmtree(data, ignore_errors=True)
    elsewhere.rename(data)
    tool("work", "--kind", "download")
    assert tool.column("select distinct status from replays") == ["done"]
    assert "All is well." in tool("verify").err


def test_an_empty_mount_point_in_its_place_stops_the_run(tool: Tool, site: RunningSite) -> None:
    data, disk = tool.folder / "data", tool.folder / "disk"

    def unmount() -> None:
        data.rename(disk)
        data.mkdir()

    assert "Put it back or mount its disk" in during_a_run(tool, site, unmount)
    assert files(data) == []
    error = tool("work", "--kind", "download", ends=1).error
    assert "has none of the files that the database lists" in error


@pytest.mark.parametrize("found", ["another collection", "a file without tables", "an empty file"])
def test_a_database_overwritten_in_place_stops_the_run(tool: Tool, site: RunningSite, found: str) -> None:
    other = tool.folder / "other.db"
    if found == "another collection":
        tool("--db", other.name, "--site", site.url, "sync-tracks")
        tool("--db", other.name, "work", "--kind", "list", "--limit", 1)
    elif found == "a file without tables":
        with closing(sqlite3.connect(other)) as raw:
            raw.execute("pragma user_version = 1")
    else:
        other.touch()
    error = during_a_run(tool, site, partial(overwrite, tool.folder / "tmx.db", other))
    by = " by another one" if found == "another collection" else ""
    assert f"the database file was overwritten{by} while this command was using it" in error


def test_a_backup_put_back_in_place_stops_the_run(tool: Tool, site: RunningSite) -> None:
    """It is noticed at the next heartbeat, also if the backup is not older than the run."""

    def put_back() -> None:
        until(lambda: heartbeats("tmx.db") > heartbeats("backup.db"))
        overwrite(tool.folder / "tmx.db", tool.folder / "backup.db")

    def heartbeats(name: str) -> int:
        with closing(sqlite3.connect(f"{(tool.folder / name).as_uri()}?mode=ro&immutable=1", uri=True)) as file:
            with suppress(sqlite3.DatabaseError):  # the log is being copied
                return int(*file.execute("select value from settings where key = 'heartbeats'").fetchone())
            return 0

    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")  # the first worker gives the database its id
    tool("backup", "backup.db")
    error = during_a_run(tool, site, put_back)
    assert "the database file was overwritten by an older copy of itself while this command was using it" in error


@pytest.mark.parametrize("changed", ["database", "data folder"])
@pytest.mark.parametrize("option", ["--forever", "--wait"])
def test_an_idle_worker_notices_a_change_within_a_heartbeat(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch, option: str, changed: str
) -> None:
    data, other = tool.folder / "data", tool.folder / "other.db"
    for db in ("tmx.db", other.name):
        tool("--db", db, "--site", site.url, "sync-tracks")
        tool("--db", db, "work", "--kind", "list")
    tool("work", "--kind", "download", "--limit", 1)
    tool.change(
        "update replays set status = 'retry',"
        f" available_at = strftime('%Y-%m-%dT%H:%M:%S.000Z', 'now', '+{DUE_IN_S} seconds'), error_code = 'net.cut',"
        " error = 'cut' where status = 'pending'"
    )
    monkeypatch.setattr("tmxdb.queue.loop.job_store.HEARTBEAT_MS", 200)

    def change() -> None:
        until(lambda: tool.one("select count(*) from workers") == 1)
        if changed == "database":
            overwrite(tool.folder / "tmx.db", other)
        else:
            data.rename(tool.folder / "elsewhere")

    began_s = time.monotonic()
    with ThreadPoolExecutor(1) as beside:
        changing = beside.submit(change)
        ran = tool("work", "--kind", "download", option, ends=1)
        changing.result()
    assert time.monotonic() - began_s < DUE_IN_S  # without a row that became due
    (error,) = [line for line in ran.err.splitlines() if "overwritten by another one" in line or "was moved" in line]
    assert error.startswith("Error:")
    assert error == ran.err.strip().splitlines()[-1]
    assert data.exists() == (changed == "database"), [*data.rglob("*"), ran.err]


def test_a_deleted_database_stops_the_run(tool: Tool, site: RunningSite) -> None:
    def delete() -> None:
        for file in tool.folder.glob("tmx.db*"):
            file.unlink()

    error = during_a_run(tool, site, delete)
    assert "the database file was deleted or moved while this command was using it" in error


def test_a_database_that_was_moved_and_put_back_has_lost_nothing(tool: Tool, site: RunningSite) -> None:
    """The sentence said that what had been written was lost, and not that a log was left which damages another file."""
    moved = tool.folder / "moved.db"
    error = during_a_run(tool, site, lambda: (tool.folder / "tmx.db").rename(moved))
    assert "tmx.db-wal belongs to it" in error
    assert "first delete tmx.db-wal and tmx.db-shm" in error
    moved.rename(tool.folder / "tmx.db")
    tool("run")
    assert "All is well." in tool("verify").err


def test_a_replaced_database_stops_the_run(tool: Tool, site: RunningSite) -> None:
    def replace() -> None:
        with closing(sqlite3.connect(tool.folder / "tmx.db")) as raw:
            raw.execute(f"vacuum into '{tool.folder / 'other.db'}'")
        (tool.folder / "other.db").replace(tool.folder / "tmx.db")

    assert "the database file was replaced by another one" in during_a_run(tool, site, replace)
