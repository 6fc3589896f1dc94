"""A folder lock has one holder across threads and processes, and ends when its holder is killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb.errors import GameError
from tmxdb.game.locks import folder_lock as folder_lock_module
from tmxdb.game.locks.folder_lock import folder_lock

HOLD = """
import sys
from pathlib import Path
from tmxdb.game.locks.folder_lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


@contextmanager
def locked_by_a_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the lock until its input ends."""
    words = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(
        words, env=Tool.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == "in\n"
            yield holder
        finally:
            holder.kill()


def test_waiting_too_long_raises_an_error_that_names_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock_module, "TIMEOUT_S", 0.05)
    with locked_by_a_process(tmp_path), pytest.raises(GameError) as busy, folder_lock(tmp_path):
        pass
    assert busy.value.code == "game.folder_busy"
    assert str(tmp_path) in busy.value.message


def test_the_lock_is_taken_when_its_holder_releases_it(tmp_path: Path) -> None:
    with locked_by_a_process(tmp_path) as holder:
        assert holder.stdin
        threading.Timer(0.2, holder.stdin.close).start()
        with folder_lock(tmp_path):
            assert holder.wait(300) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_lock_ends_with_a_killed_holder_and_leaves_no_file(tmp_path: Path) -> None:
    with locked_by_a_process(tmp_path) as holder:
        holder.kill()
        holder.wait()
        with folder_lock(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_block_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), folder_lock(tmp_path):
        _ = 1 // 0
    assert list(tmp_path.iterdir()) == []
    with folder_lock(tmp_path):
        pass


def test_threads_of_one_process_hold_it_one_at_a_time(tmp_path: Path) -> None:
    inside, most, entered = 0, 0, 0

    def enter() -> None:
        nonlocal inside, most, entered
        for _ in range(25):
            with folder_lock(tmp_path):
                inside += 1
                most = max(most, inside)
                (tmp_path / "work").write_bytes(b"a moment in which another thread could run")
                entered += 1
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert (most, entered) == (1, 100)
    assert [file.name for file in tmp_path.iterdir()] == ["work"]
