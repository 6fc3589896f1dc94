"""The walk through a folder of the user's passes over what is no file and goes on after what cannot be read."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.permissions import bound_by_permissions
from tmxdb.storage import walk

on_unix = pytest.mark.skipif(os.name == "nt", reason="links, pipes and permissions of Unix")


def found(root: Path, *, skip: str | None = None) -> list[tuple[str, bool]]:
    """The entries by their path below `root`, and whether each can be read."""
    entries = walk(str(root), skip=skip)
    return [(Path(entry.path).relative_to(root).as_posix(), entry.facts is not None) for entry in entries]


def written(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"data")


def test_files_come_by_name_with_the_folders_between(tmp_path: Path) -> None:
    written(tmp_path, "c", "b/deep/x", "b/a", "a", ".partial/y")
    entries = list(walk(str(tmp_path), skip=".partial"))
    assert [(os.path.basename(entry.path), entry.folders) for entry in entries] == [
        ("a", ()),
        ("a", ("b",)),
        ("x", ("b", "deep")),
        ("c", ()),
    ]
    assert {entry.facts.st_size for entry in entries if entry.facts} == {4}


@on_unix
def test_what_is_no_file_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "file", "elsewhere/x")
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    for name, target in {
        "link": "file",
        "loop": "loop",
        "dangling": "missing",
        "below a file": "file/x",
        "long": "x" * 300,
        "folder": "elsewhere",
        "up": ".",
    }.items():
        (tmp_path / name).symlink_to(target)
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert found(tmp_path) == [("elsewhere/x", True), ("file", True), ("link", True)]


@on_unix
def test_what_cannot_be_read_is_an_entry_and_the_walk_goes_on(tmp_path: Path) -> None:
    written(tmp_path, "a", "closed/x", "names only/y", "z")
    (tmp_path / "closed").chmod(0)
    (tmp_path / "names only").chmod(0o444)
    try:
        with bound_by_permissions():
            assert found(tmp_path) == [("a", True), ("closed", False), ("names only/y", False), ("z", True)]
            assert [entry.is_folder for entry in walk(str(tmp_path))] == [False, True, False, False]
            with pytest.raises(PermissionError):
                list(walk(str(tmp_path / "closed")))
    finally:
        (tmp_path / "closed").chmod(0o755)
        (tmp_path / "names only").chmod(0o755)


@on_unix  # Windows lists the size and the time of a file with its name
def test_what_is_deleted_during_the_walk_is_passed_over(tmp_path: Path) -> None:
    written(tmp_path, "a", "b", "c/x", "d")
    entries = walk(str(tmp_path))
    first = next(entries)
    (tmp_path / "b").unlink()
    (tmp_path / "c" / "x").unlink()
    (tmp_path / "c").rmdir()
    assert [Path(entry.path).name for entry in (first, *entries)] == ["a", "d"]
