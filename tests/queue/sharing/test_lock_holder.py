"""A process that is stopped inside a write transaction: the others wait for it, and say which one it is."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.processes import resume, suspend
from tests.queue.fakes import EventLog, FakeKind, wait_until, working
from tests.rows import Rows
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.db.engines import postgresql as postgresql_engine
from tmxdb.db.engines import sqlite as sqlite_engine
from tmxdb.events import DatabaseUnavailable
from tmxdb.process_identity import process_started_ms, this_machine
from tmxdb.queue import lock_holder as lock_holder_module
from tmxdb.queue.lock_holder import file_lock_holder, lock_holder
from tmxdb.queue.loop import worker as worker_module
from tmxdb.queue.loop.run_options import RunOptions
from tmxdb.queue.worker_registry import Identity, register

lists_locks = pytest.mark.skipif(
    sys.platform == "win32" or not Path("/proc/locks").exists(),  # Wine shows the file of Linux
    reason="only Linux lists file locks",
)
HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


@contextmanager
def holding(database: Database) -> Iterator[subprocess.Popen[str]]:
    """A process inside a write transaction; it ends it when it reads a line."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(database.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout
            assert child.stdout.readline() == "held\n"
            yield child
        finally:
            child.kill()


@lists_locks
def test_the_process_that_holds_the_write_lock_is_found(sqlite: Database) -> None:
    assert sqlite.path
    Rows(sqlite).replay(1)
    assert lock_holder(sqlite) is None
    with holding(sqlite) as child:
        holder = file_lock_holder(sqlite.path)
        assert holder is not None
        assert (holder.pid, holder.is_stopped) == (child.pid, False)
        suspend(child)
        wait_until(lambda: f"kill -CONT {child.pid}" in str(lock_holder(sqlite)))
    assert lock_holder(sqlite) is None


def listed(pid: int, device: str, file: Path) -> str:
    """Return the line of /proc/locks about a writer to `file`."""
    return f"1: POSIX  ADVISORY  WRITE {pid} {device}:{file.stat().st_ino} 120 120\n"


@lists_locks
def test_a_lock_on_a_file_with_the_same_inode_on_another_file_system_is_not_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks, file = tmp_path / "locks", tmp_path / "tmx.db-shm"
    file.touch()
    monkeypatch.setattr(lock_holder_module, "LOCKS", locks)
    locks.write_text(listed(os.getppid(), "fff:fffff", file))
    assert file_lock_holder(tmp_path / "tmx.db") is None


@lists_locks
def test_the_holder_is_found_where_files_report_another_device_than_their_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks, mounts, file = tmp_path / "locks", tmp_path / "mountinfo", tmp_path / "tmx.db-shm"
    file.touch()
    monkeypatch.setattr(lock_holder_module, "LOCKS", locks)
    monkeypatch.setattr(lock_holder_module, "MOUNTS", mounts)
    locks.write_text(listed(os.getppid(), "00:29", file))
    with file.open() as opened:
        details = Path(f"/proc/self/fdinfo/{opened.fileno()}").read_text().split()
    mount = details[details.index("mnt_id:") + 1]
    mounts.write_text(f"{mount}0 1 0:40 / / rw - ext4 a rw\n{mount} 1 0:41 / / rw - btrfs b rw\n")
    holder = file_lock_holder(tmp_path / "tmx.db")
    assert holder is not None
    assert holder.pid == os.getppid()


