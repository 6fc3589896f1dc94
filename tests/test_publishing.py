"""Files that are published together: each is durable before any has its name, and none is left half done."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.crash.power import Recorder
from tmxdb.errors import DiskError
from tmxdb.storage import Storage, publish_together


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "data")


def names_in(storage: Storage) -> list[str]:
    """Return the paths of all files in the data folder."""
    return sorted(path.relative_to(storage.root).as_posix() for path in storage.root.rglob("*") if path.is_file())


def together(storage: Storage, names: list[str], confirmed: list[bool] | None = None) -> list[bool]:
    with ExitStack() as opened:
        new = [opened.enter_context(storage.new_file(f"replays/7/{name}", owner="me")) for name in names]
        for file in new:
            file.write(file.path.encode())
        return publish_together(new, lambda: confirmed or [True] * len(new))


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


def test_none_of_several_files_gets_its_name_if_one_cannot_be_synced(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, list[int]()

    def failing(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(errno.EIO, "Input/output error")
        real(handle)

    together(storage, ["first"])
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(DiskError):
        together(storage, ["a", "b", "c", "d"])
    assert names_in(storage) == ["replays/7/first"]
