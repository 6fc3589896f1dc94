"""After kills, interruptions and every fault of the site, the next run ends in the same state as an undisturbed one."""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.processes import needs_ctrl_c
from tests.tool import Tool, isolate, shorten_waits, until
from tmxdb_sandbox import RunningSite, running_site

pytestmark = needs_ctrl_c

FAULTS = [
    "503:3%:first=1",
    "cut:4%:first=2",
    "html:3%:first=1:on=files",
    "reset:2%:first=1:on=files",
    "not-gbx:2%:first=1",
    "500:10%:first=1:on=replays",
]
N = 6
_WHEN = {
    "claimed_by",
    "claim_token",
    "finished_at",
    "first_seen_at",
    "first_listed_at",
    "position_since",
    "listed_at",
    "synced_at",
    "attempts",
    "available_at",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSite]:
    with running_site(tracks=40, replays=7) as site:
        yield site


@pytest.fixture
def site(shared: RunningSite) -> Iterator[RunningSite]:
    shared.set_faults([])
    shared.set_latency(0)
    shared.clear_log()
    yield shared
    shared.set_faults([])
    shared.set_latency(0)


@pytest.fixture(scope="module")
def undisturbed(shared: RunningSite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the end state of an undisturbed run."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("undisturbed")
        isolate(monkeypatch, folder)
        shorten_waits(monkeypatch)
        tool = Tool(folder, monkeypatch)
        tool("--site", shared.url, "sync-tracks")
        tool("run", "--n", N)
        return end_state(tool)


def end_state(tool: Tool) -> dict[str, Any]:
    """Return all files and all rows of jobs, without times and numbers of attempts."""
    state: dict[str, Any] = {
        name: (tool.folder / name).read_bytes() for name in tool.files() if name.startswith("data/")
    }
    for table in ("tracks", "replays", "maps", "inputs"):
        rows = tool.rows(f"select * from {table} order by 1")
        state[table] = [{name: value for name, value in row.items() if name not in _WHEN} for row in rows]
        if table == "maps":  # which replay of a track was there first is a matter of chance
            state[table] = [{"track_id": row["track_id"], "uid": row["uid"], "status": row["status"]} for row in rows]
    return {name: value for name, value in state.items() if not name.startswith("data/tracks/")}


def differences(tool: Tool, right: dict[str, Any]) -> list[str]:
    """Return one line for each difference."""
    found, state = [], end_state(tool)
    for name in right.keys() | state.keys():
        if name.startswith("data/"):
            if right.get(name) != state.get(name):
                found.append(f"{name}: {'not as it should be' if name in state else 'missing'}")
            continue
        wanted, rows = ({next(iter(row.values())): row for row in one[name]} for one in (right, state))
        for key in wanted.keys() | rows.keys():
            here, there = rows.get(key, {}), wanted.get(key, {})
            found += [
                f"{name} {key}: {column} is {here.get(column)!r} instead of {there.get(column)!r}"
                for column in here.keys() | there.keys()
                if here.get(column) != there.get(column)
            ]
    return sorted(found)


def downloads(site: RunningSite) -> int:
    return sum("recordgbx" in line["path"] for line in site.log())


def nothing_is_held(tool: Tool) -> bool:
    held = sum(
        tool.one(f"select count(*) from {name} where status = 'running'") for name in ("tracks", "replays", "maps")
    )
    return held == 0 and tool.one("select count(*) from workers") == 0


@pytest.mark.slow
def test_kills_interruptions_and_faults_do_not_change_the_final_state(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any]
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.clear_log()
    site.set_faults(FAULTS)
    site.set_latency(15)
    kills = 4
    for _ in range(kills):
        with tool.started("run", "--n", N) as process:
            before = downloads(site)
            until(lambda before=before: downloads(site) >= before + 25)
            process.kill()
    with tool.started("run", "--n", N) as process:
        before = downloads(site)
        until(lambda: downloads(site) >= before + 10)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Stopping: jobs in flight finish" in err
    assert "left. Run the same command again to continue." in err
    assert nothing_is_held(tool)
    site.set_latency(0)
    tool("run", "--n", N)
    assert differences(tool, undisturbed) == []
    assert not [name for name in tool.files() if ".partial" in name]
    assert tool.one("select count(*) from attempts where outcome = 'failed'") == 0

    asked, whole, spoiled = Counter[str](), Counter[str](), Counter[str]()
    for line in site.log():
        asked[line["path"]] += 1
        spoiled[line["path"]] += bool(line["fault"])
        whole[line["path"]] += "recordgbx" in line["path"] and not line["fault"] and line["status"] == 200
    assert all(n <= 1 + spoiled[path] + kills for path, n in asked.items())
    # Only what was in flight when it was killed may come again.
    assert sum(n - 1 for n in whole.values() if n > 1) <= kills * N


@pytest.mark.slow
def test_a_worker_killed_repeatedly_before_any_response_gives_up_no_row(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any]
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.set_faults(["hang"])
    for _ in range(3):
        site.clear_log()
        with tool.started("run", "--n", 2) as process:
            until(lambda: site.stats()["requests"])
            process.kill()
    site.set_faults([])
    tool("run", "--n", N)
    assert differences(tool, undisturbed) == []


def test_ctrl_c_lets_jobs_in_flight_finish_and_a_second_one_stops_immediately(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.clear_log()
    site.set_faults(["hang:on=record"])
    with tool.started("work", "--kind", "download", "--n", 3) as process:
        until(lambda: downloads(site) == 3)
        process.send_signal(signal.SIGINT)
        said = _read_until(process.stderr, "Stopping")
        assert process.poll() is None  # the three in flight are waited for
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Press Ctrl-C again to stop immediately." in said
    assert "Interrupted" in err
    assert downloads(site) == 3
    assert nothing_is_held(tool)
    assert tool.one("select max(attempts) from replays") == 0
    assert tool.one("select count(*) from attempts where kind = 'download'") == 0


def _read_until(stream: Any, word: str) -> str:
    said = ""
    while word not in said:
        line = stream.readline()
        assert line, said
        said += line
    return said


def test_two_processes_share_the_work_and_never_download_the_same_file(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any]
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.set_latency(10)
    with tool.started("run", "--n", N) as one, tool.started("run", "--n", N) as other:
        for process in (one, other):
            _, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
    assert differences(tool, undisturbed) == []
    requests = Counter((line["path"], line["status"]) for line in site.log() if "recordgbx" in line["path"])
    assert {n for (_, status), n in requests.items() if status != 404} == {1}
    assert {n for (_, status), n in requests.items() if status == 404} <= {2}  # asked again before it is skipped


def test_a_storm_pauses_all_workers_and_then_the_run_continues(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any]
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.clear_log()
    site.set_faults(["storm:after=20:for=2"])
    ran = tool("run", "--n", N)
    assert "Pausing all requests for 2 s" in ran.err
    assert differences(tool, undisturbed) == []
    refused = sum(line["status"] == 429 for line in site.log())
    assert 1 <= refused <= N  # those in flight when it began; afterwards the pause is obeyed


def test_a_site_that_goes_away_for_a_while_costs_no_row(
    tool: Tool, undisturbed: dict[str, Any], site: RunningSite
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.clear_log()
    site.set_faults(["refuse:after=20"])

    def end_outage() -> None:
        until(lambda: tool.one("select max(paused_until_ms) from rate_limit"))
        site.set_faults([])

    with ThreadPoolExecutor(1) as threads:
        outage = threads.submit(end_outage)
        ran = tool("run", "--n", N)
        outage.result()
    assert "the site cannot be reached" in ran.err
    assert differences(tool, undisturbed) == []


def test_a_full_disk_stops_the_run_with_one_sentence_and_loses_nothing(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "sync-tracks")
    replace, left = os.replace, [30]

    def full(source: Path, target: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        ran = tool("run", "--n", N, ends=1)
    assert "the disk is full. Make room, then run the same command again" in ran.error
    assert nothing_is_held(tool)
    assert (
        tool.one("select count(*) from replays where status = 'done'")
        + tool.one("select count(*) from maps where status = 'done'")
        == 30
    )
    assert not [name for name in tool.files() if ".partial" in name]
    tool("run", "--n", N)
    assert differences(tool, undisturbed) == []
