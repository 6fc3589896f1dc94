"""A disk that is full, broken or read-only at any step of a job stops the run with a sentence; nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tool import Tool, isolate, shorten_waits
from tmxdb.gbx import read_replay
from tmxdb.storage import new_file
from tmxdb_sandbox import RunningSite, running_site

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows cannot sync folders")
SENTENCES = {
    errno.ENOSPC: "the disk is full. Make room, then run the same command again: nothing is lost.",
    errno.EACCES: "Check the permissions, or choose another folder with --data.",
    errno.EIO: "Check the disk.",
}
STEPS = ["mkdir", "open", "write", "short write", "fsync", "rename", "fsync folder", "read back"]


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with running_site(tracks=4, replays=3, plain=True) as running:
        yield running


class Failing:
    """Calls the real function, except for one call that fails. `failed`: whether that call was reached."""

    def __init__(self, real: Callable[..., Any], number: int, *, when: Callable[..., bool], after: int) -> None:
        self._real, self._number, self._when, self._left = real, number, when, after
        self.failed = False

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if self._when(*arguments) and not self.failed:
            self._left -= 1
            if self._left < 0:
                self.failed = True
                raise OSError(self._number, os.strerror(self._number))
        return self._real(*arguments, **options)


class HalfWritten:
    """A file that writes half of the data it is given, and then fails."""

    def __init__(self, file: Any, fail: Callable[..., Any]) -> None:
        self._file, self._fail = file, fail

    def write(self, data: memoryview) -> int:
        if len(data) < 100:
            self._fail()
        written: int = self._file.write(data[: -(-len(data) // 2)])
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class AsIs(HalfWritten):
    def write(self, data: memoryview) -> int:
        self._fail()
        written: int = self._file.write(data)
        return written

    def read(self) -> bytes:
        self._fail()
        data: bytes = self._file.read()
        return data


def _always(*_: Any) -> bool:
    return True


def break_disk(patch: pytest.MonkeyPatch, step: str, number: int, after: int) -> Failing:
    """Let one call of `step` fail with the error `number`, after `after` successful calls."""
    if step in ("write", "short write", "read back"):
        fail = Failing(lambda: None, number, when=_always, after=after)
        wrap = AsIs if step != "short write" else HalfWritten
        if step == "read back":  # only what did not fit the memory is read back from the disk
            patch.setattr(new_file, "IN_MEMORY", 100)
            wrap = type("Read", (AsIs,), {"write": lambda self, data: self._file.write(data)})
        real = open
        patch.setattr(new_file, "open", lambda *a, **o: wrap(real(*a, **o), fail), raising=False)
        return fail
    match step:
        case "mkdir":
            fail = Failing(os.mkdir, number, when=_always, after=after)
            patch.setattr(os, "mkdir", fail)
        case "open":
            fail = Failing(open, number, when=_always, after=after)
            patch.setattr(new_file, "open", fail, raising=False)
        case "rename":
            fail = Failing(os.replace, number, when=_always, after=after)
            patch.setattr(os, "replace", fail)
        case "fsync":
            fail = Failing(os.fsync, number, when=_is_file, after=after)
            patch.setattr(os, "fsync", fail)
        case "fsync folder":
            fail = Failing(os.fsync, number, when=lambda handle: not _is_file(handle), after=after)
            patch.setattr(os, "fsync", fail)
        case _:
            raise AssertionError(step)
    return fail


def _is_file(handle: int) -> bool:
    return os.path.isfile(f"/proc/self/fd/{handle}")


@pytest.fixture(scope="module")
def right(site: RunningSite) -> set[bytes]:
    """Return the content of every file that may exist."""
    ids = [row["replay_id"] for track_id in site.track_ids() for row in site.leaderboard(track_id)]
    replays = {site.expected_replay(replay_id) for replay_id in ids}
    maps = {site.expected_track(track_id) for track_id in site.track_ids()}
    return replays | maps | {read_replay(replay).map_bytes for replay in replays}


def half_files(tool: Tool, right: set[bytes]) -> list[str]:
    """Return incomplete files under a final name, and files under temporary names."""
    files = [name for name in tool.files() if name.startswith("data/")]
    return [name for name in files if (tool.folder / name).read_bytes() not in right]


def nothing_was_charged(tool: Tool) -> None:
    assert tool.column("select distinct status from jobs where status not in ('pending', 'done')") == []
    assert tool.one("select count(*) from attempts") == 0
    for table in ("replays", "maps"):
        assert tool.one(f"select max(attempts) from {table} where status = 'pending'") in (None, 0)
    assert tool.one("select count(*) from workers") == 0


def all_is_done(tool: Tool, right: set[bytes]) -> None:
    tool("run", "--n", 3)
    assert tool.column("select distinct status from jobs") == ["done"]
    assert tool.one("select count(*) from replays") == 12
    assert half_files(tool, right) == []
    for path in tool.column("select file_path from replays union all select file_path from maps"):
        assert (tool.folder / "data" / path).is_file()


KINDS = [("download", "replay"), ("extract", "replay"), ("extract", "site")]
"""A kind, and the source of its files."""
CASES = [
    (kind, source, step, number)
    for k, (kind, source) in enumerate(KINDS)
    for s, step in enumerate(STEPS)
    for n, number in enumerate(SENTENCES)
    if kind == "download" or (k + s) % len(SENTENCES) == n
]
"""Each error at each step of a download; all kinds write files by the same code, so others get one error a step."""


@pytest.fixture(scope="module")
def prepared(site: RunningSite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders in which the jobs of a kind are pending."""
    folders = {}
    for kind in ("download", "extract"):
        folders[kind] = tmp_path_factory.mktemp(kind)
        with pytest.MonkeyPatch.context() as monkeypatch:
            isolate(monkeypatch, folders[kind])
            shorten_waits(monkeypatch)
            tool = Tool(folders[kind], monkeypatch)
            tool("--site", site.url, "sync-tracks")
            tool("work", "--kind", "list")
            if kind == "extract":
                tool("work", "--kind", "download")
    return folders


@pytest.mark.parametrize(
    ("kind", "source", "step", "number"),
    CASES,
    ids=[f"{kind}-{source}-{step}-{errno.errorcode[number]}" for kind, source, step, number in CASES],
)
def test_a_disk_error_at_any_step_stops_the_run_and_costs_nothing(
    tool: Tool,
    right: set[bytes],
    prepared: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    source: str,
    step: str,
    number: int,
) -> None:
    if step == "read back" and source == "replay" and kind == "extract":
        step = "open"  # nothing is read back there
    shutil.copytree(prepared[kind], tool.folder, dirs_exist_ok=True)
    with monkeypatch.context() as patch:
        broken = break_disk(patch, step, number, after=1)
        ran = tool("work", "--kind", kind, "--n", 2, "--from", source, ends=1)
    assert broken.failed
    assert ran.error.endswith(SENTENCES[number])
    assert half_files(tool, right) == []
    nothing_was_charged(tool)
    all_is_done(tool, right)
