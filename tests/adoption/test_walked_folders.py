"""`tmxdb adopt` of folders with links, pipes, and folders that cannot be listed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adoption.conftest import private_replay
from tests.permissions import bound_by_permissions
from tests.tool import Tool

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links, pipes and permissions of Unix")


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """Take all permissions of `folder`."""
    folder.chmod(0)
    try:
        with bound_by_permissions():
            yield
    finally:
        folder.chmod(0o755)


@pytest.fixture
def collection(tool: Tool) -> Path:
    """Two replays, the second in a folder of its own."""
    root = tool.folder / "col"
    (root / "sub").mkdir(parents=True)
    (root / "a.Replay.Gbx").write_bytes(private_replay(1, on_map=1, time_ms=20_000, login="a"))
    (root / "sub" / "b.Replay.Gbx").write_bytes(private_replay(2, on_map=1, time_ms=21_000, login="b"))
    return root


def test_only_what_is_a_file_is_adopted(tool: Tool, collection: Path) -> None:
    (collection / "loop").symlink_to("loop")
    (collection / "dangling.Replay.Gbx").symlink_to("missing")
    (collection / "again").symlink_to(".")
    os.mkfifo(collection / "pipe.Replay.Gbx")
    ran = tool("adopt", "col", "--in-place", "--no-lookup", "--json").json
    assert (ran["files"], ran["unknown"], ran["damaged"]) == (2, 2, 0)


def test_a_folder_that_cannot_be_listed_is_damaged_and_the_rest_is_adopted(tool: Tool, collection: Path) -> None:
    command = ("adopt", "col", "--in-place", "--no-lookup")
    with closed(collection / "sub"):
        for options in (("--dry-run",), (), ()):
            ran = tool(*command, *options, ends=3)
            assert f"damaged: {collection / 'sub'}: Permission denied" in ran.err.splitlines()
            assert "2 files: 0 matched, 1 not in the database, 1 damaged" in ran.err
    assert tool.one("select count(*) from replays where status = 'done'") == 1
    assert tool(*command, "--json").json["replays"] == 1


def test_the_folder_that_was_named_must_be_readable(tool: Tool, collection: Path) -> None:
    with closed(collection):
        said = tool("adopt", "col", "--no-lookup", ends=1).error
    assert said == f"Error: {collection}: cannot be read (Permission denied). Check the permissions."


def test_a_pipe_that_was_named_is_refused(tool: Tool) -> None:
    os.mkfifo(tool.folder / "pipe.Replay.Gbx")
    said = tool("adopt", "pipe.Replay.Gbx", "--no-lookup", ends=1).error
    assert said.endswith("pipe.Replay.Gbx is neither a folder nor a file. Name the folder to adopt.")


@pytest.mark.parametrize("named", ["linked/replays", "real/replays"])
def test_files_of_a_data_folder_that_is_a_link_stay_where_they_are(tool: Tool, collection: Path, named: str) -> None:
    """Whichever way they are named, they are in the data folder, and no orphans."""
    (tool.folder / "real" / "replays").mkdir(parents=True)
    (collection / "a.Replay.Gbx").rename(tool.folder / "real" / "replays" / "a.Replay.Gbx")
    (tool.folder / "linked").symlink_to(tool.folder / "real")
    tool("--data", "linked", "adopt", named, "--in-place", "--no-lookup")
    assert tool.column("select file_path from replays") == ["replays/a.Replay.Gbx"]
    tool.change("update replays set file_path = ?", f"{tool.folder.resolve()}/real/replays/a.Replay.Gbx")  # as before
    tool("--data", "linked", "verify", "--move-orphans")
    assert (tool.folder / "real" / "replays" / "a.Replay.Gbx").exists()
