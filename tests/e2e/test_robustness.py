"""Killed, interrupted, with a site that fails in every way: run again, and it ends as if nothing had happened."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tmxdb import storage
from tmxdb.sandbox import RunningSite, running_site

from ..tool import Tool, outside, quickly, until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

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
    "lease_until",
    "claim_token",
    "finished_at",
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
    shared.forget()
    yield shared
    shared.set_faults([])
    shared.set_latency(0)


@pytest.fixture(scope="module")
def undisturbed(shared: RunningSite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How it ends when nothing happens."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("undisturbed")
        outside(monkeypatch, folder)
        quickly(monkeypatch)
        tool = Tool(folder, monkeypatch)
        tool("--site", shared.url, "sync-tracks")
        tool("run", "--n", N)
        return end_state(tool)


def end_state(tool: Tool) -> dict[str, Any]:
    """All files and all rows of jobs, but for when and how often they were tried."""
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
    """What is not as it should be, one line each."""
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
def test_kills_and_interruptions_and_faults_change_nothing_in_the_end(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any]
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.forget()
    site.set_faults(FAULTS)
    site.set_latency(15)
    kills = 4
    for _ in range(kills):
        with tool.started("run", "--n", N) as process:
            before = downloads(site)
            until(lambda before=before: downloads(site) >= before + 25)
            process.send_signal(signal.SIGKILL)
    with tool.started("run", "--n", N) as process:
        before = downloads(site)
        until(lambda: downloads(site) >= before + 10)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Stopping: what is in flight ends" in err
    assert "rows are left; the same command goes on from here." in err
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
def test_a_worker_killed_again_and_again_before_anything_came_gives_up_no_row(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any]
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.set_faults(["hang"])
    for _ in range(3):
        site.forget()
        with tool.started("run", "--n", 2) as process:
            until(lambda: site.stats()["requests"])
            process.send_signal(signal.SIGKILL)
    site.set_faults([])
    tool("run", "--n", N)
    assert differences(tool, undisturbed) == []


def test_ctrl_c_lets_what_is_in_flight_end_and_a_second_one_stops_at_once(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.forget()
    site.set_faults(["hang:on=record"])
    with tool.started("work", "--kind", "download", "--n", 3) as process:
        until(lambda: downloads(site) == 3)
        process.send_signal(signal.SIGINT)
        said = _read_until(process.stderr, "Stopping")
        assert process.poll() is None  # the three in flight are waited for
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Ctrl-C again stops at once" in said
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


def test_two_processes_at_once_share_the_work_and_never_fetch_the_same(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any]
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.set_latency(10)
    with tool.started("run", "--n", N) as one, tool.started("run", "--n", N) as other:
        for process in (one, other):
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
    assert differences(tool, undisturbed) == []
    paths = [line["path"] for line in site.log() if "recordgbx" in line["path"]]
    assert len(paths) == len(set(paths))


def test_a_storm_pauses_everybody_and_then_it_goes_on(
    tool: Tool, site: RunningSite, undisturbed: dict[str, Any]
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.forget()
    site.set_faults(["storm:at=0.2:for=2"])
    site.set_latency(5)
    ran = tool("run", "--n", N)
    assert "Pausing for" in ran.err
    assert differences(tool, undisturbed) == []
    refused = sum(line["status"] == 429 for line in site.log())
    assert 1 <= refused <= 3 * N


def test_a_site_that_goes_away_for_a_while_costs_no_row(
    tool: Tool, undisturbed: dict[str, Any], site: RunningSite
) -> None:
    tool("--site", site.url, "sync-tracks")
    site.forget()
    site.set_latency(10)

    def outage() -> None:
        until(lambda: downloads(site) >= 20)
        site.set_faults(["refuse"])
        until(lambda: sum(line["fault"] == "refuse" for line in site.log()) >= N + 2)
        site.set_faults([])

    with _beside(outage):
        ran = tool("run", "--n", N)
    assert "the site can not be reached" in ran.err
    assert differences(tool, undisturbed) == []


class _beside:
    """Does something in a thread while the block runs."""

    def __init__(self, what: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=what)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


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
        patch.setattr(storage.os, "replace", full)
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
