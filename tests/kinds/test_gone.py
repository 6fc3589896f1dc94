"""The second 404 for items that the site does not have: it is believed, also if nothing else is left to ask for."""

from __future__ import annotations

import pytest

from tests.tool import Tool
from tmxdb.failure_policy import escalate_after
from tmxdb_sandbox import running_site

MISSING = escalate_after("tmx.gone") + 4


@pytest.mark.parametrize(
    ("table", "command"),
    [("replays", ("work", "--kind", "download")), ("maps", ("work", "--kind", "extract", "--from", "site"))],
)
def test_many_items_that_are_gone_are_skipped_at_the_end_of_a_run_without_a_pause(
    tool: Tool, table: str, command: tuple[str, ...]
) -> None:
    with running_site(tracks=MISSING, replays=1, plain=True) as site:
        tool("--site", site.url, "sync-tracks")
        tool("work", "--kind", "list")
        tool(*command, "--limit", 1)  # opens the rows of all maps
        asked_once = "status = 'retry', attempts = 1, failures_in_a_row = 1, available_at = '2020-01-01T00:00:00Z'"
        code = "error_code = 'tmx.gone', failure_cause = 'tmx.gone'"
        tool.change(f"update {table} set {asked_once}, {code} where status = 'pending'")
        site.set_faults(["404:on=files"])
        ran = tool(*command)
    assert "Pausing" not in ran.err
    assert tool.rows(f"select status, attempts, count(*) n from {table} group by 1, 2 order by 1") == [
        {"status": "done", "attempts": 1, "n": 1},
        {"status": "skipped", "attempts": 2, "n": MISSING - 1},
    ]