@lists_locks
def test_without_a_list_of_mounts_the_device_of_the_file_counts(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks, mounts, file = tmp_path / "locks", tmp_path / "mountinfo", tmp_path / "tmx.db-shm"
    file.touch()
    mounts.touch()
    monkeypatch.setattr(lock_holder_module, "LOCKS", locks)
    monkeypatch.setattr(lock_holder_module, "MOUNTS", mounts)
    device = file.stat().st_dev
    locks.write_text(listed(os.getppid(), f"{os.major(device):02x}:{os.minor(device):02x}", file))
    holder = file_lock_holder(tmp_path / "tmx.db")
    assert holder is not None
    assert holder.pid == os.getppid()
    locks.write_text(listed(os.getppid(), "fff:fffff", file))
    assert file_lock_holder(tmp_path / "tmx.db") is None


@lists_locks
def test_a_lock_of_flock_is_not_one_that_sqlite_waits_for(tmp_path: Path) -> None:
    import fcntl

    file = tmp_path / "tmx.db-shm"
    hold = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    file.touch()
    with (
        subprocess.Popen(
            [sys.executable, "-c", hold, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child,
        file.open() as other,
    ):
        assert child.stdout
        assert child.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert file_lock_holder(tmp_path / "tmx.db") is None
        child.kill()


@lists_locks
def test_looking_for_the_holder_keeps_the_locks_of_this_process(sqlite: Database) -> None:
    assert sqlite.path
    begin = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    with sqlite.write():
        assert file_lock_holder(sqlite.path) is None
        ran = subprocess.run([sys.executable, "-c", begin, sqlite.path], capture_output=True, text=True, timeout=60)
    assert "database is locked" in ran.stderr


def test_no_holder_is_found_for_a_missing_file(tmp_path: Path) -> None:
    assert file_lock_holder(tmp_path / "missing.db") is None


def test_a_stopped_worker_is_named_where_the_system_lists_no_locks(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_holder_module, "LOCKS", Path("missing"))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = Identity("late", "here", this_machine(), child.pid, process_started_ms(child.pid) or 0)
        with sqlite.write() as connection:
            register(connection, identity, ["download"], 1, wall_clock())
        assert lock_holder(sqlite) is None
        suspend(child)
        wait_until(lambda: f"process ID {child.pid} is stopped" in str(lock_holder(sqlite)))
        child.kill()
    assert lock_holder(sqlite) is None


def test_the_session_that_holds_a_lock_on_a_server_is_named_until_it_ends(
    postgresql: Database, reopen: Callable[[Database], Database]
) -> None:
    Rows(postgresql).replay(1)
    assert lock_holder(postgresql) is None
    with reopen(postgresql).write() as connection:
        connection.execute(text("update replays set priority = 7"))
        pid = connection.execute(text("select pg_backend_pid()")).scalar()
        name = f"tmxdb on {platform.node()}, process {os.getpid()}"[:63]
        sentence = lock_holder(postgresql)
        assert sentence is not None
        assert sentence.startswith(f"Session {pid} ({name}")
        assert f"pg_terminate_backend({pid})" in sentence
    assert lock_holder(postgresql) is None


def test_a_worker_waits_for_a_session_of_a_server_however_long_and_names_it(
    postgresql: Database, reopen: Callable[[Database], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_engine, "LOCK_TIMEOUT_MS", 100)
    monkeypatch.setattr(worker_module, "DATABASE_RETRY_S", 0.01)
    monkeypatch.setattr(worker_module, "MAX_DATABASE_OUTAGE_S", 0.0)
    rows, log = Rows(postgresql), EventLog()
    rows.replay(1)
    with (
        reopen(postgresql).write() as connection,
        working(reopen(postgresql), [FakeKind()], RunOptions(n=1, forever=True), log=log) as thread,
    ):
        wait_until(lambda: len(rows.workers()) == 1)
        connection.execute(text("set local lock_timeout = 0"))  # this one may wait for the worker
        connection.execute(text("lock table replays in exclusive mode"))
        wait_until(lambda: any("Session" in str(event) for event in log.of(DatabaseUnavailable)), at_most_s=60)
        assert thread.is_alive()
        connection.rollback()


@lists_locks
def test_a_worker_waits_for_a_stopped_process_however_long_and_names_it(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "DATABASE_RETRY_S", 0.01)
    rows, log = Rows(sqlite), EventLog()
    with working(sqlite, [FakeKind()], RunOptions(n=1, forever=True), log=log) as thread:
        wait_until(lambda: len(rows.workers()) == 1)
        rows.replay(1)
        with holding(sqlite) as child:
            suspend(child)
            wait_until(lambda: (found := file_lock_holder(sqlite.path)) is not None and found.is_stopped)
            with monkeypatch.context() as patch:  # only now: each wait for the lock is really one for that process
                patch.setattr(sqlite_engine, "BUSY_TIMEOUT_S", 0.1)
                patch.setattr(worker_module, "MAX_DATABASE_OUTAGE_S", 0.0)
                wait_until(lambda: len(log.of(DatabaseUnavailable)) >= 3)
                assert thread.is_alive()
            assert f"Process {child.pid}" in str(log.of(DatabaseUnavailable)[-1])
            resume(child)
            assert child.stdin
            child.stdin.write("\n")
            child.stdin.flush()
            wait_until(
                lambda: rows.statuses() == {1: "done"},
            )
