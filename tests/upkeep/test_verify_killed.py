"""`tmxdb verify` that is killed, interrupted, or started twice."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests import forked
from tests.rows import Rows
from tests.upkeep.conftest import Shelf
from tmxdb.db.models import SettingRow
from tmxdb.upkeep.progress import KEPT

Run = Callable[..., Any]
# Ten rows a chunk; in the fourth it says so and stands still: while it looks at a file, or in the midst of writing.
_SLOW = """
import sys, time
from tmxdb.upkeep import progress, verify
verify.CHUNK, verify.SLICE, where, progress.KEPT = 10, 3, sys.argv.pop(1), int(sys.argv.pop(1))
quick = getattr(verify, where)
def slow(run, *arguments):
    if run.progress.after == 30 or (where == "_paths" and arguments[-1].folder == "frames"):
        print("in the middle", flush=True)
        time.sleep(60)
    return quick(run, *arguments)
setattr(verify, where, slow)
from tmxdb.cli import main
main()
"""


@contextmanager
def in_the_middle(shelf: Shelf, *options: str, where: str = "_record", kept: int = KEPT) -> Iterator[forked.AnyProcess]:
    """A `verify` that has checked 30 rows and is at the next 10. It stores `kept` findings at most."""
    arguments = ["--db", shelf.rows.database.location, "--data", str(shelf.data), "verify", *options]
    with forked.python(_SLOW, where, str(kept), *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
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


@pytest.mark.parametrize("where", ["_problem", "_record"])
@pytest.mark.parametrize("options", [[], ["--repair"]])
def test_a_killed_run_continues_and_reports_each_finding_once(
    tool: Run, fifty: Shelf, rows: Rows, options: list[str], where: str
) -> None:
    with in_the_middle(fifty, *options, where=where) as process:
        process.kill()
        process.wait(300)
    # Looked at already: what happens to it now is for the next run.
    (fifty.data / "replays/1/6_x_6ms.Replay.Gbx").write_bytes(b"")
    ran = tool("verify", "--json", *options, ends=None)
    assert ran.status == (0 if options else 3)
    assert "Continuing the check of" in ran.err
    assert "after 30 rows; --restart" in ran.err
    assert [finding["item"] for finding in ran.json["findings"]] == ["replay 5", "replay 35"]
    assert ran.json["checked"]["replay"] == 50
    assert [key for key, status in rows.statuses().items() if status == "pending"] == ([5, 35] if options else [])
    again = tool("verify", ends=3)
    assert "Continuing" not in again.err
    assert "damaged: replay 6" in again.out


@pytest.mark.parametrize("options", [[], ["--repair"]])
def test_a_killed_run_that_found_more_than_it_stores_finds_the_rest_again(
    tool: Run, fifty: Shelf, rows: Rows, options: list[str]
) -> None:
    for replay_id in (15, 25):
        (fifty.data / f"replays/1/{replay_id}_x_{replay_id}ms.Replay.Gbx").unlink()
    with in_the_middle(fifty, *options, kept=1) as process:
        process.kill()
        process.wait(300)
    if not options:
        (fifty.data / "replays/1/25_x_25ms.Replay.Gbx").write_bytes(b"replay")
    ran = tool("verify", "--json", *options, ends=None)
    assert "after 10 rows; --restart" in ran.err
    left = ["replay 5", "replay 35"] if options else ["replay 5", "replay 15", "replay 35"]
    assert [finding["item"] for finding in ran.json["findings"]] == left
    assert ran.json["wrong"] == {"missing": len(left)}
    pending = [key for key, status in rows.statuses().items() if status == "pending"]
    assert pending == ([5, 15, 25, 35] if options else [])


def test_a_run_killed_among_the_folders_continues_there(tool: Run, fifty: Shelf) -> None:
    for path in ("replays/1/early.gbx", "tracks/early.gbx", "frames/1/run/f.jpeg"):
        fifty.put(path, b"x")
    with in_the_middle(fifty, "--move-orphans", where="_paths") as process:
        process.kill()
        process.wait(300)
    assert sorted(path for path in fifty.files() if path.startswith("orphans/")) == [
        "orphans/replays/1/early.gbx",
        "orphans/tracks/early.gbx",
    ]
    fifty.put("replays/1/late.gbx", b"x")
    ran = tool("verify", "--json", "--move-orphans", ends=3)  # two replays are missing
    assert re.search(r"after 50 rows and \d+ files? in the folders; --restart", ran.err), ran.err
    report = ran.json
    assert [finding["path"].rpartition("/")[2] for finding in report["findings"] if finding["what"] == "orphan"] == [
        "early.gbx",
        "early.gbx",
        "run",
    ]
    assert "orphans/replays/1/late.gbx" not in fifty.files()
    tool("verify", "--move-orphans", ends=3)
    assert "orphans/replays/1/late.gbx" in fifty.files()


def test_a_file_that_is_back_is_not_reported_by_the_run_that_continues(tool: Run, fifty: Shelf) -> None:
    fifty.put("replays/1/unknown.gbx", b"x")
    with in_the_middle(fifty) as process:
        process.kill()
        process.wait(300)
    fifty.put("replays/1/5_x_5ms.Replay.Gbx", b"replay")
    ran = tool("verify", "--json", ends=3)
    assert "Continuing" in ran.err
    assert [finding["item"] for finding in ran.json["findings"]] == ["replay 35", None]
    assert ran.json["wrong"] == {"missing": 1, "orphan": 1}


def test_other_options_or_restart_begin_at_the_beginning(tool: Run, fifty: Shelf) -> None:
    with in_the_middle(fifty) as process:
        process.kill()
        process.wait(300)
    assert "Continuing" not in tool("verify", "--restart", ends=3).err
    with in_the_middle(fifty) as process:
        process.kill()
        process.wait(300)
    assert "Continuing" not in tool("verify", "--hash", ends=3).err


def test_a_second_run_at_the_same_time_is_refused(tool: Run, fifty: Shelf, rows: Rows) -> None:
    with in_the_middle(fifty, where="_problem") as process:
        before = rows.all(SettingRow)
        assert f"another `tmxdb verify` is running (process {process.pid})" in tool("verify", ends=1).error
        assert rows.all(SettingRow) == before
        process.kill()
        process.wait(300)


def test_an_interrupted_run_keeps_its_progress_and_says_how_to_continue(
    tool: Run, fifty: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.upkeep.verify.CHUNK", 10)

    def press(noun: str, n: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr("tmxdb.cli.actions.maintain.verify.VerifyDisplay.checked", lambda self, noun, n: press(noun, n))
        ran = tool("verify", ends=130)
    assert "Interrupted. Run the same command again to continue." in ran.err
    assert "after 10 rows" in tool("verify", ends=3).err
