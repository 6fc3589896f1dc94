"""`tmxdb watch`: rounds on a schedule that is kept in the database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.tool import Tool
from tmxdb.upkeep.schedule import RETRY_MS, WatchState, after_round, next_round
from tmxdb_sandbox import RunningSite

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


def test_a_watch_with_a_shorter_span_does_not_wait_for_the_round_of_the_longer_one(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 1)
    monkeypatch.setattr("tmxdb.cli.commands.mirror.watch._step", lambda *_: 0)
    tool("watch", "--once", "--every", "9d")
    later = due(tool)
    tool("watch", "--once", "--every", "30d")
    assert due(tool) == later
    tool("watch", "--once", "--every", "1h")
    assert later - due(tool) > 8 * 24 * HOUR_MS


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
    for words in (["--every", "often"], ["--at", "25:00"], ["--at", "noon"], ["--every", "1d", "--at", "03:30"]):
        assert tool("watch", *words, ends=2).error
