"""`tmxdb watch`: rounds on a schedule that is kept in the database."""

from __future__ import annotations

import json
import logging
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.rows import FakeClock
from tests.tool import Tool
from tests.zones import in_berlin, needs_time_zones
from tmxdb.cli.commands.mirror.watch import _environment, _step, _wait
from tmxdb.cli.opening.database import open_database
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.upkeep.schedule import RETRY_MS, Schedule, WatchState, after_round, load, next_round, rescheduled, save
from tmxdb_sandbox import RunningSite

__all__ = ["in_berlin"]

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def due(tool: Tool) -> int:
    return int(json.loads(tool.one("select value from settings where key = 'watch'"))["due_ms"])


def test_the_next_round_is_after_a_span_or_at_the_next_time_of_day() -> None:
    now = at("2026-11-29T12:00")
    assert next_round(now, HOUR_MS, []) == now + HOUR_MS
    assert next_round(now, None, [3 * 60 + 30], UTC) == at("2026-11-30T03:30")
    assert next_round(now, None, [18 * 60, 3 * 60], UTC) == at("2026-11-29T18:00")
    # On the days on which clocks change it is the same time of day.
    assert next_round(at("2026-03-28T12:00"), None, [4 * 60], BERLIN) == at("2026-03-29T02:00")
    assert next_round(at("2026-10-24T12:00"), None, [4 * 60], BERLIN) == at("2026-10-25T03:00")


def test_a_span_is_counted_from_the_beginning_of_a_round_however_long_it_takes() -> None:
    daily, began = Schedule(20 * HOUR_MS), at("2026-11-29T03:30")
    for hours in (0, 7, 20):
        assert daily.after(began, began + hours * HOUR_MS) == began + 20 * HOUR_MS
    assert daily.after(began, began + 23 * HOUR_MS) == began + 23 * HOUR_MS
    assert daily.after(began, began - 9 * HOUR_MS) == began + 11 * HOUR_MS  # the clock was set back
    assert Schedule(None, (210,)).after(began, began + 30 * HOUR_MS) == next_round(began + 30 * HOUR_MS, None, [210])


def test_a_failed_round_is_not_repeated_at_once_when_it_took_longer_than_the_span() -> None:
    assert after_round(WatchState(0), 0, 9, following_ms=9, succeeded=False).due_ms == 9 + RETRY_MS


def test_the_next_start_of_cron_finds_a_round_due_after_a_long_one(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch.wall_clock", clock)
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 1)
    steps: list[str] = []

    def step(words: list[str], *_: object) -> int:
        steps.append(words[0])
        clock.now_ms += 2 * HOUR_MS
        return 0

    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._step", step)
    first = clock.now_ms
    tool("watch", "--once", "--every", "20h")
    clock.now_ms = first + 24 * HOUR_MS
    tool("watch", "--once", "--every", "20h")
    assert steps == ["sync-tracks", "refresh", "run", "changes"] * 2


@needs_time_zones
@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize("zone", [BERLIN, None])
def test_a_time_that_is_left_out_is_an_hour_later_and_one_that_is_repeated_counts_once(zone: ZoneInfo | None) -> None:
    assert next_round(at("2026-03-29T00:59"), None, [150], zone) == at("2026-03-29T01:30")
    assert next_round(at("2026-03-29T01:30"), None, [150], zone) == at("2026-03-30T00:30")
    assert next_round(at("2026-10-24T23:00"), None, [150], zone) == at("2026-10-25T00:30")
    assert next_round(at("2026-10-25T00:30"), None, [150], zone) == at("2026-10-26T01:30")


