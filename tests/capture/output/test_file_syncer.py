"""The files of a capture are synced by several threads: all of them, and few are open at the same time."""

from __future__ import annotations

import errno
import os
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.queue.fakes import wait_until
from tmxdb.capture.output import file_syncer
from tmxdb.capture.output.file_syncer import MAX_UNSYNCED_FILES, FileSyncer


def add_files(syncer: FileSyncer, folder: Path, files: int, opened: list[Any]) -> None:
    for number in range(files):
        opened.append(open(folder / f"{number}", "x+b", buffering=0))  # noqa: SIM115 (closed by the syncer)
        syncer.add(opened[-1])


@pytest.mark.parametrize("files", [1, 16, 300])
def test_every_file_is_synced_and_closed_when_it_has_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(file_syncer.os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    syncer, opened = FileSyncer(), list[Any]()
    add_files(syncer, tmp_path, files, opened)
    syncer.finish()
    assert sorted(synced) == sorted(file.stat().st_ino for file in tmp_path.iterdir())
    assert len(synced) == files
    assert all(file.closed for file in opened)


def test_it_can_be_used_again_after_it_has_finished(tmp_path: Path) -> None:
    syncer, opened = FileSyncer(), list[Any]()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        add_files(syncer, tmp_path / name, 20, opened)
        syncer.finish()
        assert all(file.closed for file in opened)


def test_a_slow_disk_stops_the_writer_before_too_many_files_are_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, calls = threading.Event(), threading.Semaphore(0)

    def fsync(handle: int) -> None:
        calls.release()
        go.wait(120)

    monkeypatch.setattr(file_syncer.os, "fsync", fsync)
    syncer, opened = FileSyncer(), list[Any]()
    writer = threading.Thread(target=add_files, args=(syncer, tmp_path, 3 * MAX_UNSYNCED_FILES, opened), daemon=True)
    writer.start()
    for _ in range(file_syncer.SYNC_THREADS):
        assert calls.acquire(timeout=120)
    wait_until(lambda: len(opened) == MAX_UNSYNCED_FILES)
    writer.join(0.5)
    assert writer.is_alive()
    assert len(opened) == MAX_UNSYNCED_FILES
    go.set()
    writer.join(120)
    syncer.finish()
    assert all(file.closed for file in opened)


def test_one_file_that_cannot_be_synced_fails_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count()

    def fsync(handle: int) -> None:
        if next(calls) == 17:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(file_syncer.os, "fsync", fsync)
    syncer, opened = FileSyncer(), list[Any]()
    with pytest.raises(OSError, match="Input/output error"):  # noqa: PT012 (either of them raises)
        add_files(syncer, tmp_path, 40, opened)
        syncer.finish()
    syncer.stop()
    assert all(file.closed for file in opened)
