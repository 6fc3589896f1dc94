"""`tmxdb status` on a terminal: lines that fit, colours, and the full screen with its keys."""

from __future__ import annotations

import os
import re
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.output.terminal import Terminal
from tests.tool import Tool
from tmxdb.cli.formats.text import width_of
from tmxdb.cli.watch.history import RateHistory, sparkline
from tmxdb.cli.watch.screen import KEYS, Size, screen
from tmxdb.db.reading.reader import Reader
from tmxdb.reports.status import LiveWorker, Status, read_status
from tmxdb.reports.status.sentences import doing

NOW = datetime(2026, 11, 29, 18, 30, tzinfo=UTC)
SIZES = [(200, 50), (80, 24), (40, 24)]
needs_pty = pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals of POSIX")


@pytest.fixture
def state(done: Tool) -> Status:
    reader = Reader(str(done.folder / "tmx.db"))
    state = read_status(reader, Path("data"), 5_000, 1_800_000_000_000)
    reader.close()
    worker = LiveWorker(
        worker_id="host-1234-abcdef", host="host", pid=1234, kinds="list download extract", n=64,
        started_at="2026-11-29T18:00:00.000Z", heartbeat_at="2026-11-29T18:00:00.000Z", done=1200, failed=3, skipped=0,
        retried=0, concurrency=16, rates={"download": 40.5}, working_on={"download": list(range(4471203, 4471267))},
    )  # fmt: skip
    waiting = {**state.kinds, "download": {**state.kinds["download"], "pending": 90_000}}
    forecast = replace(state.forecast, bytes=2_700_000_000, replays=90_000, will_be_full=True)
    return replace(
        state, workers=[worker], kinds=waiting, forecast=forecast, seconds_left={"download": 7200.0},
        seconds_until_done=7200.0, rates={"download": 40.5},
    )  # fmt: skip


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_screen_fits_and_says_what_matters(state: Status, width: int, height: int) -> None:
    history = RateHistory()
    for second in range(0, 20, 2):
        done = {**state.kinds["download"], "done": 100 * second}
        history.add(replace(state, kinds={**state.kinds, "download": done}), float(second))
    lines = screen(state, history, Size(width, height), "", NOW)
    assert len(lines) == height
    assert max(width_of(line.text) for line in lines) <= width
    text = "\n".join(line.text for line in lines)
    assert "90,000" in text
    assert "20:30" in text
    assert "Warning: the disk will be full" in text
    assert re.search(r"download +100\.0", text)
    assert "quit" in lines[-1].text
    if width > 40:
        assert "download 4471203, 4471204, 4471205 and 61 more" in re.sub(r"\s+", " ", text)
        assert lines[-1].text == KEYS


def test_rows_of_local_tracks_are_named_as_they_are_typed(state: Status) -> None:
    worker = replace(state.workers[0], working_on={"extract": [-1, 2233], "capture": [7]})
    assert doing(worker) == "extract local1, 2233; capture 7"


def test_a_note_takes_the_place_of_the_keys(state: Status) -> None:
    assert screen(state, RateHistory(), Size(80, 24), "Resumed.", NOW)[-1].text == "Resumed."


def test_a_terminal_without_block_characters_gets_ascii(state: Status) -> None:
    lines = screen(state, RateHistory(), Size(80, 24, ascii_only=True), "", NOW)
    assert all(line.text.isascii() for line in lines)


def test_bars_are_as_high_as_their_rate() -> None:
    assert sparkline(deque([0.0, 4.0, 8.0]), 10) == "▁▅█"
    assert sparkline(deque([1.0, 2.0, 8.0]), 2, ascii_only=True) == ":#"
    assert sparkline(deque([0.0, 0.0]), 5) == "▁▁"


@needs_pty
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_line_of_status_is_longer_than_the_terminal(done: Tool, width: int, height: int) -> None:
    with Terminal(["status"], done.folder, width, height, {"NO_COLOR": "1"}) as terminal:
        out = terminal.rest()
    lines = out.replace("\r", "").splitlines()
    assert max(map(width_of, lines)) <= width
    assert "No worker is running." in lines
    assert "\x1b" not in out


@pytest.mark.skipif(os.name == "nt", reason="Windows does not replace a file that is open")
def test_a_status_that_is_repeated_is_of_the_database_that_is_there_now(
    done: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("backup", "monday.db")
    done.change("update tracks set status = 'pending', finished_at = null")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt
        os.replace(done.folder / "monday.db", done.folder / "tmx.db")

    monkeypatch.setattr("tmxdb.cli.commands.inspect.status.time.sleep", pause)
    out = done("status", "--watch", "--format", "prometheus", ends=130).out
    counts = re.findall(r'tmxdb_rows{kind="list",status="pending"} (\d+)', out)
    assert counts == [str(done.one("select count(*) from tracks")), "0"]


@needs_pty
def test_a_terminal_gets_colours_unless_no_color_is_set(done: Tool) -> None:
    with Terminal(["errors"], done.folder, 80, 24) as terminal:
        assert "\x1b[31mfailed\x1b[0m" in terminal.rest()


def test_force_color_colours_what_is_no_terminal(done: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in done("errors").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[31mfailed\x1b[0m" in done("errors").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in done("errors").out


@needs_pty
@pytest.mark.parametrize("kind", ["dumb", "unknown"])
def test_a_terminal_without_a_screen_gets_the_status_again_and_again(done: Tool, kind: str) -> None:
    with Terminal(["status", "--watch"], done.folder, 80, 24, {"TERM": kind}) as terminal:
        for _ in range(2):
            terminal.wait_for("No worker is running.")


@needs_pty
def test_the_screen_pauses_resumes_and_retries_on_keys(done: Tool) -> None:
    failed = done.one("select count(*) from replays where status = 'failed'")
    with Terminal(["status", "--watch"], done.folder, 80, 24) as terminal:
        terminal.wait_for("p pause")
        terminal.send("\x1b[A")  # an arrow key begins with Esc, which alone ends the screen
        terminal.send("p")
        terminal.wait_for("Paused: no worker starts another job.")
        assert done.rows("select kind from pauses") == [{"kind": "all"}]
        terminal.send("r")
        terminal.wait_for("Resumed.")
        assert done.rows("select kind from pauses") == []
        terminal.send("f")
        terminal.wait_for("Try every failed row again?")
        terminal.send("n")
        terminal.wait_for("Not done.")
        assert done.one("select count(*) from replays where status = 'failed'") == failed
        terminal.send("f")
        terminal.wait_for("Try every failed row again?")
        terminal.send("y")
        terminal.wait_for(f"{failed} failed rows are pending again.")
        assert done.one("select count(*) from replays where status = 'failed'") == 0
        terminal.send("q")
        assert terminal.status() == 0
        assert terminal.echoes()
