"""docs/how-to/from-older-scripts.md: each option of the older scripts is there, and each command on the page runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "from-older-scripts.md"
DOWNLOAD = """--list-popular --track-ids --output --output-dir --replays-dir --tracks-dir --per-page --top --workers
--api-workers --extract-tracks-from-replays --rate-delay --no-tqdm --dry-run --track-id --track-name
--download-replays --download-tracks"""
CAPTURE = """--replays-dir --output-dir --tracks-dir --width --height --fps --workers --base-tmi-port --track-ids
--track-id --per-frame-json --config --running-speed --input-time-offset-ms --step-ms"""
"""The options of the older manual."""


def sections() -> dict[str, list[list[str]]]:
    """The cells of each line of the tables, by the first word of their heading."""
    found: dict[str, list[list[str]]] = {}
    for part in PAGE.read_text("utf-8").split("\n## ")[1:]:
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| `")]
        found[part.split()[0].rstrip(",")] = rows
    return found


def commands() -> list[str]:
    cells = [cell for rows in sections().values() for row in rows for cell in row[1:]]
    return list(dict.fromkeys(command for cell in cells for command in re.findall(r"`(tmxdb [^`]*)`", cell)))


@pytest.mark.parametrize(("script", "older"), [("Download", DOWNLOAD), ("Capture", CAPTURE)])
def test_each_option_of_the_older_manual_is_on_the_page(script: str, older: str) -> None:
    listed = {option for row in sections()[script] for option in re.findall(r"--[a-z-]+", row[0])}
    assert listed == set(older.split())


@pytest.mark.parametrize("command", commands())
def test_each_command_on_the_page_runs(done: Tool, site: RunningSite, command: str) -> None:
    track_id = done.one("select min(track_id) from tracks")
    (done.folder / "maps" / "replays").mkdir(parents=True)
    if "--save-ids" not in command:
        (done.folder / "maps" / "track_ids.txt").write_text(f"{track_id}\n")
    done.change("update settings set value = ? where key = 'site'", site.url)
    words = [str(track_id) if word in ("100", "2233") else word for word in shlex.split(command)[1:]]
    if "A01" in words:
        words[words.index("A01")] = done.one("select substr(name, 1, 5) from tracks where track_id = ?", track_id)
    if "calibrate" in words or "check" in words:
        assert "Usage" in done(*words, "--help").out  # needs a game
        return
    if "work" in words or "run" in words:
        words = [*(word for word in words if word != "--dry-run"), "--dry-run"]
    done(*words)


def test_a_page_has_as_many_tracks_as_asked_for(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--per-page", 8)
    assert tool.one("select count(*) from tracks") == len(site.track_ids())
    lists = [entry["path"] for entry in site.log() if entry["path"].startswith("/api/tracks")]
    assert len(lists) == 1 + -(-len(site.track_ids()) // 8)  # one to see that the site answers
    assert "&count=8" in tool("sync-tracks", "--per-page", 8, "--dry-run").out
    assert "10001 is not in the range 1<=x<=10000" in tool("sync-tracks", "--per-page", 10001, ends=2).err


def test_the_rate_may_be_given_as_before(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    assert (
        "rate" in tool("run", "--rate", 4, "--dry-run").err or "per second" in tool("run", "--rate", 4, "--dry-run").err
    )