def test_a_failed_round_is_repeated_soon_and_later_each_time_but_not_after_the_next_one() -> None:
    state, following = WatchState(0, since_ms=7), 100 * RETRY_MS
    waits = []
    for _ in range(8):
        state = after_round(state, 0, 0, following, succeeded=False)
        waits.append(state.due_ms // RETRY_MS)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 100]
    assert state.since_ms == 7
    assert after_round(state, 5, 6, following, succeeded=True) == WatchState(following, 5, 0)


@pytest.mark.usefixtures("changing")
def test_a_round_syncs_refreshes_runs_and_tells_what_changed(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3, "--top", 2)
    tool("run", "--only", "best")
    track = tool.one("select track_id from selection_tracks where rank = 1")
    new = site.add_record(track)
    tool("watch", "--once", "--only", "best")
    assert tool.one("select status from replays where replay_id = ?", new) == "done"
    log = (tool.folder / "watch.log").read_text("utf-8")
    for line in ("sync-tracks: Selection best: 3 tracks", "1 leaderboard to list", "run: ", "changes: 1 new record:"):
        assert line in log
    assert "The next round is due at" in tool("watch", "--once").err
    assert tool.one("select count(*) from tracks") == 3


def test_a_new_schedule_replaces_the_time_of_the_former_one_and_says_so(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 1)
    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._step", lambda *_: 0)
    tool("watch", "--once", "--every", "9d")
    nine_days = due(tool)
    ran = tool("watch", "--once", "--every", "30d")
    assert "New schedule: every 30 d 0 h instead of every 9 d 0 h." in ran.err
    assert abs(due(tool) - nine_days - 21 * 24 * HOUR_MS) < HOUR_MS
    assert "New schedule" not in tool("watch", "--once", "--every", "30d").err
    tool("watch", "--once", "--every", "1h")
    in_an_hour = due(tool)
    assert nine_days - in_an_hour > 8 * 24 * HOUR_MS
    minute = (in_an_hour // 60_000 + 120) % (24 * 60)  # a time of day after that, in UTC or not
    monkeypatch.setattr(
        "tmxdb.upkeep.schedule.next_round", lambda now, every, times: next_round(now, every, times, UTC)
    )
    ran = tool("watch", "--once", "--at", f"{minute // 60:02}:{minute % 60:02}")
    assert f"New schedule: at {minute // 60:02}:{minute % 60:02} instead of every 1 h 00 min." in ran.err
    assert due(tool) > in_an_hour
    assert due(tool) // 60_000 % (24 * 60) == minute


def test_a_new_schedule_keeps_a_round_that_is_overdue_or_has_failed() -> None:
    at_0330, now = Schedule(None, (210,)), at("2026-11-29T12:00")
    overdue = WatchState(now - 1, now - HOUR_MS, schedule="every 1 h 00 min")
    failed = WatchState(now + RETRY_MS, now - HOUR_MS, 1, "every 1 h 00 min")
    for state in (overdue, failed):
        assert rescheduled(state, at_0330, now) == replace(state, schedule="at 03:30")
    # The span is counted from the last round: one that has passed since then is over.
    last = WatchState(now + 9 * HOUR_MS, now - 3 * HOUR_MS, schedule="every 12 h 00 min")
    assert rescheduled(last, Schedule(2 * HOUR_MS), now).due_ms == now - HOUR_MS


class SetBack(threading.Event):
    """Waiting sets the clock back by a year, and after that forward by the time that was waited."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock, self._back_ms, self._left = clock, 365 * 24 * HOUR_MS, 500

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        assert timeout >= 0
        self._left -= 1
        assert self._left, "the round is not due after many looks at the clock"
        self._clock.now_ms += round(timeout * 1000) - self._back_ms
        self._back_ms = 0
        return False


def test_a_clock_that_is_set_back_while_the_watch_waits_does_not_put_the_round_off(
    sqlite: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch.wall_clock", clock)
    schedule, right_ms = Schedule(HOUR_MS), clock.now_ms
    clock.now_ms += 365 * 24 * HOUR_MS
    with sqlite.write() as connection:
        save(connection, WatchState(clock.now_ms + HOUR_MS, schedule=str(schedule)))
    state = _wait(sqlite, SetBack(clock), logging.getLogger(), schedule, once=False)
    assert state is not None
    assert right_ms + HOUR_MS <= state.due_ms <= clock.now_ms < right_ms + 2 * HOUR_MS
    with sqlite.read() as connection:
        assert load(connection) == state


def test_a_round_that_failed_or_was_killed_is_done_again(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 1)
    steps: list[str] = []
    statuses = iter([1, 0, 0, 0])

    def step(words: list[str], *_: object) -> int:
        steps.append(words[0])
        return next(statuses, 0)

    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._step", step)
    tool("watch", "--once", ends=3)
    first = due(tool)
    assert steps == ["sync-tracks", "refresh", "run", "changes"]  # a failed step does not keep the others from running

    def killed(words: list[str], *_: object) -> int:
        raise KeyboardInterrupt

    tool.change("update settings set value = json_set(value, '$.due_ms', 0) where key = 'watch'")
    with monkeypatch.context() as patch:
        patch.setattr("tmxdb.cli.commands.mirror.watch._step", killed)
        tool("watch", "--once", ends=130)
    assert due(tool) == 0
    tool("watch", "--once")
    assert due(tool) > first
    assert len(steps) == 8


def test_a_clock_that_was_set_back_since_the_last_round_fails_no_round(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 1)
    real_step = _step
    monkeypatch.setattr(
        "tmxdb.cli.commands.mirror.watch._step",
        lambda words, *more: real_step(words, *more) if words[0] == "changes" else 0,
    )
    tool("watch", "--once")
    since = wall_clock() + HOUR_MS
    tool.change(
        "update settings set value = json_set(value, '$.due_ms', 0, '$.since_ms', ?) where key = 'watch'", since
    )
    assert "is in the future" not in tool("watch", "--once").err
    state = json.loads(tool.one("select value from settings where key = 'watch'"))
    assert state["failures"] == 0
    assert state["since_ms"] < since


def test_without_a_list_that_was_chosen_no_list_is_read(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 1)
    steps: list[str] = []

    def step(words: list[str], *_: object) -> int:
        steps.append(words[0])
        return 0

    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._step", step)
    tool("watch", "--once")
    assert steps == ["refresh", "run", "changes"]


def test_a_schedule_that_cannot_be_read_is_one_sentence(tool: Tool) -> None:
    for option, value in (
        ("--every", "often"), ("--older-than", "5x"), ("--at", "25:00"), ("--at", "noon"), ("--at", "²:30"),
    ):  # fmt: skip
        assert tool("watch", option, value, ends=2).error.startswith(f"Error: {option} '{value}' is not a ")
    assert tool("watch", "--every", "1d", "--at", "03:30", ends=2).error


def test_the_steps_have_the_options_of_the_watch(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 1)
    given: list[dict[str, str]] = []

    def step(words: list[str], environment: dict[str, str], *_: object) -> int:
        given.append(environment)
        return 0

    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._step", step)
    tool("--contact", "me@example.org", "--data", "files", "watch", "--once", "--rate", "2.5", "--site", site.url)
    assert len(given) == 3
    for environment in given:
        named = {name: environment[f"TMXDB_{name}"] for name in ("DATA", "SITE", "CONTACT", "RATE")}
        assert named == {"DATA": "files", "SITE": site.url, "CONTACT": "me@example.org", "RATE": "2.5"}
    assert "is a database of" in tool("--site", "tmuf", "watch", "--once", ends=1).error


def test_a_file_that_is_no_log_is_not_renamed_by_one(tool: Tool) -> None:
    tool("migrate")
    with (tool.folder / "tmx.db").open("ab") as file:
        file.write(bytes(10_000_001))  # larger than a log becomes before it is renamed
    before = tool.files()
    error = tool("watch", "--once", "--log", "tmx.db", ends=1).error
    assert error == "Error: --log tmx.db is a database. Choose another file."
    assert tool.files() == before


def test_a_database_that_was_replaced_ends_the_watch(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 1)
    tool("--db", "other.db", "migrate")

    opened: list[Database] = []

    def opening(options: StorageOptions) -> Database:
        opened.append(open_database(options))
        return opened[-1]

    def step(words: list[str], *_: object) -> int:
        if words[0] == "changes":
            opened[0].engine.dispose()  # Windows replaces no file that is open
            (tool.folder / "other.db").replace(tool.folder / "tmx.db")
        return 0

    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch.open_database", opening)
    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._step", step)
    ran = tool("watch", ends=1)
    assert "was replaced by another one" in ran.error
    assert "Trying again" not in ran.err


def test_a_step_gets_the_database_where_other_users_cannot_read_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every user of a machine can read the arguments of its processes, and a URL may contain a password."""
    started: list[list[str]] = []

    class Recorded(subprocess.Popen[str]):
        def __init__(self, words: list[str], **options: Any) -> None:
            started.append(words)
            super().__init__(words, **options)

    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch.subprocess.Popen", Recorded)
    log = logging.getLogger("tests.watch")
    with caplog.at_level(logging.INFO, log.name):
        environment = _environment(StorageOptions(db=database.location), ExchangeOptions())
        status = _step(["query", "select 40 + 2"], environment, threading.Event(), log)
    assert status == 0
    assert "42" in caplog.text
    assert started[0][-2:] == ["query", "select 40 + 2"]
    assert not any(database.location in word for word in started[0])
