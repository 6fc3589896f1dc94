"""Real limits: a file system of two megabytes, one that is mounted read-only, and a limit on the size of files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.needs import lacking
from tests.tool import Tool, isolate, shorten_waits
from tmxdb.db.engines import sqlite as engine
from tmxdb_sandbox import RunningSite, running_site

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="file systems are mounted as Linux does it")


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with running_site(tracks=10, replays=12, plain=True, file_kb=30) as running:
        yield running


class Disk:
    """A separate file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def remount(self, options: str) -> None:
        """Mount again with `options`, such as `ro` or `size=50m`."""
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        lacking("no full disk to test with: this user cannot mount a file system")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    folder = tmp_path / "here"
    folder.mkdir()
    isolate(monkeypatch, folder)
    shorten_waits(monkeypatch)
    return Tool(folder, monkeypatch)


def nothing_is_stuck(tool: Tool, db: str = "tmx.db") -> None:
    """Check that every unfinished row can be claimed at once, or belongs to a worker that is known to be lost."""
    assert tool.one("select count(*) from attempts where outcome <> 'lost'", db=db) == 0
    assert (
        tool.column("select distinct status from jobs where status not in ('pending', 'done', 'running')", db=db) == []
    )


def all_is_done(tool: Tool, site: RunningSite, data: Path, db: str = "tmx.db") -> None:
    assert tool.column("select distinct status from jobs", db=db) == ["done"]
    replays = tool.rows("select replay_id, file_path from replays", db=db)
    assert len(replays) == 120
    for row in replays:
        assert (data / row["file_path"]).read_bytes() == site.expected_replay(row["replay_id"])
    assert not list(data.rglob(".partial/*"))


def test_a_full_data_disk_stops_the_run_until_there_is_room(tool: Tool, site: RunningSite, disk: Disk) -> None:
    tool("--site", site.url, "sync-tracks")
    ran = tool("--data", disk.folder, "run", "--n", 4, ends=1)
    assert ran.error.endswith("the disk is full. Make room, then run the same command again: nothing is lost.")
    nothing_is_stuck(tool)
    assert 10 < tool.one("select count(*) from replays where status = 'done'") < 120
    for row in tool.rows("select replay_id, file_path from replays where status = 'done'"):
        assert (disk.folder / row["file_path"]).read_bytes() == site.expected_replay(row["replay_id"])
    assert not list(disk.folder.rglob(".partial/*"))
    assert tool("--data", disk.folder, "run", ends=None).status == 1  # still full: still one sentence
    disk.remount("size=50m")
    tool("--data", disk.folder, "run", "--n", 4)
    all_is_done(tool, site, disk.folder)


def test_a_full_database_disk_stops_the_run_until_there_is_room(tool: Tool, site: RunningSite, disk: Disk) -> None:
    db = str(disk.folder / "tmx.db")
    tool("--site", site.url, "--db", db, "sync-tracks")
    used = sum(path.stat().st_size for path in disk.folder.iterdir())
    (disk.folder / "others").write_bytes(bytes(2 * 2**20 - used - 100 * 1024))
    ran = tool("--db", db, "--data", "data", "run", "--n", 4, ends=1)
    assert ran.error.endswith("disk is full. Make room, then run the same command again: nothing is lost.")
    (disk.folder / "others").unlink()
    nothing_is_stuck(tool, db)
    disk.remount("size=50m")
    tool("--db", db, "--data", "data", "run", "--n", 4)
    all_is_done(tool, site, tool.folder / "data", db)


@pytest.mark.parametrize(
    ("what", "advice"),
    [("data", "Check the permissions"), ("database", "Check that its folder exists and can be written.")],
)
def test_a_disk_that_became_read_only_is_one_sentence(
    tool: Tool, site: RunningSite, disk: Disk, what: str, advice: str
) -> None:
    db = str(disk.folder / "tmx.db") if what == "database" else "tmx.db"
    data = disk.folder if what == "data" else tool.folder / "data"
    tool("--site", site.url, "--db", db, "sync-tracks")
    disk.remount("ro,size=50m")
    ran = tool("--db", db, "--data", data, "run", ends=1)
    assert advice in ran.error
    disk.remount("rw,size=50m")
    tool("--db", db, "--data", data, "run")
    all_is_done(tool, site, data, db)


def test_a_database_that_cannot_grow_stops_the_run(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "sync-tracks")
    with monkeypatch.context() as patch:
        pages = os.path.getsize("tmx.db") // 4096 + 3
        patch.setattr(engine, "_PRAGMAS", (*engine._PRAGMAS, f"PRAGMA max_page_count = {pages}"))
        ran = tool("run", "--n", 4, ends=1)
    assert ran.error.endswith("disk is full. Make room, then run the same command again: nothing is lost.")
    nothing_is_stuck(tool)
    tool("run", "--n", 4)
    all_is_done(tool, site, tool.folder / "data")


@pytest.mark.parametrize("kb", [20, 100, 200, 400])
def test_a_limit_on_the_size_of_files_stops_the_run(tool: Tool, site: RunningSite, kb: int) -> None:
    """The limit first affects files of 30 kB, then the log of the database, then the database."""
    tool("--site", site.url, "sync-tracks")
    with tool.started("run", "--n", 4, before=_files_of_at_most(kb)) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 1, err
    assert "Traceback" not in err
    assert [line for line in err.splitlines() if line.startswith("Error: ")], err
    nothing_is_stuck(tool)
    tool("run", "--n", 4)
    all_is_done(tool, site, tool.folder / "data")


def _files_of_at_most(kb: int) -> Callable[[], None]:
    import resource

    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (kb * 1024, kb * 1024))
