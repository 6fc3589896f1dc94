"""The `download` kind: a file is fetched, checked, read, and only then done."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.kinds.downloads import DOWNLOAD, fetched, is_right, leftovers, wanted
from tests.tool import Tool, site_for_test
from tmxdb.failure_policy import escalate_after
from tmxdb.kinds.download import KEPT_AT
from tmxdb.storage import NewFile
from tmxdb_sandbox import RunningSite, running_site


def test_each_file_is_fetched_once_and_stored_at_the_path_in_its_row(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD, "--n", 8)
    is_right(listed, site)
    assert sorted(fetched(site)) == sorted(f"/recordgbx/{replay_id}" for replay_id in wanted(site))
    assert site.stats()["connections"] <= 8
    assert {line["user_agent"].split("/")[0] for line in site.log()} == {"tmxdb"}
    assert leftovers(listed) == []
    assert listed.column("select distinct status from maps") == ["pending"]


def test_facts_from_the_files_are_stored_in_the_rows(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD)
    for row in listed.rows("select * from replays"):
        known = wanted(site)[row["replay_id"]]
        assert row["race_time_ms"] == known["race_time_ms"] == row["site_time_ms"]
        assert (row["login"], row["nickname"]) == (known["login"], known["nickname"])
        assert row["respawns"] == known["respawns"]
        assert (row["map_uid"], row["map_uid_matches"]) == (known["map_uid"], 1)
        assert row["game"] == "TMF"
        assert row["finished"] == 1
        checkpoints = json.loads(row["checkpoints_ms"])
        assert len(checkpoints) == row["checkpoint_count"]
        assert checkpoints[-1] == row["race_time_ms"]
        assert row["input_count"] > 0
        assert row["facts_version"] >= 1


def test_inputs_are_stored_unless_turned_off(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD, "--limit", 5, "--n", 1, "--no-inputs")
    assert listed.one("select count(*) from inputs") == 0
    listed(*DOWNLOAD)
    assert listed.one("select count(*) from inputs") == 19
    for row in listed.rows("select events, input_count from inputs join replays using (replay_id)"):
        events = json.loads(row["events"])
        assert len(events) == row["input_count"]
        assert all(isinstance(time_ms, int) and isinstance(name, str) for time_ms, name, _ in events)


def test_a_correct_existing_file_is_adopted_without_a_request(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD)
    before = listed.rows("select * from replays order by replay_id")
    site.clear_log()
    # As after a power cut that undid the last transactions, or for a new database next to old files.
    for name in ("tmx.db", "tmx.db-wal", "tmx.db-shm"):
        (listed.folder / name).unlink(missing_ok=True)
    listed("--site", site.url, "sync-tracks")
    listed("run")
    assert fetched(site) == []
    ignored = {"finished_at", "listed_at", "claim_token", "first_seen_at", "position_since"}
    after = listed.rows("select * from replays order by replay_id")
    assert [{k: v for k, v in row.items() if k not in ignored} for row in after] == [
        {k: v for k, v in row.items() if k not in ignored} for row in before
    ]


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "html", "another", "folder deleted"])
def test_a_damaged_file_under_the_final_name_is_replaced(listed: Tool, site: RunningSite, damage: str) -> None:
    listed(*DOWNLOAD)
    first, other = listed.rows("select replay_id, file_path from replays order by site_time_ms desc")[:2]
    path = listed.folder / "data" / first["file_path"]
    data = path.read_bytes()
    if damage == "folder deleted":
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
    else:
        flipped = data[:-9] + bytes([data[-9] ^ 0x55]) + data[-8:]
        another = (listed.folder / "data" / other["file_path"]).read_bytes()
        bodies = {"cut": data[:-1], "empty": b"", "flipped": flipped, "html": b"<html>", "another": another}
        path.write_bytes(bodies[damage])
    listed("retry", "--kind", "download", "--status", "done", "--id", first["replay_id"])
    site.clear_log()
    listed(*DOWNLOAD)
    assert fetched(site) == [f"/recordgbx/{first['replay_id']}"]
    assert path.read_bytes() == data


# What every broken answer is called in the row. `flip` is left out: one byte may pass in a format without checksums.
WRONG = {
    "html": "tmx.html",
    "empty": "tmx.empty",
    "cut": "tmx.cut",
    "cut-silent": "gbx.truncated",
    "wrong-length": "gbx.truncated",
    "reset": "tmx.connection",
    "gzip": "gbx.not_gbx",
    "gzip-unsaid": "gbx.not_gbx",
    "bomb": "gbx.not_gbx",
    "huge": "tmx.too_large",
    "endless": "tmx.too_large",
    "not-gbx": "gbx.not_gbx",
    "wrong-file": "tmx.wrong_file",
    "redirect": "tmx.redirect",
    "500": "tmx.unavailable",
    "403": "tmx.forbidden",
}


@pytest.fixture(scope="module")
def shared_small() -> Iterator[RunningSite]:
    """Two tracks with one replay each."""
    with running_site(tracks=2, replays=1, plain=True) as site:
        yield site


@pytest.mark.parametrize("fault", WRONG)
def test_each_wrong_response_is_recognised_and_the_file_is_fetched_again(
    tool: Tool, shared_small: RunningSite, fault: str
) -> None:
    with site_for_test(shared_small) as site:
        tool("--site", site.url, "sync-tracks")
        tool("work", "--kind", "list")
        site.set_faults([f"{fault}:100%:first=1:on=record"])
        site.clear_log()
        tool(*DOWNLOAD, "--n", 1)
        is_right(tool, site)
        assert len(fetched(site)) == 4
        attempts = tool.rows("select outcome, attempt, error_code, error from attempts where kind = 'download'")
        if fault == "wrong-length":  # the rest of the body may be taken for the next answer; it is no valid one
            attempts = [row for row in attempts if row["error_code"] != "tmx.connection"]
        assert len(attempts) == 2
        assert all(row["outcome"] == "retry" for row in attempts)
        assert {row["error_code"] for row in attempts} == {WRONG[fault]}
        assert all(re.match(r"replay \d+ \(track \d+\): ", row["error"]) for row in attempts)
        assert leftovers(tool) == []


@pytest.mark.parametrize("fault", ["429:retry-after=1", "503:retry-date=1"])
def test_a_request_to_slow_down_charges_no_attempt(listed: Tool, site: RunningSite, fault: str) -> None:
    one = next(iter(wanted(site)))
    site.set_faults([f"{fault}:first=3:id={one}"])
    listed(*DOWNLOAD, "--max-attempts", 2)
    is_right(listed, site)
    assert listed.rows("select attempts, status from replays where replay_id = ?", one) == [
        {"attempts": 1, "status": "done"}
    ]
    assert listed.one("select count(*) from attempts where kind = 'download'") == 0
    assert fetched(site).count(f"/recordgbx/{one}") == 4


def test_a_file_that_is_always_wrong_fails_after_max_attempts_and_the_others_are_done(
    listed: Tool, site: RunningSite
) -> None:
    bad = next(iter(wanted(site)))
    site.set_faults([f"not-gbx:id={bad}"])
    ran = listed(*DOWNLOAD, "--max-attempts", 3, ends=3)
    assert "1 failed" in ran.err
    assert f"replay {bad}" in ran.err
    row = listed.rows("select status, attempts, error_code from replays where replay_id = ?", bad)[0]
    assert row == {"status": "failed", "attempts": 3, "error_code": "gbx.not_gbx"}
    outcomes = listed.column("select outcome from attempts where item_id = ? order by attempt", bad)
    assert outcomes == ["retry", "retry", "failed"]
    assert listed.one("select count(*) from replays where status = 'done'") == 23
    site.set_faults([])
    listed("retry")
    listed(*DOWNLOAD)
    is_right(listed, site)


def test_a_replay_of_an_older_map_with_another_time_is_kept_if_the_same_file_comes_again(
    listed: Tool, site: RunningSite
) -> None:
    unexpected = sorted(wanted(site))[::2]
    listed.change("update tracks set uid = 'another'")
    for replay_id in unexpected:
        listed.change("update replays set site_time_ms = site_time_ms + 10 where replay_id = ?", replay_id)
    listed(*DOWNLOAD)
    is_right(listed, site)
    assert listed.column("select distinct map_uid_matches from replays") == [0]
    again = unexpected * (KEPT_AT - 1)
    assert sorted(fetched(site)) == sorted(f"/recordgbx/{replay_id}" for replay_id in [*wanted(site), *again])
    codes = listed.column("select distinct error_code from attempts where kind = 'download'")
    assert codes == ["tmx.unexpected_file"]


def test_many_unexpected_replays_in_a_row_are_no_outage(listed: Tool, site: RunningSite) -> None:
    """They would otherwise pause the site for ever once only such rows are left."""
    assert len(wanted(site)) > escalate_after("tmx.wrong_file")
    listed.change("update tracks set uid = 'another'")
    listed.change("update replays set site_time_ms = site_time_ms + 10")
    assert "Pausing" not in listed(*DOWNLOAD).err
    is_right(listed, site)


def test_the_file_of_another_replay_is_never_kept_however_often_it_comes(listed: Tool, site: RunningSite) -> None:
    one = next(iter(wanted(site)))
    site.set_faults([f"wrong-file:id={one}"])
    listed(*DOWNLOAD, ends=3)
    (row,) = listed.rows("select status, attempts, error_code, error from replays where replay_id = ?", one)
    assert (row["status"], row["attempts"], row["error_code"]) == ("failed", 5, "tmx.wrong_file")
    assert re.search(r"the site sent the file of replay \d+\.", row["error"])
    site.set_faults([])
    listed("retry")
    listed(*DOWNLOAD)
    is_right(listed, site)


def test_a_file_that_is_not_gbx_is_asked_for_five_times_although_the_same_bytes_come(
    listed: Tool, site: RunningSite
) -> None:
    bad, healed = list(wanted(site))[:2]
    site.set_faults([f"not-gbx:id={bad}", f"not-gbx:first=4:id={healed}"])
    listed(*DOWNLOAD, ends=3)
    rows = listed.rows("select replay_id, status, attempts from replays where replay_id in (?, ?)", bad, healed)
    assert {row["replay_id"]: (row["status"], row["attempts"]) for row in rows} == {
        bad: ("failed", 5),
        healed: ("done", 5),
    }


def test_an_unreadable_file_that_several_replays_get_is_no_evidence_against_any(
    listed: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unlike one that a replay gets alone, which is given up after three tries."""
    first, second = list(wanted(site))[:2]
    broken = site.expected_replay(first)[:400]
    left = {first: 4, second: 4}
    read = NewFile.read_back

    def shared(file: NewFile) -> bytes:
        for replay_id in left:
            if f"/{replay_id}_" in file.path and left[replay_id]:
                left[replay_id] -= 1
                return broken
        return read(file)

    monkeypatch.setattr(NewFile, "read_back", shared)
    listed(*DOWNLOAD, "--n", 1)
    is_right(listed, site)
    assert left == {first: 0, second: 0}


