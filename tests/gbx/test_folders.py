"""`tmxdb gbx` of folders with pipes, links, and folders that cannot be listed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.gbx.made import a_replay
from tests.gbx.test_cli import run
from tests.permissions import bound_by_permissions

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links, pipes and permissions of Unix")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three replays, one in a folder below and one beside that folder with the same name."""
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    for name in ("a.Replay.Gbx", "sub/b.Replay.Gbx", "sub.Replay.Gbx"):
        (root / name).write_bytes(a_replay())
    return root


def test_only_files_of_a_folder_are_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe.Gbx")
    (folder / "dir.Replay.Gbx").mkdir()
    (folder / "dangling.Gbx").symlink_to("missing")
    (folder / "loop.Gbx").symlink_to("loop.Gbx")
    (folder / "link.Gbx").symlink_to("a.Replay.Gbx")
    shown = run("show", folder, "--json")
    assert (shown.exit_code, shown.stderr) == (0, "")
    names = [os.path.relpath(json.loads(line)["file"], folder) for line in shown.stdout.splitlines()]
    assert names == ["a.Replay.Gbx", "link.Gbx", "sub.Replay.Gbx", "sub/b.Replay.Gbx"]


def test_a_folder_that_cannot_be_listed_is_one_line_and_the_rest_is_read(folder: Path, tmp_path: Path) -> None:
    sub = folder / "sub"
    sub.chmod(0)
    try:
        with bound_by_permissions():
            shown = run("show", folder, "--json")
            alone = run("show", sub)
            converted = run("line", folder, "--as", "csv", "-o", tmp_path / "out")
    finally:
        sub.chmod(0o755)
    line = f"Error: {sub}: Permission denied"
    assert (shown.exit_code, shown.stderr.splitlines(), len(shown.stdout.splitlines())) == (3, [line], 2)
    assert (alone.exit_code, alone.output.splitlines()) == (3, [line])
    assert (converted.exit_code, converted.stderr.splitlines()) == (3, [line, "2 files written, 1 failed."])
    assert sorted(path.name for path in (tmp_path / "out").glob("*.csv")) == ["a.line.csv", "sub.line.csv"]


@pytest.mark.parametrize("command", ["show", "inputs", "map"])
def test_a_pipe_that_was_named_is_one_line(tmp_path: Path, command: str) -> None:
    pipe = tmp_path / "p.Gbx"
    os.mkfifo(pipe)
    ran = run(command, pipe, *(("-o", tmp_path / "out") if command == "map" else ()))
    assert (ran.exit_code, ran.output) == (3, f"Error: {pipe}: this is a pipe. Name a file, or - for stdin.\n")


@pytest.mark.parametrize("parent", [parent for parent in ("/dev/shm", "/tmp") if os.path.isdir(parent)])
def test_a_pipe_in_a_disk_in_memory_is_one_too(parent: str) -> None:
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        pipe = Path(folder, "p.Gbx")
        os.mkfifo(pipe)
        assert run("show", pipe).output == f"Error: {pipe}: this is a pipe. Name a file, or - for stdin.\n"


def test_a_pipe_of_the_shell_is_read() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tmxdb", "gbx", "show", "/dev/stdin", "--json"], input=a_replay(), capture_output=True
    )
    assert (ran.returncode, json.loads(ran.stdout)["race_time_ms"]) == (0, 6110)
