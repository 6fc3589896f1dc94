"""A site that answers every request with the same fault has an outage, which fails no row."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.processes import killed_at_end
from tests.tool import Tool, until
from tmxdb.failure_policy import escalate_after
from tmxdb_sandbox import RunningSite, running_site

N = 8


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with running_site(tracks=40, replays=4, plain=True) as site:
        yield site


@pytest.mark.parametrize("fault", ["html", "redirect", "empty", "401", "418"])
def test_a_wrong_answer_to_every_download_pauses_all_workers_and_fails_no_row(
    tool: Tool, site: RunningSite, fault: str
) -> None:
    site.set_faults([])
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    total = tool.one("select count(*) from replays")
    site.set_faults([f"{fault}:on=record"])
    with tool.started("work", "--kind", "download", "--n", N) as process:
        until(lambda: tool.column("select reason from rate_limit where paused_until_ms > 0"))
        site.set_faults([])
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert "no request gets a valid response" in err
    assert tool.column("select distinct status from replays") == ["done"]
    assert tool.one("select sum(attempts - 1) from replays") <= escalate_after("tmx.html") + N
    assert tool.one("select count(*) from replays") == total


@pytest.mark.slow
def test_404_for_every_download_for_a_while_skips_no_row(tool: Tool, site: RunningSite) -> None:
    """With the real waits: a row is asked for again after 10 s."""
    site.set_faults([])
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.set_faults(["404:on=record"])
    command = [sys.executable, "-m", "tmxdb", "work", "--kind", "download", "--n", str(N), "--rate", "0"]
    with (
        subprocess.Popen(command, cwd=tool.folder, env=tool.environment(), stderr=subprocess.PIPE) as process,
        killed_at_end(process),
    ):
        until(lambda: tool.column("select reason from rate_limit where paused_until_ms > 0"))
        site.set_faults([])
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert b"every requested item is missing (404)" in err
    assert tool.column("select distinct status from replays") == ["done"]
    assert tool.one("select sum(attempts - 1) from replays") < escalate_after("tmx.gone") + N


@pytest.mark.parametrize("fault", ["html", "json-shape", "401"])
def test_a_wrong_answer_to_every_list_request_pauses_all_workers_and_fails_no_row(
    tool: Tool, site: RunningSite, fault: str
) -> None:
    site.set_faults([])
    tool("--site", site.url, "sync-tracks")
    site.set_faults([fault])
    with tool.started("work", "--kind", "list", "--n", N) as process:
        until(lambda: tool.column("select reason from rate_limit where paused_until_ms > 0"))
        site.set_faults([])
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert tool.column("select distinct status from tracks") == ["done"]
