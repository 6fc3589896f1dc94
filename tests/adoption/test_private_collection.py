"""A folder of replays that no exchange knows is as usable as a mirrored one, and no request names its ids."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import needs
from tests.adoption.conftest import NEGATIVE, private_map, private_replay
from tests.tool import Tool
from tmxdb.events.queue_events import RowSettled
from tmxdb.queue.rows.recover import given_up_message
from tmxdb_sandbox import RunningSite
from tmxdb_sandbox.gbx_writer import write_challenge


@pytest.fixture
def collection(tool: Tool) -> Tool:
    """Three drivers on one map and one on another, adopted without the site, maps extracted."""
    folder = tool.folder / "mine" / "2019" / "best of"
    folder.mkdir(parents=True)
    for n, (on_map, time_ms, login) in enumerate(
        ((1, 20_000, "a"), (1, 21_000, "a"), (1, 19_500, "b"), (1, 22_000, "c"), (2, 30_000, "a"))
    ):
        data = private_replay(n, on_map=on_map, time_ms=time_ms, login=login)
        (folder / f"drive {n}.Replay.Gbx").write_bytes(data)
    (folder / "notes.txt").write_text("nothing")
    (tool.folder / "maps").mkdir()
    (tool.folder / "maps" / "third.Challenge.Gbx").write_bytes(private_map(3))
    said = tool("adopt", "mine", "--tracks-dir", "maps", "--no-lookup", "--dry-run").err
    assert "6 not in the database" in said  # the site was not asked, so nothing is said of it
    ran = tool("adopt", "mine", "--tracks-dir", "maps", "--no-lookup", "--json")
    assert (ran.json["unknown"], ran.json["other"], ran.json["local_tracks"]) == (6, 1, 3)
    tool("run")  # the site is the public one, but nothing has to be asked there, so no contact is needed
    return tool


def test_replays_and_maps_get_negative_ids_and_facts(collection: Tool) -> None:
    tracks = collection.rows("select track_id, name, author_time_ms, status, listed_count from tracks order by 1 desc")
    assert [track["track_id"] for track in tracks] == [-1, -2, -3]
    assert {track["name"] for track in tracks} == {"Secret 1", "Secret 2", "Secret 3"}
    assert {(track["status"], track["author_time_ms"]) for track in tracks} == {("done", 25_000)}
    board = collection.rows(
        "select rank, user_name, site_time_ms from leaderboard where track_name = 'Secret 1' order by rank"
    )
    assert [tuple(row.values()) for row in board] == [(1, "b", 19_500), (2, "a", 20_000), (3, "c", 22_000)]
    maps = collection.rows("select source, status from maps order by source")
    assert [tuple(row.values()) for row in maps] == [("adopted", "done"), ("replay", "done"), ("replay", "done")]


def test_pages_show_ids_as_commands_take_them(collection: Tool) -> None:
    track = collection.one("select track_id from tracks where name = 'Secret 1'")
    for command in ("top", "track"):
        said = collection(command, f"local{-track}").out
        assert "local" in said.splitlines()[-1]
        assert not re.search(r" -\d", said)
        assert "unknown" not in said


def test_a_refresh_of_local_tracks_alone_asks_no_site_and_needs_no_contact(collection: Tool) -> None:
    assert "No leaderboard is due." in collection("refresh", "--older-than", "0h").err


def test_counts_and_verify_take_them_as_complete(collection: Tool) -> None:
    status = collection("status", "--json").json
    assert {kind: counts["done"] for kind, counts in status["kinds"].items()} == {
        "list": 3,
        "download": 5,
        "extract": 3,
        "capture": 0,
    }
    assert status["failures"] == []
    collection("verify", "--hash")


def test_exports_plots_captures_and_show_work_on_local_ids(collection: Tool) -> None:
    replay_id = collection.one("select replay_id from replays where race_time_ms = 19500")
    name = f"local{-replay_id}"
    assert collection("show", name, ends=1).error.endswith(f"`tmxdb show map {name}`.")
    assert collection("show", "replay", name).out.startswith(f"replay {name} of track local")
    collection("export", "replays", "replays.csv")
    assert f"{replay_id}," in (collection.folder / "replays.csv").read_text()
    ran = collection("add-captures", "--replay-id", name)
    assert "1 capture" in ran.err + ran.out
    assert "1 " in collection("add-captures", "--replay-id", str(replay_id), "--dry-run").err  # as tables print it
    assert collection.one("select replay_id from captures") == replay_id
    assert collection.one(f"select count(*) from input_events where replay_id = {replay_id}") == 5


def test_sentences_name_local_rows_as_they_can_be_typed(collection: Tool) -> None:
    best = collection.rows("select track_id from replays group by track_id order by count(*) desc limit 1")[0][
        "track_id"
    ]
    name = f"local{-best}"
    shown = collection("track", name, "--top", 1).out
    assert f"({name})" in shown
    assert f"more: `tmxdb top {name} --top " in shown
    assert f"({name})" in collection("top", name).out
    assert "no replay local99 in the database." in collection("show", "replay", "local99", ends=1).error
    collection.change(f"update maps set status = 'pending', finished_at = null where track_id = {best}")
    assert f"extract {name}" in collection("work", "--kind", "extract", "--dry-run").out.splitlines()
    assert str(RowSettled("extract", best, "done", 1)) == f"extract {name}: done, attempt 1"
    assert given_up_message("extract", best, 3).startswith(f"extract {name}: 3 workers died")


def test_the_driven_line_of_a_local_replay_can_be_drawn(collection: Tool) -> None:
    needs.module("matplotlib")
    replay_id = collection.one("select replay_id from replays where race_time_ms = 19500")
    collection("plot", f"local{-replay_id}", "--out", "line.png")
    assert (collection.folder / "line.png").stat().st_size > 10_000


def test_no_request_names_a_local_id_whatever_is_opened_again(collection: Tool, site: RunningSite) -> None:
    collection("--site", site.url, "add-tracks", site.track_ids()[0])
    for kind in ("list", "download", "extract"):
        collection("retry", "--status", "done", "--kind", kind)
    collection("run", "--from", "site", "--top", "3")
    assert collection.one("select count(*) from replays where replay_id < 0 and status = 'done'") == 5
    assert collection.one("select count(*) from maps where track_id < 0 and status = 'done'") == 3
    asked = [entry["path"] for entry in site.log()]
    assert any("/api/replays" in path for path in asked)
    assert [path for path in asked if NEGATIVE.search(path)] == []


def test_a_lost_local_file_fails_with_the_way_out_and_without_a_request(collection: Tool, site: RunningSite) -> None:
    path = collection.one("select file_path from replays where race_time_ms = 30000")
    (collection.folder / "data" / path).unlink()
    collection("verify", "--repair", ends=None)
    ran = collection("--site", site.url, "run", ends=3)
    assert "no exchange has it. Put it back, then run `tmxdb retry --kind download`." in ran.err
    assert site.log() == []
    assert collection.column("select error_code from replays where status = 'failed'") == ["local.missing"]


def test_local_tracks_cannot_be_added_as_tracks_of_the_site(collection: Tool) -> None:
    ran = collection("add-tracks", "local1", "--no-lookup", ends=2)
    assert ran.error == "Error: No exchange has the local track local1: only `tmxdb adopt` adds them."


def test_adopting_the_same_folder_under_another_name_finds_duplicates(collection: Tool) -> None:
    (collection.folder / "mine").rename(collection.folder / "moved")
    found = collection("adopt", "moved", "--no-lookup", "--json").json
    assert (found["duplicate"], found["replays"]) == (5, 0)


def test_a_file_that_is_in_the_data_folder_is_not_copied_again(tool: Tool) -> None:
    place = tool.folder / "data" / "replays" / "9"
    place.mkdir(parents=True)
    (place / "x.replay.gbx").write_bytes(private_replay(1, on_map=1, time_ms=20_000))
    tool("adopt", "data/replays", "--no-lookup")
    assert tool.column("select file_path from replays") == ["replays/9/x.replay.gbx"]
    assert [path.name for path in place.parent.rglob("*") if path.is_file()] == ["x.replay.gbx"]
    tool("verify", "--hash")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "nowhere: no such file or folder."),
        ((".", "--copy", "--link"), "--copy, --link and --in-place exclude each other. Give one of them."),
        ((".", "--name-template", "x"), "has no {replay_id}"),
        ((".", "--track-ids", "missing.txt"), "missing.txt: No such file or directory."),
    ],
)
def test_bad_input_is_one_sentence(tool: Tool, arguments: tuple[str, ...], words: str) -> None:
    ran = tool("adopt", *arguments, "--no-lookup", ends=2)
    assert words in ran.err
    assert tool.files() == set()


def test_an_empty_folder_says_so(tool: Tool) -> None:
    Path("empty").mkdir()
    ran = tool("adopt", "empty", "--no-lookup")
    assert "empty contains no files." in ran.err


def test_of_two_maps_with_one_uid_the_first_is_adopted_and_the_other_is_named(tool: Tool) -> None:
    maps = tool.folder / "maps"
    maps.mkdir()
    (maps / "a.Challenge.Gbx").write_bytes(private_map(1, "First"))
    (maps / "b.Challenge.Gbx").write_bytes(private_map(1, "Second"))
    (maps / "c.Replay.Gbx").write_bytes(private_replay(1, on_map=1, time_ms=20_000))
    dry = tool("adopt", "maps", "--no-lookup", "--dry-run", "--json").json
    found = tool("adopt", "maps", "--no-lookup", "--json").json
    reason = f"another version of the map in {maps / 'a.Challenge.Gbx'}"
    for report in (dry, found):
        assert (report["unknown"], report["duplicate"]) == (2, 1)
        assert [(problem["path"], problem["reason"]) for problem in report["problems"]] == [
            (str(maps / "b.Challenge.Gbx"), reason)
        ]
    assert tool.rows("select track_id, name_plain from maps") == [{"track_id": -1, "name_plain": "First 1"}]
    (maps / "d.Challenge.Gbx").write_bytes(private_map(1, "Third"))
    again = tool("adopt", "maps", "--no-lookup", "--json").json
    assert (again["unknown"], again["duplicate"], again["earlier"]) == (2, 2, 3)
    assert again["problems"][0]["reason"] == "another version of map local1, which has a file already"
    tool("verify", "--hash")


@pytest.mark.parametrize("how", ["--copy", "--link", "--in-place"])
def test_a_map_in_a_replay_that_was_extracted_is_kept(tool: Tool, how: str) -> None:
    folder = tool.folder / "mine"
    folder.mkdir()
    (folder / "a.Replay.Gbx").write_bytes(private_replay(1, on_map=1, time_ms=20_000))
    tool("adopt", "mine", "--no-lookup", how)
    tool("run")
    (folder / "a.Challenge.Gbx").write_bytes(private_map(1))
    (folder / "b.Challenge.Gbx").write_bytes(private_map(1, "Another"))
    found = tool("adopt", "mine", "--no-lookup", how, "--json").json
    assert [problem["reason"] for problem in found["problems"]] == [
        "the same content as map local1, which has a file already",
        "another version of map local1, which has a file already",
    ]
    assert tool.column("select source from maps") == ["replay"]
    tool("verify", "--hash")


def test_a_dry_run_of_many_files_counts_duplicates_as_the_run_does(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.adoption.adopt.CHUNK", 1)
    folder = tool.folder / "mine"
    folder.mkdir()
    for n, data in enumerate((private_map(1), private_map(1), private_map(1, "Another"))):
        (folder / f"{n}.Challenge.Gbx").write_bytes(data)
    for option in ("--dry-run", "--copy"):
        found = tool("adopt", "mine", "--no-lookup", option, "--json").json
        assert (found["unknown"], found["duplicate"]) == (1, 2)


def test_a_map_without_a_uid_is_named(tool: Tool) -> None:
    (tool.folder / "x.Challenge.Gbx").write_bytes(
        write_challenge(uid="", name="x", author="me", bronze_ms=4, silver_ms=3, gold_ms=2, author_ms=1)
    )
    found = tool("adopt", "x.Challenge.Gbx", "--no-lookup", "--json").json
    assert (found["unknown"], found["maps"]) == (1, 0)
    assert "its map has no uid" in found["problems"][0]["reason"]
