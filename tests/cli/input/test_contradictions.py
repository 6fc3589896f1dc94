"""Two options that contradict each other are wrong usage: neither wins in silence."""

from __future__ import annotations

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite

PAIRS = [
    ("run", ["--top", "1"], ["--all-replays"]),
    ("run --dry-run", ["--top", "1"], ["--all-replays"]),
    ("work --kind list", ["--all-replays"], ["--top", "1"]),
    ("run", ["--forever"], ["--no-wait"]),
    ("sync-tracks", ["--all"], ["--order", "awards"]),
    ("sync-tracks", ["--all"], ["--max-tracks", "5"]),
    ("sync-tracks", ["--all"], ["--environment", "stadium"]),
    ("sync-tracks --dry-run", ["--all"], ["--no-replays"]),
    ("sync-tracks", ["--only", "best"], ["--all"]),
    ("sync-tracks", ["--only", "best"], ["--refresh"]),
    ("sync-tracks", ["--only", "best"], ["--per-page", "10"]),
    ("sync-tracks", ["--only", "best"], ["--order", "awards"]),
    ("sync-tracks", ["--only", "best"], ["--min-awards", "3"]),
    ("sync-tracks", ["--refresh"], ["--order", "awards"]),
    ("sync-tracks", ["--author-time-min", "9"], ["--author-time-max", "8"]),
    ("sync-tracks", ["--uploaded-after", "2024-01-02"], ["--uploaded-before", "2024-01-02"]),
    ("select best", ["--author-time-min", "9"], ["--author-time-max", "8"]),
    ("select best", ["--track-ids", "ids.txt"], ["--where", "awards > 1"]),
    ("select best", ["--track-ids", "ids.txt"], ["--tag", "race"]),
    ("select best", ["--track-ids", "ids.txt"], ["--live"]),
    ("select", ["--drop", "best"], ["--top", "3"]),
    ("select", ["--show", "best"], ["--where", "awards > 1"]),
    ("select", ["--list"], ["--fixed"]),
    ("add-captures", ["--track-ids", "-"], ["--exclude-maps", "-"]),
    ("watch", ["--every", "1d"], ["--at", "03:30"]),
]


@pytest.mark.parametrize(
    ("command", "first", "second"), PAIRS, ids=lambda part: part if isinstance(part, str) else " ".join(part)
)
def test_both_options_are_named_and_nothing_is_done(
    tool: Tool, site: RunningSite, command: str, first: list[str], second: list[str]
) -> None:
    (tool.folder / "ids.txt").write_text("5\n")
    for options in ([*first, *second], [*second, *first]):
        ran = tool("--site", site.url, *command.split(), *options, ends=2)
        assert first[0] in ran.err
        assert second[0] in ran.err
    assert site.stats()["requests"] == 0
    assert tool.files() == {"ids.txt"}


def test_a_priority_given_with_selections_is_remembered(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 2)
    tool("sync-tracks", "--priority", "uploaded")
    assert tool.one("select value from settings where key = 'priority'") == "uploaded"
