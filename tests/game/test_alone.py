"""One at a time in a folder: across threads and processes, and after a holder was killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tmxdb.errors import GameTrouble
from tmxdb.game import alone
from tmxdb.game.alone import alone_in

from ..tool import Tool

HOLD = """
import sys
from pathlib import Path
from tmxdb.game.alone import alone_in
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


@contextmanager
def somebody_in(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is alone in the folder; it leaves when its input ends."""
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


def test_whoever_waits_too_long_is_told_which_folder_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alone, "PATIENCE_S", 0.05)
    with somebody_in(tmp_path), pytest.raises(GameTrouble) as busy, alone_in(tmp_path):
        pass
    assert busy.value.code == "game.folder_busy"
    assert str(tmp_path) in busy.value.message


def test_the_next_one_enters_when_the_one_before_leaves(tmp_path: Path) -> None:
    with somebody_in(tmp_path) as holder:
        assert holder.stdin
        threading.Timer(0.2, holder.stdin.close).start()
        with alone_in(tmp_path):
            assert holder.wait(30) == 0
    assert list(tmp_path.iterdir()) == []


def test_the_lock_ends_with_its_holder_and_no_file_stays(tmp_path: Path) -> None:
    with somebody_in(tmp_path) as holder:
        holder.kill()
        holder.wait()
        with alone_in(tmp_path):
            pass
    assert list(tmp_path.iterdir()) == []


def test_it_ends_with_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone_in(tmp_path):
        _ = 1 // 0
    assert list(tmp_path.iterdir()) == []
    with alone_in(tmp_path):
        pass


def test_threads_of_one_process_enter_one_after_the_other(tmp_path: Path) -> None:
    inside, most, entered = 0, 0, 0

    def enter() -> None:
        nonlocal inside, most, entered
        for _ in range(25):
            with alone_in(tmp_path):
                inside += 1
                most = max(most, inside)
                (tmp_path / "work").write_bytes(b"a moment in which another thread could run")
                entered += 1
                inside -= 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, entered) == (1, 100)
    assert [file.name for file in tmp_path.iterdir()] == ["work"]
