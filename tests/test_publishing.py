"""Files that are published together: each is durable before any has its name, and none is left half done."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash.power import Recorder
from tmxdb.errors import DatabaseError, DiskError, PermanentError, RetryLater
from tmxdb.storage import NewFile, Storage, durable, path_lock, publishing


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data")


def names_in(storage: Storage) -> list[str]:
    """Return the paths of all files in the data folder."""
    return sorted(path.relative_to(storage.root).as_posix() for path in storage.root.rglob("*") if path.is_file())


def together(storage: Storage, names: list[str], confirmed: list[bool] | None = None) -> list[bool | BaseException]:
    with ExitStack() as opened:
        new = [opened.enter_context(storage.new_file(f"replays/7/{name}", owner="me")) for name in names]
        for file in new:
            file.write(file.path.encode())
        return storage.publish_together(new, lambda files: confirmed or [True] * len(files))


def test_files_published_together_are_those_that_are_still_wanted(storage: Storage) -> None:
    assert together(storage, ["a", "b", "c"], [True, False, True]) == [True, False, True]
    assert names_in(storage) == ["replays/7/a", "replays/7/c"]
    assert storage.read("replays/7/c") == b"replays/7/c"
    assert together(storage, []) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot sync folders")
def test_files_published_together_are_synced_before_any_has_its_name_and_their_folder_once_after(
    storage: Storage, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path, tmp_path / "none")
    with recorder.recording():
        together(storage, ["first"])  # which makes the folders
        before = len(recorder.events)
        together(storage, [f"{i}" for i in range(40)])
    steps = [event.what for event in recorder.events[before:] if event.what in ("sync", "name")]
    assert steps == ["sync"] * 40 + ["name"] * 40 + ["sync"]


def test_a_file_that_cannot_be_synced_does_not_get_its_name(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fsync, list[int]()

    def failing(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(handle)

    together(storage, ["first"])
    monkeypatch.setattr(os, "fsync", failing)
    for name in ("SYNC_THREADS", "FEW_THREADS"):
        monkeypatch.setattr(publishing, name, 1)
    a, b, c = together(storage, ["a", "b", "c"])
    assert (a, type(b), c) == (True, DiskError, True)
    assert names_in(storage) == ["replays/7/a", "replays/7/c", "replays/7/first"]


def test_a_file_whose_name_is_locked_does_not_hold_up_the_others(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    together(storage, ["first"])
    storage.identity.remember("an-id")
    monkeypatch.setattr(path_lock, "WAIT_S", 0.05)
    with storage.lock("replays/7/b"):
        a, b, c = together(storage, ["a", "b", "c"])
    assert isinstance(b, RetryLater)
    assert (a, b.code, c) == (True, "disk.locked", True)
    assert names_in(storage)[1:] == ["replays/7/a", "replays/7/c", "replays/7/first"]


def test_a_file_that_cannot_be_renamed_gets_its_own_error(storage: Storage) -> None:
    (storage.root / "replays/7/b").mkdir(parents=True)
    a, b, c = together(storage, ["a", "b", "c"])
    assert (a, type(b), c) == (True, PermanentError, True)
    assert names_in(storage) == ["replays/7/a", "replays/7/c"]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot sync folders")
def test_no_file_of_a_folder_that_cannot_be_synced_counts_as_published(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    together(storage, ["first", "../8/second"])
    real = durable.sync_folder

    def failing(folder: str) -> None:
        if folder.endswith("7"):
            raise OSError(errno.EIO, "Input/output error")
        real(folder)

    monkeypatch.setattr(durable, "sync_folder", failing)
    assert [type(result) for result in together(storage, ["a", "../8/b", "c"])] == [DiskError, bool, DiskError]


def test_no_file_gets_its_name_if_the_claims_cannot_be_checked(storage: Storage) -> None:
    def unavailable(files: Sequence[NewFile]) -> list[bool]:
        raise DatabaseError("m", code="db.busy")

    with storage.new_file("replays/7/a", owner="me") as file:
        file.write(b"a")
        with pytest.raises(DatabaseError):
            storage.publish_together([file], unavailable)
    assert names_in(storage) == []
