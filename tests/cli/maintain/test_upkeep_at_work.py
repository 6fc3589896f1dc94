"""Upkeep while workers are at it: `verify --repair`, `release` of one that hangs, a move in the middle of the work."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import PostgresServer
from tests.forked import AnyProcess
from tests.processes import is_publishing, resume, suspend
from tests.tool import Tool, until
from tmxdb_sandbox import RunningSite

pytestmark = pytest.mark.slow


def _files_fetched(site: RunningSite) -> Counter[str]:
    return Counter(line["path"] for line in site.log() if line["path"].startswith("/recordgbx/"))


def test_files_that_a_worker_is_writing_are_neither_repaired_nor_moved(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    site.set_faults(["slow:s=0.05:first=100"])
    looked = 0
    with tool.started("run", "--n", 8) as worker:
        until(lambda: tool.one("select count(*) from replays where status = 'done'"))
        while worker.poll() is None:
            ran = tool("verify", "--repair")
            assert ran.out == ""
            looked += 1
        assert worker.wait(300) == 0
    assert looked
    assert not (tool.folder / "data" / "orphans").exists()
    assert "All is well." in tool("verify", "--hash").err
    assert set(_files_fetched(site).values()) == {1}
    assert tool.one("select count(*) from replays where status not in ('done', 'skipped')") == 0


def suspend_without_locks(process: AnyProcess, tool: Tool) -> None:
    """Suspend a worker while it locks neither the database nor the path of a file: others would wait for it."""
    while True:
        suspend(process)
        if not is_publishing(tool.folder / "data") and not _is_locked(tool.folder / "tmx.db"):
            return
        resume(process)
        time.sleep(0.01)


def _is_locked(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("begin immediate")
        except sqlite3.OperationalError:
            return True
        connection.execute("rollback")
    return False


def test_rows_of_a_hanging_worker_are_done_by_another_and_its_late_results_dropped(
    tool: Tool, site: RunningSite
) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.set_faults(["slow:s=0.3:first=1000"])
    with tool.started("work", "--kind", "download", "--n", 4) as hanging:
        until(lambda: tool.one("select count(*) from replays where status = 'done'"))
        suspend_without_locks(hanging, tool)
        worker = tool.one("select worker_id from workers")
        held = tool.column("select replay_id from replays where status = 'running' order by 1")
        assert held
        site.set_faults([])
        assert tool("release").out == "0\n"  # its process is there
        assert tool("release", "--worker", worker).out == f"{len(held)}\n"
        tool("work", "--kind", "download", "--n", 4)
        finished = tool.rows("select replay_id, finished_at, claim_token from replays order by 1")
        resume(hanging)
        assert hanging.wait(300) in (0, 3)
        assert hanging.stderr is not None
        assert "came too late" in hanging.stderr.read()
    assert tool.rows("select replay_id, finished_at, claim_token from replays order by 1") == finished
    assert tool.column("select distinct error_code from attempts where outcome = 'lost'") == ["user.released"]
    assert "All is well." in tool("verify", "--hash").err


def test_work_begun_on_sqlite_ends_on_postgresql_without_a_second_download(
    tool: Tool, site: RunningSite, server: PostgresServer
) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    tool("work", "--kind", "download", "--limit", 40)
    site.clear_log()
    url = server.new()
    try:
        tool("copy-db", "tmx.db", url)
        (tool.folder / "tmx.db").rename(tool.folder / "old.db")
        tool("--db", url, "--data", "data", "run")
        state = tool("--db", url, "status", "--json").json["kinds"]
        assert sum(state["download"][status] for status in ("pending", "running", "retry")) == 0
        assert "All is well." in tool("--db", url, "--data", "data", "verify", "--hash").err
        done_before = tool.column("select replay_id from replays where status = 'done'", db="old.db")
        assert not {f"/recordgbx/{replay_id}" for replay_id in done_before} & set(_files_fetched(site))
        tool("copy-db", url, "back.db")
        assert tool.one("select count(*) from replays where status = 'done'", db="back.db") == state["download"]["done"]
    finally:
        server.drop(url)
