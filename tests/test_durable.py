"""Renames and deletions on Windows while another program holds the file open, with its errors injected."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tmxdb.errors import RetryLater
from tmxdb.failure_policy import Action, policy_for
from tmxdb.storage import Storage, disk_errors, durable


class HeldOpen:
    """Fails the first `times` calls of `real` as Windows does for a file that another program has open."""

    def __init__(self, real: Callable[..., None], winerror: int, times: float) -> None:
        self._real, self._winerror, self._times = real, winerror, times
        self.calls = 0

    def __call__(self, *paths: object) -> None:
        self.calls += 1
        if self.calls <= self._times:
            raise held(self._winerror)
        self._real(*paths)


def held(winerror: int) -> PermissionError:
    error = PermissionError(13, "The process cannot access the file")
    error.winerror = winerror  # type: ignore[attr-defined]  # exists on Windows only
    return error


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "RETRY_S", 0.1)


@pytest.mark.parametrize("winerror", [5, 32, 33])
@pytest.mark.parametrize("operation", ["replace", "rename", "unlink"])
def test_a_file_held_open_for_a_moment_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, winerror: int
) -> None:
    (tmp_path / "a").write_bytes(b"data")
    module, name = (durable, "_replace") if operation == "replace" else (os, operation)  # Windows replaces by itself
    failing = HeldOpen(getattr(module, name), winerror, 3)
    monkeypatch.setattr(module, name, failing)
    monkeypatch.setattr(durable, "RETRY_S", 30.0)  # three tries take longer than the short wait on a busy machine
    paths = [tmp_path / "a"] if operation == "unlink" else [tmp_path / "a", tmp_path / "b"]
    getattr(durable, operation)(*paths)
    assert failing.calls == 4
    assert [path.name for path in tmp_path.iterdir()] == ([] if operation == "unlink" else ["b"])


@pytest.mark.parametrize("winerror", [5, 32, 33])
def test_a_file_that_stays_held_open_costs_the_row_a_retry_and_does_not_stop_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winerror: int
) -> None:
    storage = Storage(tmp_path / "data")
    monkeypatch.setattr(durable, "_replace", HeldOpen(durable._replace, winerror, float("inf")))
    with pytest.raises(RetryLater) as caught, storage.new_file("replays/7/a", owner="me") as file:  # noqa: PT012
        file.write(b"data")
        file.publish()
    assert "another program has it open" in str(caught.value)
    assert "permissions" not in str(caught.value)
    assert caught.value.code == "disk.in_use"
    assert policy_for(caught.value).action is Action.RETRY
    assert storage.partial_files() == []


@pytest.mark.parametrize("winerror", [5, 32, 33, 145])
def test_a_folder_with_a_file_held_open_for_a_moment_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, winerror: int
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "picture").write_bytes(b"data")
    failing = HeldOpen(shutil.rmtree, winerror, 3)
    monkeypatch.setattr(shutil, "rmtree", failing)
    monkeypatch.setattr(durable, "RETRY_S", 30.0)
    durable.remove_tree(tmp_path / "a")
    assert failing.calls == 4
    assert list(tmp_path.iterdir()) == []
    durable.remove_tree(tmp_path / "a")  # is gone already


RAW = re.compile(r"\b(?:os\.(?:rename|replace|unlink|remove)|shutil\.(?:move|rmtree))\(|\.unlink\(")
AS_THEY_ARE = {
    "capture/output/folder.py": "folders that were given up: the next sweep deletes them",
    "capture/store/convert.py": "a working folder: the next conversion of the capture deletes it",
    "game/folders.py": "files that the next start deletes",
    "game/process/launch.py": "a note about a game, which is read as the note of a dead one",
}
"""Files that rename or delete without trying again, and why that is enough."""


def test_files_are_renamed_and_deleted_through_functions_that_try_again() -> None:
    product = Path(durable.__file__).parents[1]
    raw = {
        file.relative_to(product).as_posix()
        for file in product.rglob("*.py")
        if file.parent.name != "storage" and RAW.search(file.read_text("utf-8").replace("durable.unlink(", ""))
    }
    assert raw == set(AS_THEY_ARE)


@pytest.mark.parametrize("winerror", [32, 33])
def test_a_file_that_cannot_be_opened_because_another_program_has_it_is_a_retry_too(winerror: int) -> None:
    with pytest.raises(RetryLater, match="another program has it open"), disk_errors("a"):
        raise held(winerror)


def test_other_errors_are_raised_immediately(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        durable.replace(tmp_path / "a", tmp_path / "b")
    with pytest.raises(FileNotFoundError):
        durable.unlink(tmp_path / "a")
    durable.unlink(tmp_path / "a", missing_ok=True)