def test_the_file_of_another_replay_is_not_kept_because_an_earlier_attempt_failed_for_another_reason(
    listed: Tool, site: RunningSite
) -> None:
    one = next(iter(wanted(site)))
    listed.change("update tracks set uid = 'another'")
    listed.change("update replays set site_time_ms = site_time_ms + 10 where replay_id = ?", one)
    site.set_faults([f"cut:first=1:id={one}"])
    listed(*DOWNLOAD)
    codes = listed.column("select error_code from attempts where item_id = ? order by attempt", one)
    assert codes == ["tmx.cut", *["tmx.unexpected_file"] * (KEPT_AT - 1)]
    assert fetched(site).count(f"/recordgbx/{one}") == KEPT_AT + 1


@pytest.mark.usefixtures("changing")
def test_a_replay_of_an_older_map_is_stored_with_that_fact(listed: Tool, site: RunningSite) -> None:
    for track_id in site.track_ids()[:2]:
        site.update_track(track_id)
    listed("sync-tracks", "--refresh")
    site.clear_log()
    listed("run", "--all-replays")
    is_right(listed, site)
    assert len(fetched(site)) == 24
    assert sorted(listed.column("select map_uid_matches from replays")) == [0] * 8 + [1] * 16


@pytest.mark.usefixtures("changing")
def test_a_replay_that_the_site_no_longer_has_is_skipped(listed: Tool, site: RunningSite) -> None:
    deleted = next(iter(wanted(site)))
    site.delete_replay(deleted)
    listed(*DOWNLOAD)
    row = listed.rows("select status, error_code, attempts from replays where replay_id = ?", deleted)[0]
    assert row == {"status": "skipped", "error_code": "tmx.gone", "attempts": 2}
    site.clear_log()
    listed(*DOWNLOAD)
    assert fetched(site) == []


def test_repeated_403_stops_the_run_and_charges_no_attempt_for_the_last_response(
    listed: Tool, site: RunningSite
) -> None:
    site.set_faults(["403:on=files"])
    ran = listed(*DOWNLOAD, "--n", 1, ends=1)
    assert "refuses our requests" in ran.error
    assert len(fetched(site)) == 5
    assert listed.one("select count(*) from replays where status in ('running', 'failed')") == 0


def test_a_larger_file_limit_is_not_needed_for_large_real_files(tool: Tool) -> None:
    with running_site(tracks=1, replays=2, plain=True, file_kb=1000) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run")
        is_right(tool, site)
        assert min(tool.column("select file_bytes from replays")) > 500_000
