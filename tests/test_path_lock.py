"""A process that is stopped between the last check and the rename cannot replace what another one published since."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.capture.output.test_manifest import RUN
from tests.tool import Tool
from tmxdb.capture.output.folder import CaptureFolder, read_complete
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import RetryLater
from tmxdb.storage import Storage

PATH, FRAMES = "replays/1/a.Replay.Gbx", "frames/1/run"
STOPS_ITSELF = """
import signal, sys, threading
from dataclasses import replace
from pathlib import Path
from tests.capture.output.test_manifest import RUN
from tmxdb.capture.output.folder import CaptureFolder
from tmxdb.capture.settings import CaptureSettings
from tmxdb.storage import Storage, durable

def stop_first(rename):
    def stopping(*paths):
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        rename(*paths)
    return stopping

durable.replace, durable.rename = stop_first(durable.replace), stop_first(durable.rename)
storage = Storage(Path("data"))
if sys.argv[1] == "file":
    with storage.new_file("replays/1/a.Replay.Gbx", owner="late") as file:
        file.write(b"late")
        file.publish()
else:
    CaptureFolder(storage, "frames/1/run", CaptureSettings(), owner="late").publish(replace(RUN, total_frames=0))
"""
needs_stops = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that stops a process")


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setattr("tmxdb.storage.path_lock.WAIT_S", 0.05)
    (tmp_path / "data").mkdir()
    storage = Storage(tmp_path / "data")
    storage.identity.remember("an-id")
    return storage


@contextmanager
def stopped_before_rename(storage: Storage, what: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that publishes, and stops itself between the last check and the rename."""
    command = [sys.executable, "-c", STOPS_ITSELF, what]
    with subprocess.Popen(command, cwd=storage.root.parent, env=Tool.environment()) as process:
        try:
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            assert process.poll() is None
            yield process
        finally:
            process.kill()


def publish(storage: Storage, data: bytes) -> None:
    with storage.new_file(PATH, owner="me") as file:
        file.write(data)
        file.publish()


@needs_stops
@pytest.mark.parametrize("end", ["SIGCONT", "SIGKILL"])  # by name: Windows has neither
def test_a_file_is_published_only_when_the_stopped_process_has_continued_or_is_gone(storage: Storage, end: str) -> None:
    with stopped_before_rename(storage, "file") as process:
        with pytest.raises(RetryLater, match="is about to publish this file") as caught:
            publish(storage, b"mine")
        assert (caught.value.code, storage.read(PATH)) == ("disk.locked", None)
        process.send_signal(signal.Signals[end])
        process.wait(30)
        assert storage.read(PATH) == (b"late" if end == "SIGCONT" else None)
        publish(storage, b"mine")
    assert storage.read(PATH) == b"mine"


@needs_stops
def test_a_file_that_a_stopped_process_is_about_to_replace_is_not_adopted(storage: Storage) -> None:
    publish(storage, b"older")
    with stopped_before_rename(storage, "file") as process:
        with pytest.raises(RetryLater, match="is about to publish this file"):
            storage.kept(PATH, b"older")
        process.send_signal(signal.SIGCONT)
        process.wait(30)
    assert not storage.kept(PATH, b"older")
    assert storage.kept(PATH, b"late")


@needs_stops
def test_a_folder_of_frames_is_published_and_adopted_only_after_that(storage: Storage) -> None:
    folder = CaptureFolder(storage, FRAMES, CaptureSettings(), owner="me")
    with stopped_before_rename(storage, "folder") as process:
        with pytest.raises(RetryLater, match="is about to publish this file"):
            folder.publish(replace(RUN, total_frames=0))
        with pytest.raises(RetryLater, match="is about to publish this file"):
            read_complete(storage, FRAMES, RUN.replay_id, CaptureSettings())
        process.send_signal(signal.SIGCONT)
        process.wait(30)
    folder.discard()
    assert read_complete(storage, FRAMES, RUN.replay_id, CaptureSettings()) is not None


def test_threads_wait_for_each_other_and_other_paths_do_not_wait(storage: Storage) -> None:
    caught: list[RetryLater] = []

    def publish_too() -> None:
        try:
            publish(storage, b"x")
        except RetryLater as error:
            caught.append(error)

    with storage.lock(PATH):
        with storage.lock("replays/1/another"):
            pass
        thread = threading.Thread(target=publish_too)
        thread.start()
        thread.join(30)
    assert [error.code for error in caught] == ["disk.locked"]


def test_the_claim_is_checked_under_the_lock_and_a_refusal_publishes_nothing(storage: Storage) -> None:
    def refuse() -> None:
        with pytest.raises(RetryLater, match="is about to publish this file"), storage.lock(PATH):
            pass
        raise LookupError("claim lost")

    with storage.new_file(PATH, owner="me") as file:
        file.write(b"x")
        with pytest.raises(LookupError, match="claim lost"):
            file.publish(refuse)
    assert storage.read(PATH) is None
    assert storage.partial_files() == []


@pytest.mark.parametrize("whole_marker", [False, True], ids=["locks of bytes", "a lock of the whole marker"])
def test_several_paths_are_locked_together(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, whole_marker: bool
) -> None:
    if whole_marker:
        if os.name == "nt":
            pytest.skip("Windows always locks bytes: it has no lock of the whole marker.")
        monkeypatch.setattr("tmxdb.storage.path_lock._OPEN_FILE_LOCK", None)
    with storage.lock("a", "b", "a"):
        for path in ("a", "b"):
            with pytest.raises(RetryLater, match=f"^{path}: another tmxdb process"), storage.lock(path):
                pass
    with storage.lock("a", "b"):
        pass
    monkeypatch.setattr("tmxdb.storage.path_lock._byte_of", lambda path: 2**20)  # two paths with the same byte
    with storage.lock("a", "b"):
        pass
