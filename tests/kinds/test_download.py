"""`download`: a file is fetched, seen to be a whole replay, read, and only then done."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from tmxdb.errors import WrongUsage
from tmxdb.kinds.naming import NameTemplate
from tmxdb.sandbox import RunningSite, running_site

from ..tool import Tool

DOWNLOAD = ("work", "--kind", "download")


@pytest.fixture
def listed(tool: Tool, site: RunningSite) -> Tool:
    """24 replays of six tracks are pending."""
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    site.forget()
    return tool


def fetched(site: RunningSite) -> list[str]:
    return [line["path"] for line in site.log() if "recordgbx" in line["path"]]


def wanted(site: RunningSite) -> dict[int, dict[str, object]]:
    return {row["replay_id"]: row for track_id in site.track_ids() for row in site.board(track_id)}


def is_right(tool: Tool, site: RunningSite) -> None:
    """Every replay is done, its file is what the site has, and its row says so."""
    for row in tool.rows("select * from replays"):
        right = site.expected_replay(row["replay_id"])
        assert row["status"] == "done"
        assert (tool.folder / "data" / row["file_path"]).read_bytes() == right
        assert row["file_bytes"] == len(right)
        assert row["sha256"] == hashlib.sha256(right).hexdigest()
        assert row["error_code"] is None


def leftovers(tool: Tool) -> list[str]:
    return [name for name in tool.files() if "/.partial/" in name]


def test_each_file_is_fetched_once_and_lies_where_its_row_says(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD, "--n", 8)
    is_right(listed, site)
    assert sorted(fetched(site)) == sorted(f"/recordgbx/{replay_id}" for replay_id in wanted(site))
    assert site.stats()["connections"] <= 8
    assert {line["user_agent"].split("/")[0] for line in site.log()} == {"tmxdb"}
    assert leftovers(listed) == []
    assert listed.column("select distinct status from maps") == ["pending"]


def test_what_the_files_say_is_in_the_rows(listed: Tool, site: RunningSite) -> None:
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


def test_inputs_are_kept_unless_they_are_not_wanted(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD, "--limit", 5, "--n", 1, "--no-inputs")
    assert listed.one("select count(*) from inputs") == 0
    listed(*DOWNLOAD)
    assert listed.one("select count(*) from inputs") == 19
    for row in listed.rows("select events, input_count from inputs join replays using (replay_id)"):
        events = json.loads(row["events"])
        assert len(events) == row["input_count"]
        assert all(isinstance(time_ms, int) and isinstance(name, str) for time_ms, name, _ in events)


def test_a_file_that_is_there_and_right_is_adopted_without_a_request(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD)
    before = listed.rows("select * from replays order by replay_id")
    site.forget()
    # As after a power cut that took the last transactions back, or for a new database beside old files.
    for name in ("tmx.db", "tmx.db-wal", "tmx.db-shm"):
        (listed.folder / name).unlink(missing_ok=True)
    listed("--site", site.url, "sync-tracks")
    listed("run")
    assert fetched(site) == []
    ignored = {"finished_at", "listed_at", "claim_token"}
    after = listed.rows("select * from replays order by replay_id")
    assert [{k: v for k, v in row.items() if k not in ignored} for row in after] == [
        {k: v for k, v in row.items() if k not in ignored} for row in before
    ]


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "html", "another", "folder gone"])
def test_a_damaged_file_under_the_final_name_is_replaced(listed: Tool, site: RunningSite, damage: str) -> None:
    listed(*DOWNLOAD)
    first, other = listed.rows("select replay_id, file_path from replays order by site_time_ms desc")[:2]
    path = listed.folder / "data" / first["file_path"]
    data = path.read_bytes()
    if damage == "folder gone":
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
    else:
        flipped = data[:-9] + bytes([data[-9] ^ 0x55]) + data[-8:]
        another = (listed.folder / "data" / other["file_path"]).read_bytes()
        bodies = {"cut": data[:-1], "empty": b"", "flipped": flipped, "html": b"<html>", "another": another}
        path.write_bytes(bodies[damage])
    listed("retry", "--kind", "download", "--status", "done", "--id", first["replay_id"])
    site.forget()
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


@pytest.mark.parametrize("fault", WRONG)
def test_each_wrong_answer_is_recognised_and_the_file_fetched_again(tool: Tool, fault: str) -> None:
    with running_site(tracks=2, replays=1, plain=True) as site:
        tool("--site", site.url, "sync-tracks")
        tool("work", "--kind", "list")
        site.set_faults([f"{fault}:100%:first=1:on=record"])
        site.forget()
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
def test_whoever_is_asked_to_slow_down_comes_again_and_is_not_charged(
    listed: Tool, site: RunningSite, fault: str
) -> None:
    one = next(iter(wanted(site)))
    site.set_faults([f"{fault}:first=3:id={one}"])
    listed(*DOWNLOAD, "--max-attempts", 2)
    is_right(listed, site)
    assert listed.rows("select attempts, status from replays where replay_id = ?", one) == [
        {"attempts": 1, "status": "done"}
    ]
    assert listed.one("select count(*) from attempts where kind = 'download'") == 0
    assert fetched(site).count(f"/recordgbx/{one}") == 4


def test_a_file_that_never_comes_right_has_failed_after_so_many_attempts_and_the_rest_is_done(
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


def test_a_replay_of_an_older_map_with_an_odd_time_is_kept_when_it_comes_again(listed: Tool, site: RunningSite) -> None:
    listed.change("update tracks set uid = 'another'")
    listed.change("update replays set site_time_ms = site_time_ms + 10")
    listed(*DOWNLOAD)
    is_right(listed, site)
    assert listed.column("select distinct map_uid_matches from replays") == [0]
    assert len(fetched(site)) == 48


@pytest.mark.usefixtures("changing")
def test_a_replay_of_an_older_map_is_a_fact_not_a_failure(listed: Tool, site: RunningSite) -> None:
    for track_id in site.track_ids()[:2]:
        site.touch_track(track_id)
    listed("sync-tracks", "--refresh")
    site.forget()
    listed("run", "--all-replays")
    is_right(listed, site)
    assert len(fetched(site)) == 24
    assert sorted(listed.column("select map_uid_matches from replays")) == [0] * 8 + [1] * 16


@pytest.mark.usefixtures("changing")
def test_a_replay_that_is_gone_is_skipped_for_good(listed: Tool, site: RunningSite) -> None:
    gone = next(iter(wanted(site)))
    site.delete_replay(gone)
    listed(*DOWNLOAD)
    row = listed.rows("select status, error_code, attempts from replays where replay_id = ?", gone)[0]
    assert row == {"status": "skipped", "error_code": "tmx.gone", "attempts": 1}
    site.forget()
    listed(*DOWNLOAD)
    assert fetched(site) == []


def test_a_site_that_forbids_again_and_again_stops_the_run_and_charges_no_one_for_the_last_word(
    listed: Tool, site: RunningSite
) -> None:
    site.set_faults(["403:on=files"])
    ran = listed(*DOWNLOAD, "--n", 1, ends=1)
    assert "forbids what we ask" in ran.error
    assert len(fetched(site)) == 5
    assert listed.one("select count(*) from replays where status in ('running', 'failed')") == 0


def test_hostile_names_of_users_choose_no_path(tool: Tool) -> None:
    with running_site(tracks=60, replays=12) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run", "--all-replays", "--n", 8)
        names = tool.column("select user_name from replays where user_name is not null")
        assert sum(not re.fullmatch(r"[A-Za-z0-9]+", name) for name in names) > 3
        paths = tool.column("select file_path from replays where status = 'done'")
        assert len(paths) > 100
        for path in paths:
            assert re.fullmatch(r"replays/\d+/\d+_[A-Za-z0-9._-]{1,41}_\d+ms\.Replay\.Gbx", path), path
        assert len(set(map(str.lower, paths))) == len(paths)
        assert {path.removeprefix("data/") for path in tool.files() if path.endswith(".Replay.Gbx")} == set(paths)


def test_the_name_template_names_the_files(listed: Tool, site: RunningSite) -> None:
    listed(*DOWNLOAD, "--name-template", "pos{position}.{replay_id}")
    for row in listed.rows("select * from replays"):
        name = f"pos{row['position'] + 1}.{row['replay_id']}.Replay.Gbx"
        assert row["file_path"] == f"replays/{row['track_id']}/{name}"
    is_right(listed, site)


@pytest.mark.parametrize(
    "template",
    ["{user}", "", "{replay_id}/{user}", "../{replay_id}", "{replay_id}{nope}", "{replay_id:>99}", "{replay_id!r}",
     "{replay_id", "{0}{replay_id}", "{replay_id} x", "{replay_id}\0", "ä{replay_id}", "{replay_id.__class__}"],
)  # fmt: skip
def test_a_template_that_could_collide_or_escape_is_wrong_usage(listed: Tool, site: RunningSite, template: str) -> None:
    with pytest.raises(WrongUsage):
        NameTemplate(template)
    if "\0" not in template:
        assert "--name-template" in listed(*DOWNLOAD, "--name-template", template, ends=2).error
    assert fetched(site) == []


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({}, "5_ann_41230ms"),
        ({"user_name": None}, "5_unknown_41230ms"),
        ({"user_name": "..."}, "5_x_41230ms"),
        ({"user_name": "CON"}, "5_CON__41230ms"),
        ({"user_name": "a" * 500}, f"5_{'a' * 40}_41230ms"),
        ({"site_time_ms": None}, "5_ann_xms"),
        ({"user_name": "{replay_id}"}, "5_replay_id_41230ms"),
    ],
)
def test_the_default_name_says_replay_user_and_time(row: dict[str, object], name: str) -> None:
    whole = {"replay_id": 5, "track_id": 7, "user_name": "ann", "site_time_ms": 41230, "position": 0}
    assert NameTemplate().replay_path(whole | row) == f"replays/7/{name}.Replay.Gbx"


def test_a_larger_file_limit_is_not_needed_for_large_real_files(tool: Tool) -> None:
    with running_site(tracks=1, replays=2, plain=True, file_kb=1000) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run")
        is_right(tool, site)
        assert min(tool.column("select file_bytes from replays")) > 500_000
