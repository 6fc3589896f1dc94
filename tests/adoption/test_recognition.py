"""Which track and which replay a file is, where names, times and maps are ambiguous."""

from __future__ import annotations

import pytest

from tests.adoption.conftest import private_replay
from tests.tool import Tool
from tmxdb.adoption.files import Candidate
from tmxdb.adoption.recognition.matching import SameTime, match_replay, track_hint
from tmxdb.adoption.recognition.reading import FoundFile
from tmxdb_sandbox import RunningSite


def found(name: str, *, folders: tuple[str, ...] = (), noun: str = "replay", nickname: str = "Nick") -> FoundFile:
    candidate = Candidate("/".join(("", *folders, name)), folders, 1, 1)
    return FoundFile(candidate, "0" * 64, noun, columns={"login": "login1", "nickname_plain": nickname})


@pytest.mark.parametrize(
    ("folders", "name", "noun", "track_id"),
    [
        (("replays", "2233"), "pos0_a_1.replay.gbx", "replay", 2233),
        (("2019", "2233", "best"), "x.replay.gbx", "replay", 2233),
        (("tracks",), "100.Challenge.Gbx", "map", 100),
        (("tracks",), "100.Replay.Gbx", "replay", None),
        (("٣",), "x.replay.gbx", "replay", None),
        (("0",), "x.replay.gbx", "replay", None),
    ],
)
def test_folders_and_names_of_maps_suggest_a_track(
    folders: tuple[str, ...], name: str, noun: str, track_id: int | None
) -> None:
    assert track_hint(found(name, folders=folders, noun=noun)) == track_id


@pytest.mark.parametrize(
    ("name", "listed", "replay_id"),
    [
        ("x.replay.gbx", [SameTime(7, "other")], 7),
        ("x.replay.gbx", [], None),
        ("8_x_1ms.Replay.Gbx", [SameTime(7, "a"), SameTime(8, "b")], 8),
        ("pos3_Ünï C_31000.replay.gbx", [SameTime(7, "a"), SameTime(8, "uni_c")], 8),
        ("x.replay.gbx", [SameTime(7, "nick"), SameTime(8, "b")], 7),
        ("x.replay.gbx", [SameTime(7, "a"), SameTime(8, "b")], None),
    ],
)
def test_ids_and_drivers_decide_between_equal_times(name: str, listed: list[SameTime], replay_id: int | None) -> None:
    match, reason = match_replay(found(name), listed)
    assert (None if match is None else match.replay_id) == replay_id
    assert (reason is not None) == (match is None and len(listed) > 1)


def test_a_beaten_replay_and_one_of_an_older_map_are_recognised_by_their_folder(tool: Tool, site: RunningSite) -> None:
    from tmxdb_sandbox import running_site

    with running_site(tracks=2, replays=6, plain=True) as own:
        track_id = own.track_ids()[0]
        replay_id = own.leaderboard(track_id)[1]["replay_id"]
        folder = tool.folder / "old" / str(track_id)
        folder.mkdir(parents=True)
        (folder / "x.replay.gbx").write_bytes(own.expected_replay(replay_id))
        own.update_track(track_id)
        result = tool("--site", own.url, "adopt", "old", "--json").json
        assert (result["matched"], result["unknown"]) == (1, 0)
        (row,) = tool.rows("select replay_id, position, map_uid_matches from replays")
        assert tuple(row.values()) == (replay_id, None, 0)


def test_the_file_of_a_listed_replay_is_named_after_its_user(tool: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    first = site.leaderboard(track_id)[0]["replay_id"]
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list", "--track-id", track_id)
    folder = tool.folder / "old" / str(track_id)
    folder.mkdir(parents=True)
    (folder / "mine.replay.gbx").write_bytes(site.expected_replay(first))
    assert tool("adopt", "old", "--json").json["matched"] == 1
    (row,) = tool.rows("select user_name, site_time_ms, file_path from replays where replay_id = ?", first)
    assert row["file_path"].endswith(f"/{first}_{row['user_name']}_{row['site_time_ms']}ms.Replay.Gbx")


def test_maps_are_adopted_for_their_track_and_not_extracted_again(tool: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    folder = tool.folder / "tracks"
    folder.mkdir()
    (folder / f"{track_id}.Challenge.Gbx").write_bytes(site.expected_track(track_id))
    (folder / "other name.gbx").write_bytes(site.expected_track(site.track_ids()[1]))
    result = tool("--site", site.url, "adopt", "tracks", "--json").json
    assert (result["matched"], result["maps"], result["tracks"]) == (2, 2, 2)
    tool("run", "--top", 2)
    assert tool.column("select source from maps") == ["adopted", "adopted"]


def test_a_private_run_on_a_known_map_becomes_a_local_replay_of_that_track(tool: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    tool("--site", site.url, "add-tracks", track_id)
    tool.change("update tracks set uid = 'private00000000000000000005'")
    folder = tool.folder / "plain"
    folder.mkdir()
    (folder / "a.replay.gbx").write_bytes(private_replay(1, on_map=5, time_ms=98_760))
    tool("adopt", "plain", "--json")
    (row,) = tool.rows("select replay_id, track_id, position, site_time_ms from replays")
    assert tuple(row.values()) == (-1, track_id, None, 98_760)
