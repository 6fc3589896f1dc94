"""Processes that share the files of a command: they leave Ctrl-C to it, end with it, and may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.gbx.made import a_replay
from tests.processes import is_running, needs_ctrl_c
from tests.tool import Tool, until
from tmxdb.child_processes import without_ctrl_c
from tmxdb.errors import ResourcesExhausted
from tmxdb.process_pool import end_processes, process_pool

ROOT = Path(__file__).resolve().parents[1]
POOL = """
import os, sys, time
from tests.test_child_processes import process_id
from tmxdb.process_pool import process_pool

if __name__ == "__main__":
    with process_pool(2) as pool:
        print(*{pool.submit(process_id).result(), pool.submit(process_id).result()}, flush=True)
        time.sleep(300)
"""


def process_id() -> int:
    """Return the id of the process that runs this."""
    return os.getpid()


def die() -> None:
    """End the process that runs this, as a system without memory ends it."""
    psutil.Process().kill()


def test_a_computer_with_many_cores_gets_as_many_processes_as_windows_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")  # there, more than 61 raise ValueError
    with process_pool(128):
        pass


def test_nothing_of_a_pool_is_left_when_its_processes_were_ended() -> None:
    """Its thread would write to a pipe that is being closed, if the program ended at that moment."""
    before = set(threading.enumerate())
    with process_pool(2) as pool:
        pool.submit(process_id).result()
        running = [pool.submit(time.sleep, 300) for _ in range(20)]
        end_processes(pool)
        assert set(threading.enumerate()) == before
    assert all(future.done() for future in running)


def test_a_process_that_dies_is_an_error_of_one_sentence() -> None:
    with (
        pytest.raises(ResourcesExhausted, match=r"^A process that read files died, .* again, with fewer processes"),
        process_pool(1) as pool,
    ):
        pool.submit(die).result()


def test_the_processes_end_if_the_command_is_killed(tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(POOL)
    command = subprocess.Popen(
        [sys.executable, "pool.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    try:
        processes = [psutil.Process(int(word)) for word in command.stdout.readline().split()]
    finally:
        command.kill()
        command.wait()
        command.stdout.close()
    assert processes
    until(lambda: not any(map(is_running, processes)))


@needs_ctrl_c
def test_ctrl_c_does_not_reach_a_process_however_soon_it_is_pressed() -> None:
    with without_ctrl_c():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child.send_signal(signal.SIGINT)  # while Python starts
    child.communicate(b"\n", timeout=300)
    assert child.returncode == 0


@needs_ctrl_c
def test_ctrl_c_is_not_lost_while_a_process_starts() -> None:
    with pytest.raises(KeyboardInterrupt):
        _press_ctrl_c_while_a_process_starts()


def _press_ctrl_c_while_a_process_starts() -> None:
    with without_ctrl_c():
        os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)


def test_a_module_in_the_current_folder_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "replays").mkdir()
    for i in range(3):
        (tmp_path / "replays" / f"{i}.Replay.Gbx").write_bytes(a_replay(race_time_ms=6_110 + i))
    (tmp_path / "socket.py").write_text("raise SystemExit('the wrong module was imported')")
    command = tmp_path / "scripts" / "tmxdb-command.py"  # Python puts its folder on the path, as that of `tmxdb`
    command.parent.mkdir()
    command.write_text("from tmxdb.__main__ import run\nif __name__ == '__main__':\n    run()\n")
    ran = subprocess.run(
        [sys.executable, str(command), "gbx", "show", "--json", "--processes", "2", "replays"],
        cwd=tmp_path, env=Tool.environment(), capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(ran.stdout.splitlines()) == 3
