"""The data folder has to stay the one that a run began with."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from tests.capture.output.test_manifest import RUN
from tmxdb.capture.output.folder import CaptureFolder, read_complete
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import DiskError
from tmxdb.storage import Storage
from tmxdb.storage.folder_identity import MARKER
from tmxdb.storage.new_file import NewFile

FRAMES = "frames/1/a"


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    (tmp_path / "data").mkdir()
    storage = Storage(tmp_path / "data")
    storage.identity.remember("an-id")
    return storage


def publish(storage: Storage) -> None:
    with storage.new_file("replays/1/a.Replay.Gbx", owner="me") as file:
        file.write(b"x")
        file.publish()


def test_the_marker_names_the_first_database_and_is_kept(storage: Storage) -> None:
    storage.identity.remember("another-id")
    assert (storage.root / MARKER).read_text() == "an-id\n"
    publish(storage)
    assert storage.read("replays/1/a.Replay.Gbx") == b"x"


@pytest.mark.parametrize("empty_folder", [False, True])
def test_no_file_is_written_after_the_folder_was_moved(storage: Storage, empty_folder: bool) -> None:
    storage.root.rename(storage.root.with_name("elsewhere"))
    if empty_folder:
        storage.root.mkdir()
    with pytest.raises(DiskError, match="was moved, replaced or unmounted") as caught:
        publish(storage)
    assert caught.value.code == "disk.moved"
    assert not empty_folder or list(storage.root.iterdir()) == []


def test_a_folder_moved_while_a_file_is_written_gets_no_file(storage: Storage) -> None:
    with storage.new_file("replays/1/a.Replay.Gbx", owner="me") as file:
        file.write(b"x")
        storage.root.rename(storage.root.with_name("elsewhere"))
        storage.root.mkdir()
        with pytest.raises(DiskError, match="was moved, replaced or unmounted"):
            file.publish()
    assert list(storage.root.iterdir()) == []


@pytest.mark.parametrize("empty_folder", [False, True])
def test_a_folder_moved_just_before_a_file_is_renamed_gets_no_done_row(
    storage: Storage, empty_folder: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move_folder(file: NewFile) -> IO[bytes]:
        elsewhere = storage.root.with_name("elsewhere")
        if not elsewhere.exists():
            storage.root.rename(elsewhere)
            if empty_folder:
                storage.root.mkdir()
        return flush(file)

    flush = NewFile._flush
    monkeypatch.setattr(NewFile, "_flush", move_folder)
    with pytest.raises(DiskError, match="was moved, replaced or unmounted"):
        publish(storage)
    assert storage.root.exists() == empty_folder


def test_a_folder_moved_during_a_capture_gets_no_frames(storage: Storage) -> None:
    folder = CaptureFolder(storage, "frames/1/run", CaptureSettings(), owner="me")
    storage.root.rename(storage.root.with_name("elsewhere"))
    storage.root.mkdir()
    with pytest.raises(DiskError, match="was moved, replaced or unmounted"):
        folder.publish(replace(RUN, total_frames=0))
    folder.close()
    assert list(storage.root.iterdir()) == []


def test_a_folder_that_was_not_remembered_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    publish(Storage(tmp_path / "data"))
    assert not (tmp_path / "data" / MARKER).exists()


def test_a_folder_that_cannot_be_looked_at_is_not_called_moved(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("tmxdb.storage.folder_identity.os.stat", fail)
    with pytest.raises(DiskError, match="Check the disk") as caught:
        storage.identity.check()
    assert caught.value.code == "disk.failed"


def test_frames_that_cannot_be_read_now_are_not_captured_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Capturing them again would replace the folder."""
    (storage.root / FRAMES).mkdir(parents=True)

    def fail(path: Path) -> bytes:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    assert read_complete(storage, FRAMES, RUN.replay_id, CaptureSettings()) is None
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(DiskError, match="too many files are open"):
        read_complete(storage, FRAMES, RUN.replay_id, CaptureSettings())
