"""`tmxdb verify` that is killed, interrupted, or started twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.rows import Rows
from tmxdb.db.models import Setting

from ..tool import Tool
from .conftest import Shelf

Run = Callable[..., Any]
# Ten rows a chunk; in the fourth it says so and stands still: while it looks at a file, or in the midst of writing.
_SLOW = """
import sys, time
from tmxdb.upkeep import verify
verify.CHUNK, verify.SLICE, where = 10, 3, sys.argv.pop(1)
quick = getattr(verify, where)
def slow(run, *arguments):
    if run.place.after == 30 or (where == "_listed" and arguments[-1].top == "frames"):
        print("in the middle", flush=True)
        time.sleep(60)
    return quick(run, *arguments)
setattr(verify, where, slow)
from tmxdb.cli import main
main()
"""


@contextmanager
def in_the_middle(shelf: Shelf, *options: str, where: str = "_note") -> Iterator[subprocess.Popen[str]]:
    """A `verify` that has written 30 rows down and is at the next 10."""
    arguments = ["--db", shelf.rows.database.location, "--data", str(shelf.data), "verify", *options]
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW, where, *arguments],
        env=Tool.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            while "in the middle" not in (line := process.stdout.readline()):
                assert line, process.communicate()
            yield process
        finally:
            process.kill()


@pytest.fixture
def fifty(shelf: Shelf) -> Shelf:
    for replay_id in range(1, 51):
        shelf.replay(replay_id)
    for replay_id in (5, 35):
        (shelf.data / f"replays/1/{replay_id}_x_{replay_id}ms.Replay.Gbx").unlink()
    return shelf


@pytest.mark.parametrize("where", ["_problem", "_note"])
@pytest.mark.parametrize("options", [[], ["--mend"]])
def test_killed_in_the_middle_it_goes_on_and_tells_each_finding_once(
    tool: Run, fifty: Shelf, rows: Rows, options: list[str], where: str
) -> None:
    with in_the_middle(fifty, *options, where=where) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    # Looked at already: what happens to it now is for the next run.
    (fifty.data / "replays/1/6_x_6ms.Replay.Gbx").write_bytes(b"")
    ran = tool("verify", "--json", *options, ends=None)
    assert ran.status == (0 if options else 3)
    assert "Going on with the run of" in ran.err
    assert "which came to 30 files" in ran.err
    assert [finding["item"] for finding in ran.json["findings"]] == ["replay 5", "replay 35"]
    assert ran.json["checked"]["replay"] == 50
    assert [key for key, status in rows.statuses().items() if status == "pending"] == ([5, 35] if options else [])
    again = tool("verify", ends=3)
    assert "Going on" not in again.err
    assert "damaged: replay 6" in again.out


def test_killed_among_the_folders_it_goes_on_there(tool: Run, fifty: Shelf) -> None:
    for path in ("replays/1/early.gbx", "tracks/early.gbx", "frames/1/run/f.jpeg"):
        fifty.put(path, b"x")
    with in_the_middle(fifty, "--mend", where="_listed") as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert sorted(path for path in fifty.files() if path.startswith("strangers/")) == [
        "strangers/replays/1/early.gbx",
        "strangers/tracks/early.gbx",
    ]
    fifty.put("replays/1/late.gbx", b"x")
    told = tool("verify", "--json", "--mend").json
    assert [finding["path"].rpartition("/")[2] for finding in told["findings"] if finding["what"] == "stranger"] == [
        "early.gbx",
        "early.gbx",
        "run",
    ]
    assert "strangers/replays/1/late.gbx" not in fifty.files()
    tool("verify", "--mend")
    assert "strangers/replays/1/late.gbx" in fifty.files()


def test_another_question_or_anew_begins_at_the_beginning(tool: Run, fifty: Shelf) -> None:
    with in_the_middle(fifty) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert "Going on" not in tool("verify", "--anew", ends=3).err
    with in_the_middle(fifty) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert "Going on" not in tool("verify", "--hash", ends=3).err


def test_while_one_is_at_work_a_second_one_is_refused(tool: Run, fifty: Shelf, rows: Rows) -> None:
    with in_the_middle(fifty, where="_problem") as process:
        before = rows.all(Setting)
        assert f"another `tmxdb verify` is at work (process {process.pid})" in tool("verify", ends=1).error
        assert rows.all(Setting) == before
        process.kill()
        process.wait(10)


def test_interrupted_it_keeps_its_place_and_says_how_to_go_on(
    tool: Run, fifty: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.upkeep.verify.CHUNK", 10)

    def press(noun: str, n: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("tmxdb.cli.verify._Shown.checked", lambda self, noun, n: press(noun, n))
        ran = tool("verify", ends=130)
    assert "Interrupted; the same command goes on from here." in ran.err
    assert "which came to 10 files" in tool("verify", ends=3).err
