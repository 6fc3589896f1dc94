"""Files and folders without permission to read: the error says so, and nothing is replaced."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.test_storage import PATH, publish, storage
from tmxdb.adoption import placing
from tmxdb.adoption.files import files_below
from tmxdb.capture.store import convert
from tmxdb.errors import DiskError
from tmxdb.failure_policy import Action, policy_for
from tmxdb.game.folders import GameFiles, GameFolders
from tmxdb.game.plugin.install import inspect_folder
from tmxdb.paths import plain
from tmxdb.storage import Storage, disk_errors

__all__ = ["storage"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_file_that_cannot_be_read_is_not_said_to_be_unwritable(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    publish(storage)

    def refuse(path: str, *_: object, **__: object) -> None:
        raise PermissionError(number, os.strerror(number), path)

    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", refuse)
        with pytest.raises(DiskError) as caught:
            storage.read(PATH)
    assert caught.value.code == "disk.unreadable"
    file = plain(str(storage.absolute(PATH)))
    assert str(caught.value) == f"{file}: cannot be read ({os.strerror(number)}). Check the permissions."
    assert policy_for(caught.value).action is Action.STOP  # the row keeps its attempts and its file


READERS: dict[str, Callable[[Path], object]] = {
    "the files to adopt": lambda folder: list(files_below(folder)),
    "a file that was adopted": lambda folder: placing._digest(folder / "TmxdbLink.as"),
    "a map of the game": lambda folder: GameFiles(GameFolders(folder, folder), "1").has_map("a", b"data"),
    "the plugins of the game": inspect_folder,
    "telemetry that is converted": lambda folder: convert._telemetry(folder, "TmxdbLink.as"),
}


@pytest.mark.parametrize("what", READERS)
def test_what_only_reads_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    GameFolders(tmp_path, tmp_path).maps.mkdir(parents=True)
    for file in (tmp_path / "TmxdbLink.as", GameFolders(tmp_path, tmp_path).maps / "a.Challenge.Gbx"):
        file.write_bytes(b"data")

    def refusing(real: Callable[..., Any]) -> Callable[..., Any]:
        def refuse(path: Any, *arguments: Any, **options: Any) -> Any:
            if not str(path).startswith(str(tmp_path)):
                return real(path, *arguments, **options)
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        return refuse

    with monkeypatch.context() as patch:
        for module, name in ((builtins, "open"), (io, "open"), (os, "scandir")):
            patch.setattr(module, name, refusing(getattr(module, name)))
        with pytest.raises(DiskError) as caught:
            READERS[what](tmp_path)
    assert caught.value.code == "disk.unreadable"
    assert str(caught.value).endswith(": cannot be read (Permission denied). Check the permissions.")


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EIO, "disk.failed"), (errno.EMFILE, "disk.too_many_files"), (errno.ENAMETOOLONG, "disk.path")],
)
def test_other_errors_of_reading_are_those_of_writing(number: int, code: str) -> None:
    with pytest.raises(DiskError) as caught, disk_errors("x", reading=True):
        raise OSError(number, os.strerror(number), "data/x")
    assert caught.value.code == code
