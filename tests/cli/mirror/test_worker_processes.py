"""`work --processes`: several processes share one run, and stop, die and fail together in good order."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from tests.forked import AnyProcess
from tests.processes import is_running, needs_ctrl_c
from tests.tool import Tool, until
from tmxdb.cli.actions.mirror.work_request import WorkRequest
from tmxdb.cli.actions.mirror.worker_processes import SharedRun, _Reports, _WorkerProcess
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.options.game import CaptureGameOptions
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.options.work import WorkOptions
from tmxdb.events import Event, EventBus, KindPaused, WaitingForRetry
from tmxdb_sandbox import RunningSite

INTERRUPTED = 130


@pytest.mark.parametrize(
    ("n", "limit", "processes", "ns", "limits"),
    [
        (64, None, 2, [32, 32], [None, None]),
        (None, None, 3, [5, 5, 6], [None] * 3),
        (2, None, 4, [1, 1], [None, None]),
        (8, 7, 3, [2, 3, 3], [2, 2, 3]),
        (8, 1, 3, [8], [1]),
    ],
)
def test_the_processes_share_n_and_the_limit(
    n: int | None, limit: int | None, processes: int, ns: list[int], limits: list[int | None]
) -> None:
    options = WorkOptions(n=n, limit=limit, processes=processes)
    request = WorkRequest(
        ["download"], StorageOptions(), ExchangeOptions(), options, CaptureGameOptions(), OnlyOption()
    )
    shares = [share.request for share in SharedRun(request, Path("data"), "1", sends_nothing=False).shares()]
    assert [share.n for share in shares] == ns
    assert [share.work.limit for share in shares] == limits
    assert {share.processes for share in shares} == {1}


def test_captures_run_in_one_process(tool: Tool) -> None:
    ran = tool("work", "--kind", "list", "--kind", "capture", "--processes", 2, ends=2)
    assert "leave out --processes" in ran.error


@pytest.mark.slow
def test_all_is_done_once_and_counted(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    assert "7 done, 0 skipped, 0 failed." in tool("run", "--processes", 2, "--limit", 7).err
    site.set_faults(["not-gbx:10%:first=9:on=record"])
    ran = tool("run", "--processes", 2, "--max-attempts", 1, ends=3)
    failed = tool.one("select count(*) from replays where status = 'failed'")
    assert failed
    finished = sum(tool.one(f"select count(*) from {table} where finished_at is not null") for table in _TABLES)
    skipped = sum(tool.one(f"select count(*) from {table} where status = 'skipped'") for table in _TABLES)
    assert f"{finished - failed - skipped - 7:,} done, {skipped} skipped, {failed} failed." in ran.err
    assert ran.err.count("Failed: ") == min(failed, 5)
    assert "All is well." in tool("verify", "--hash").err


_TABLES = ("tracks", "replays", "maps")


@pytest.mark.slow
def test_what_all_processes_see_is_said_once(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("pause", "list", "--reason", "maintenance")
    ran = tool("work", "--kind", "list", "--processes", 3, "--no-wait")
    assert ran.err.count("list is paused (maintenance)") == 1


def test_events_that_every_process_reports_are_emitted_once_and_take_no_memory() -> None:
    first, second = (cast(_WorkerProcess, object()) for _ in range(2))
    emitted: list[Event] = []
    reports = _Reports(EventBus(emitted.append))
    paused = KindPaused("list", None, None)
    reports.emit(paused, first, is_first=True)
    reports.emit(paused, second, is_first=False)
    reports.emit(paused, second, is_first=True)  # the first process has ended, and `list` is still paused
    assert emitted == [paused]
    reports.emit(paused, second, is_first=True)  # it was resumed and paused again
    assert emitted == [paused] * 2
    for second_of_wait in range(1000):
        reports.emit(WaitingForRetry(1, 5_000_000, 2000 - second_of_wait), second, is_first=True)
    assert len(emitted) == 1002
    assert len(reports._last) == 2


@pytest.mark.slow
def test_an_error_in_one_process_stops_all_and_is_said_once(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.set_faults(["403:on=record"])
    ran = tool("work", "--kind", "download", "--processes", 2, ends=1)
    assert "refuses our requests" in ran.error
    assert _left_over(tool) == (0, 0)


@pytest.mark.slow
@needs_ctrl_c
def test_ctrl_c_stops_all_processes_in_good_order(tool: Tool, site: RunningSite) -> None:
    with _downloading(tool, site) as (first, workers):
        first.send_signal(signal.SIGINT)
        assert first.wait(300) == INTERRUPTED
        assert not any(map(is_running, workers))
    assert _left_over(tool) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("of_group", [True, False], ids=["SIGTERM to all", "SIGTERM to the first"])
@needs_ctrl_c
def test_sigterm_stops_all_processes_in_good_order(tool: Tool, site: RunningSite, of_group: bool) -> None:
    with _downloading(tool, site) as (first, workers):
        for worker in workers if of_group else ():
            worker.terminate()
        first.terminate()
        assert first.wait(300) == INTERRUPTED
        assert not any(map(is_running, workers))
    assert _left_over(tool) == (0, 0)


@pytest.mark.slow
def test_the_workers_stop_in_good_order_if_the_first_process_is_killed(tool: Tool, site: RunningSite) -> None:
    with _downloading(tool, site) as (first, workers):
        first.kill()
        until(lambda: not any(map(is_running, workers)))
    assert _left_over(tool) == (0, 0)


@pytest.mark.slow
def test_the_others_do_the_rows_of_a_worker_that_is_killed(tool: Tool, site: RunningSite) -> None:
    with _downloading(tool, site) as (first, workers):
        workers[0].kill()
        site.set_faults([])
        assert first.wait(300) == 0
        assert first.stderr is not None
        assert first.stderr.read().count("A worker process died: ") == 1
    assert tool.one("select count(*) from replays where status <> 'done'") == 0
    assert _left_over(tool) == (0, 0)
    assert "All is well." in tool("verify", "--hash").err


@pytest.mark.slow
def test_the_others_do_the_share_of_the_limit_of_a_worker_that_is_killed(tool: Tool, site: RunningSite) -> None:
    with _downloading(tool, site, "--limit", 8) as (first, workers):
        workers[0].kill()
        site.set_faults([])
        assert first.wait(300) == 0
    assert tool.one("select count(*) from replays where status = 'done'") == 8
    assert _left_over(tool) == (0, 0)


@pytest.mark.slow
def test_a_run_whose_workers_are_all_killed_ends_with_an_error(tool: Tool, site: RunningSite) -> None:
    with _downloading(tool, site) as (first, workers):
        for worker in workers:
            worker.kill()
        assert first.wait(300) == 1
        assert first.stderr is not None
        assert "Error: All worker processes died. Run the same command again" in first.stderr.read()
    site.set_faults([])
    tool("work", "--kind", "download")
    assert tool.one("select count(*) from replays where status <> 'done'") == 0


HANGING_WORKER = """
import threading, time
from multiprocessing import Pipe
from tmxdb.cli.actions.mirror import worker_processes

