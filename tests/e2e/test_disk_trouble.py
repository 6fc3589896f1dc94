"""The disk is full, broken or read-only at any step of a job: the run stops with a sentence, and nothing is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tmxdb import storage
from tmxdb.gbx import read_replay
from tmxdb.sandbox import RunningSite, running_site

from ..tool import Tool

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders can be synced")
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
    """Does as the real one, but for one call. `failed` says whether it has come to that."""

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
    """A file that takes half of what it is given, and then nothing more."""

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
    """Have the call `after` so many of `step` fail once with `number`."""
    if step in ("write", "short write", "read back"):
        fail = Failing(lambda: None, number, when=_always, after=after)
        wrap = AsIs if step != "short write" else HalfWritten
        if step == "read back":  # only what did not fit the memory is read back from the disk
            patch.setattr(storage, "IN_MEMORY", 100)
            wrap = type("Read", (AsIs,), {"write": lambda self, data: self._file.write(data)})
        real = open
        patch.setattr(storage, "open", lambda *a, **o: wrap(real(*a, **o), fail), raising=False)
        return fail
    match step:
        case "mkdir":
            fail = Failing(os.mkdir, number, when=_always, after=after)
            patch.setattr(os, "mkdir", fail)
        case "open":
            fail = Failing(open, number, when=_always, after=after)
            patch.setattr(storage, "open", fail, raising=False)
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
    """All files that there may be."""
    ids = [row["replay_id"] for track_id in site.track_ids() for row in site.board(track_id)]
    replays = {site.expected_replay(replay_id) for replay_id in ids}
    maps = {site.expected_track(track_id) for track_id in site.track_ids()}
    return replays | maps | {read_replay(replay).map_bytes for replay in replays}


def half_files(tool: Tool, right: set[bytes]) -> list[str]:
    """Files under a final name that are not whole, and files under temporary names."""
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


@pytest.mark.parametrize("number", SENTENCES, ids=lambda number: errno.errorcode[number])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("kind", "source"), [("download", "replay"), ("extract", "replay"), ("extract", "site")])
def test_trouble_at_any_step_stops_the_run_and_costs_nothing(
    tool: Tool,
    site: RunningSite,
    right: set[bytes],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    source: str,
    step: str,
    number: int,
) -> None:
    if step == "read back" and source == "replay" and kind == "extract":
        step = "open"  # nothing is read back there
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    if kind == "extract":
        tool("work", "--kind", "download")
    with monkeypatch.context() as patch:
        broken = break_disk(patch, step, number, after=1)
        ran = tool("work", "--kind", kind, "--n", 2, "--from", source, ends=1)
    assert broken.failed
    assert ran.error.endswith(SENTENCES[number])
    assert half_files(tool, right) == []
    nothing_was_charged(tool)
    all_is_done(tool, right)
