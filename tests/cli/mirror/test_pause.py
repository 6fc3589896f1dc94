"""`pause` and `resume`: moments as people type them, real processes that stop and go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from tests.tool import Tool
from tests.zones import in_berlin, needs_time_zones
from tmxdb.cli.shared.parse_time import parse_past, parse_time
from tmxdb.clock import from_iso
from tmxdb.errors import UsageError
from tmxdb_sandbox import RunningSite

__all__ = ["in_berlin"]

NOW = from_iso("2026-11-25T17:40:30.000Z")
EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("90s", "2026-11-25T17:42:00.000Z"),
        ("30m", "2026-11-25T18:10:30.000Z"),
        ("30min", "2026-11-25T18:10:30.000Z"),
        ("1h30m", "2026-11-25T19:10:30.000Z"),
        ("2d", "2026-11-27T17:40:30.000Z"),
        ("20:00", "2026-11-25T18:00:00.000Z"),
        ("19:40:31", "2026-11-25T17:40:31.000Z"),
        ("19:40", "2026-11-26T17:40:00.000Z"),
        ("7:05", "2026-11-26T05:05:00.000Z"),
        ("2026-11-25T20:00", "2026-11-25T18:00:00.000Z"),
        ("2026-11-25 20:00:01", "2026-11-25T18:00:01.000Z"),
        ("2026-11-25T20:00Z", "2026-11-25T20:00:00.000Z"),
        ("2026-11-25T20:00:00+01:00", "2026-11-25T19:00:00.000Z"),
        ("2026-12-01", "2026-11-30T22:00:00.000Z"),
    ],
)
def test_a_time_is_a_span_a_time_of_day_or_a_date(text: str, means: str) -> None:
    assert parse_time(text, NOW, zone=EAST) == from_iso(means)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "5", "-5m", "0m", "25:00", "12:60", "2026-11-25T17:40:30Z", "2026-13-01", "1999-01-01", "9999999d",
     "999999999h999999999h", "9999-12-31T23:59:59-12:00", "2m junk", "٣m"],
)  # fmt: skip
def test_what_is_not_a_future_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--until"):
        parse_time(text, NOW, zone=EAST)


class Berlin(tzinfo):
    """In the night to 25 October 2026 summer time ends. (Windows has no table of zones.)"""

    def utcoffset(self, at: datetime | None) -> timedelta:
        return timedelta(hours=2 if at and at.replace(tzinfo=None).isoformat() < "2026-10-25T03" else 1)

    def dst(self, at: datetime | None) -> timedelta:
        return self.utcoffset(at) - timedelta(hours=1)

    def tzname(self, at: datetime | None) -> str:
        return "Berlin"


def test_a_time_of_day_is_the_same_time_tomorrow_even_if_clocks_change() -> None:
    evening = from_iso("2026-10-24T18:00:00.000Z")
    assert parse_time("20:00", evening, zone=Berlin()) == evening + 25 * 3_600_000


def test_a_time_without_a_zone_is_in_the_zone_of_this_computer() -> None:
    local = datetime.fromtimestamp(NOW / 1000 + 3600, UTC).astimezone()
    assert parse_time(f"{local:%Y-%m-%dT%H:%M:%S}", NOW) == NOW + 3_600_000
    assert parse_time(f"{local:%H:%M:%S}", NOW) == NOW + 3_600_000


@needs_time_zones
@pytest.mark.usefixtures("in_berlin")
def test_the_zone_of_this_computer_has_the_offset_of_the_time_that_is_meant() -> None:
    before, after = from_iso("2026-03-29T00:30:00.000Z"), from_iso("2026-03-29T10:00:00.000Z")
    assert parse_past("today", after) == from_iso("2026-03-28T23:00:00.000Z")
    assert parse_past("yesterday", after) == from_iso("2026-03-27T23:00:00.000Z")
    assert parse_time("02:30", before) == from_iso("2026-03-29T01:30:00.000Z")  # it is left out, so an hour later
    for now, means in (("00:10", "00:30"), ("01:10", "01:30")):  # 02:30 comes twice: the next one
        assert parse_time("02:30", from_iso(f"2026-10-25T{now}:00.000Z")) == from_iso(f"2026-10-25T{means}:00.000Z")
    assert parse_time("02:30", from_iso("2026-10-25T01:30:00.000Z")) == from_iso("2026-10-26T01:30:00.000Z")


def test_status_shows_pauses_and_resume_lifts_them(tool: Tool) -> None:
    tool("migrate")
    said = tool("pause", "download", "--until", "2h", "--reason", "the line\x1b[2J is needed").err
    assert "download is paused until " in said
    assert "in 2 h 00 min, or with `tmxdb resume download`" in said
    tool("pause", "all")
    state = tool("status", "--json").json
    assert [(row["kind"], row["reason"], row["until"] is None) for row in state["paused"]] == [
        ("all", None, True),
        ("download", "the line\\u001b[2J is needed", False),
    ]
    out = tool("status").out
    assert "every kind is paused; `tmxdb resume all` ends the pause." in out
    assert "\x1b" not in out
    assert "But every kind is paused: lift that with `tmxdb resume all`." in tool("resume", "download").err
    assert tool("resume", "all").err == "all: the pause is lifted.\n"
    assert tool("resume", "list").err == "list was not paused.\n"
    assert tool("status", "--json").json["paused"] == []


@pytest.mark.parametrize(
    "words", [["pause"], ["pause", "sync"], ["pause", "list", "--until", "yesterday"], ["resume", "x"]]
)
def test_wrong_arguments_of_pause_change_nothing(tool: Tool, words: list[str]) -> None:
    tool("migrate")
    assert tool(*words, ends=2).error
    assert tool.one("select count(*) from pauses") == 0


def test_two_processes_stop_when_their_kind_is_paused_and_go_on_when_it_is_resumed(
    tool: Tool, site: RunningSite
) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("pause", "list")
    with tool.started("work", "--kind", "list") as one, tool.started("work", "--kind", "list") as two:
        for process in (one, two):
            assert process.stderr
            assert "list is paused; `tmxdb resume list` ends the pause." in process.stderr.readline()
        assert tool.one("select count(*) from tracks where status <> 'pending'") == 0
        tool("resume", "list")
        for process in (one, two):
            _, err = process.communicate(timeout=300)
            assert process.returncode == 0
            assert "list is no longer paused." in err
    assert tool.one("select count(*) from tracks where status = 'done'") > 0
    assert tool.one("select count(*) from tracks where status in ('pending', 'running', 'retry')") == 0


def test_a_paused_kind_ends_a_run_that_does_not_wait(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("pause", "list")
    assert "list is paused" in tool("run", "--no-wait").err
    assert tool.column("select distinct status from tracks") == ["pending"]