worker_processes.EXIT_AFTER_S = 0.1
commands, first = Pipe(duplex=False)
first.send("stop now")
threading.Thread(target=worker_processes._obey, args=(commands, threading.Event(), threading.Event())).start()
time.sleep(300)
"""


@pytest.mark.slow
def test_a_worker_that_hangs_is_ended_after_the_second_ctrl_c(tool: Tool) -> None:
    ended = subprocess.run([sys.executable, "-c", HANGING_WORKER], env=tool.environment(), timeout=300, check=False)
    assert ended.returncode == INTERRUPTED


FAILING_WORKERS = """
from tmxdb.cli import main
from tmxdb.cli.actions.mirror import worker_processes

def fail(*arguments, **options):
    raise {error}

worker_processes.run_worker = fail  # also in the worker processes: they import this file
if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "said", "is_fault"),
    [
        ("OSError(5, 'Input/output error', 'data')", "Error: data: Input/output error.", False),
        ("ValueError('a fault')", "Error: A worker process failed. Its traceback is above: please report it.", True),
    ],
)
def test_an_error_that_no_worker_expects_ends_the_run(
    tool: Tool, site: RunningSite, tmp_path: Path, error: str, said: str, is_fault: bool
) -> None:
    tool("--site", site.url, "sync-tracks")
    program = tmp_path / "failing.py"
    program.write_text(FAILING_WORKERS.format(error=error))
    command = [sys.executable, str(program), "work", "--kind", "list", "--processes", "2"]
    ran = subprocess.run(
        command, cwd=tool.folder, env=tool.environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert (ran.returncode, ran.stderr.count(said)) == (1, 1), ran.stderr
    assert ("Traceback" in ran.stderr) == is_fault, ran.stderr
    assert _left_over(tool) == (0, 0)


@contextmanager
def _downloading(tool: Tool, site: RunningSite, *options: object) -> Iterator[tuple[AnyProcess, list[psutil.Process]]]:
    """Start a slow download in two processes. Yield the first process and the two workers."""
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.set_faults(["slow:s=2:first=1000"])  # the first worker must not be done before the second one begins
    with tool.started("work", "--kind", "download", "--processes", 2, "--n", 2, *options) as first:
        until(lambda: len(tool.rows("select distinct claimed_by from replays where status = 'running'")) == 2)
        yield first, [psutil.Process(pid) for pid in tool.column("select pid from workers order by pid")]


def _left_over(tool: Tool) -> tuple[Any, Any]:
    """Return how many rows are running and how many workers are registered."""
    running = tool.one("select count(*) from replays where status = 'running'")
    return running, tool.one("select count(*) from workers")
