"""Exports that are killed before each step: the check says what to do, and the next export leaves nothing wrong."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forked
from tests.export.test_centerlines import mirrored
from tests.gbx.made import a_replay
from tests.tool import Tool, tool
from tmxdb.export.hub_card import read_sums, sums_text
from tmxdb.storage.hashing_file import file_sha256

__all__ = ["mirrored", "tool"]

KILLED = """
import os, sys
from tmxdb.cli import main
left = int(sys.argv.pop(1))

def or_die(step):
    def counted(*words, **more):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return step(*words, **more)
    return counted

os.replace, os.link = or_die(os.replace), or_die(os.link)
main()
"""


def kills(tool: Tool, *words: object) -> Iterator[int]:
    """Run a command that writes the folder `out`, killed before its first step, its second one, and so on.

    Yield the exit status of each. All begin with the same folder; the last one ends by itself.
    """
    out, before = tool.folder / "out", tool.folder / "before"
    if out.exists():
        shutil.copytree(out, before)
    for n in range(100):
        shutil.rmtree(out, ignore_errors=True)
        if before.exists():
            shutil.copytree(before, out)
        with forked.python(KILLED, n, *words, cwd=tool.folder, env=tool.environment(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE) as child:  # fmt: skip
            child.communicate(timeout=60)
        assert child.returncode is not None
        yield child.returncode
        if child.returncode != 9:
            assert n > 2
            return
    raise AssertionError("the command does not end")


def is_listed(out: Path, pattern: str) -> bool:
    """Return whether SHA256SUMS has the right sum of each file, and no others."""
    files = [path for path in out.rglob(pattern) if path.is_file()]
    right = {path.relative_to(out).as_posix(): file_sha256(path) for path in files}
    return bool(right) and read_sums((out / "SHA256SUMS").read_bytes()) == right


def written_by_another_version(out: Path, pattern: str) -> None:
    """Change all files and their sums."""
    files = {path.relative_to(out).as_posix(): path for path in out.rglob(pattern)}
    for path in files.values():
        path.write_bytes(b"other")
    (out / "SHA256SUMS").write_bytes(sums_text({name: file_sha256(path) for name, path in files.items()}))


def judge(tool: Tool, pattern: str) -> bool:
    """Return whether the check finds nothing. It does so only if all files are listed, and says what to do if not."""
    checked = tool("export", "--check", "out", ends=None)
    if checked.status == 0:
        assert is_listed(tool.folder / "out", pattern)
    else:
        assert "un the same " in checked.err or "contains no export" in checked.err
    return checked.status == 0


@pytest.mark.parametrize("is_forced", [False, True])
@pytest.mark.parametrize("before", ["nothing", "one line", "both lines"])
def test_centre_lines(mirrored: Tool, before: str, is_forced: bool) -> None:
    if before != "nothing":
        mirrored("export", "vcp", "out", *(["--track-id", 1] if before == "one line" else []))
        written_by_another_version(mirrored.folder / "out", "*.npy")
    elif is_forced:
        return
    if before == "both lines" and not is_forced:
        return
    words = ("export", "vcp", "out", *(["--force"] if is_forced else []))
    n_refused = 0
    for status in kills(mirrored, *words):
        n_refused += not judge(mirrored, "*.npy")
        assert status in (0, 9)
        mirrored("export", "vcp", "out")  # without --force, it keeps what is there
        assert judge(mirrored, "*.npy")
    assert n_refused > 1


def test_lines_of_replay_files(tool: Tool) -> None:
    words = ("gbx", "line", "replays", "-o", "out", "--force")
    (tool.folder / "replays").mkdir()
    (tool.folder / "replays" / "a.Replay.Gbx").write_bytes(a_replay())
    (tool.folder / "replays" / "b.Replay.Gbx").write_bytes(a_replay())
    tool("gbx", "line", "replays/a.Replay.Gbx", "-o", "out/")
    written_by_another_version(tool.folder / "out", "*.csv")
    n_refused = 0
    for _ in kills(tool, *words):
        n_refused += not judge(tool, "*.csv")
        tool(*words)
        assert judge(tool, "*.csv")
    assert n_refused > 1


def test_the_next_lines_without_force_say_that_files_were_kept(mirrored: Tool) -> None:
    mirrored("export", "vcp", "out")
    killed = kills(mirrored, "export", "vcp", "out", "--force")
    for _ in range(3):
        next(killed)
    said = mirrored("export", "vcp", "out").err
    assert "An earlier export into out was interrupted. 2 files that it was writing are kept;" in said
    assert "interrupted" not in mirrored("export", "vcp", "out").err


@pytest.mark.parametrize("form", ["webdataset", "rulka"])
def test_frames_with_a_run_that_was_captured_again(captured: Tool, form: str) -> None:
    picture = captured.folder / "data/frames/1/11/frame_00002_200ms.jpeg"
    right = picture.read_bytes()
    picture.write_bytes(b"<html>")
    words = ("export", "frames", "out", "--format", form, "--no-progress")
    captured(*words, ends=3)
    picture.unlink()
    picture.write_bytes(right)
    for _ in kills(captured, *words):
        checked = captured("export", "--check", "out", ends=None)
        sums = read_sums((captured.folder / "out/SHA256SUMS").read_bytes())
        is_right = all(file_sha256(captured.folder / "out" / path) == sha256 for path, sha256 in sums.items())
        assert checked.status == 3 or is_right
        assert checked.status == 0 or "un the same " in checked.err
        captured(*words)
        assert "0 problems" in captured("export", "--check", "out").err
