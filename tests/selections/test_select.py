"""`tmxdb select` and `--only`: a part of the site under a name, and no command that opens more than it."""

from __future__ import annotations

import json

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite


def chosen(tool: Tool, name: str) -> list[int]:
    return tool.column("select track_id from selection_tracks where selection = ? order by rank", name)


def listings(site: RunningSite) -> set[int]:
    """The tracks whose leaderboards were asked for since the log was cleared."""
    lines = [line["path"] for line in site.log() if line["path"].startswith("/api/replays")]
    return {int(path.split("trackId=")[1].split("&")[0]) for path in lines}


def test_a_selection_by_filter_stores_its_tracks_in_the_order_asked(tool: Tool, site: RunningSite) -> None:
    ran = tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 5, "--top", 2)
    assert "Selection best: 5 tracks, 5 added; 5 tracks new in the database." in ran.err
    by_awards = tool.column("select track_id from tracks order by awards desc, track_id")
    assert sorted(chosen(tool, "best")) == sorted(by_awards)
    assert tool.one("select count(*) from tracks") == 5
    (row,) = tool("select", "--list", "--json").json
    assert (row["name"], row["live"], row["tracks"], row["top"]) == ("best", True, 5, 2)
    assert row["how"] == "--order awards --max-tracks 5"
    assert list(map(int, tool("select", "--show", "best").out.split())) == chosen(tool, "best")


def test_run_only_does_the_tracks_of_the_selection_to_its_depth(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    few, more = tool.column("select track_id from tracks order by track_id limit 7")[:3], None
    (tool.folder / "ids.txt").write_text("\n".join(map(str, few)))
    tool("select", "few", "--track-ids", "ids.txt", "--top", 2)
    planned = tool("run", "--only", "few", "--dry-run").err
    assert "Up to 9 requests" in planned  # three leaderboards with two replays each
    site.clear_log()
    tool("run", "--only", "few")
    assert listings(site) == set(few)
    assert tool.column("select distinct track_id from replays order by 1") == few
    assert tool.one("select count(*) from replays where status = 'done'") == 6
    assert tool.column("select track_id from maps where status = 'done' order by 1") == few
    assert tool.one("select count(*) from tracks where status = 'pending'") == 27
    assert tool("status", "--only", "few", "--json").json["kinds"]["list"]["done"] == 3
    assert tool("verify", "--only", "few").err.count("All is well.") == 1
    assert more is None


def test_a_run_without_only_takes_the_depth_of_each_selection_and_the_option_overrides_it(
    tool: Tool, site: RunningSite
) -> None:
    tool("--site", site.url, "select", "deep", "--order", "awards", "--max-tracks", 1, "--top", 3)
    tool("select", "flat", "--order", "uploaded", "--max-tracks", 2, "--top", 1)
    (deep,) = chosen(tool, "deep")
    flat = [track_id for track_id in chosen(tool, "flat") if track_id != deep]
    tool("work", "--kind", "list")
    tops = dict(tool.rows("select track_id, listed_top from tracks")[i].values() for i in range(len(flat) + 1))
    assert tops == {deep: 3, **dict.fromkeys(flat, 1)}
    tool("work", "--kind", "list", "--top", 2)
    assert tool.column("select distinct listed_top from tracks order by 1") == [2, 3]


def test_a_condition_in_sql_chooses_among_the_tracks_in_the_database(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    site.clear_log()
    ran = tool("select", "long", "--where", "author_time_ms > 30000 and awards >= 0")
    assert chosen(tool, "long") == tool.column(
        "select track_id from tracks where author_time_ms > 30000 order by priority, track_id"
    )
    assert "Selection long:" in ran.err
    assert site.stats()["requests"] == 0


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("lenght > 3", "no such column: lenght"),
        ("awards >", "syntax error"),
        ("1); delete from tracks; --", "its parentheses do not match"),
        ("1=1; delete from tracks", "syntax error"),
        ("1=1) or (1=1", "its parentheses do not match"),
        ("1=1) /*", "its parentheses do not match"),
        ("(1=1", "its parentheses do not match"),
    ],
)
def test_a_wrong_condition_is_one_sentence_and_makes_no_selection(
    tool: Tool, site: RunningSite, condition: str, reason: str
) -> None:
    tool("--site", site.url, "sync-tracks")
    ran = tool("select", "odd", "--where", condition, ends=1)
    assert reason in ran.error
    assert "is not a condition on tracks" in ran.error
    assert tool("select", "--list", "--json").json == []
    assert tool.one("select count(*) from tracks") == 30


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_wrong_condition_makes_no_selection_where_there_is_no_database(tool: Tool, options: list[str]) -> None:
    assert "parentheses" in tool("select", "odd", "--where", "1=1) or (1=1", *options, ends=1).error
    assert tool.files() == set()
    assert "no such column" in tool("select", "odd", "--where", "lenght > 3", ends=1).error
    assert tool("select", "--list", "--json").json == []


@pytest.mark.parametrize(
    "condition", ["name <> ')'", "(awards >= 0) -- :-)", "awards >= 0 /* (( */", "name not in (')', '(''(')"]
)
def test_parentheses_in_texts_and_comments_do_not_count(tool: Tool, site: RunningSite, condition: str) -> None:
    tool("--site", site.url, "sync-tracks")
    assert "30 tracks, 30 added" in tool("select", "all", "--where", condition).err


def test_an_unknown_selection_is_one_sentence_with_a_suggestion_in_every_command(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3)
    for command in (
        ["run"], ["run", "--dry-run"], ["work", "--kind", "list"], ["status"], ["verify"], ["retry"],
        ["skip", "--reason", "x"], ["add-captures"], ["export", "tracks", "t.csv"], ["export", "frames", "out"],
        ["export", "vcp", "out"], ["export", "lines", "l.csv"], ["sync-tracks"],
    ):  # fmt: skip
        ran = tool(*command, "--only", "bets", ends=1)
        assert "No selection 'bets'. Did you mean 'best'?" in ran.error
    assert "Did you mean 'best'?" in tool("select", "--show", "bset", ends=1).error
    assert "No selection" in tool("select", "--drop", "nothing", ends=1).error


def test_a_selection_without_tracks_never_means_all_tracks(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("select", "none", "--where", "awards < 0")
    for command in (["run"], ["add-captures"], ["export", "tracks", "t.csv"], ["verify"]):
        assert "The selection none has no tracks: no track matches" in tool(*command, "--only", "none", ends=1).error
    assert tool("retry", "--status", "done", "--only", "none").out == "0\n"


def test_only_and_track_id_restrict_together(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3)
    first, _, last = chosen(tool, "best")
    tool("export", "tracks", "t.csv", "--only", "best", "--track-id", last)
    assert (tool.folder / "t.csv").read_text().count("\n") == 2
    tool("add-tracks", first + 1, "--no-lookup")
    ran = tool("export", "tracks", "u.csv", "--only", "best", "--track-id", first + 1, ends=1)
    assert "has none of the tracks named" in ran.error


@pytest.mark.usefixtures("changing")
def test_a_live_selection_is_chosen_again_at_each_sync_and_a_fixed_one_is_not(tool: Tool, site: RunningSite) -> None:
    options = ("--order", "uploaded", "--max-tracks", 3)
    tool("--site", site.url, "select", "newest", *options)
    tool("select", "then", *options, "--fixed")
    before = chosen(tool, "then")
    new = site.add_tracks(2)
    ran = tool("sync-tracks")
    assert "Selection newest: 3 tracks, 2 added, 2 removed; 2 tracks new in the database." in ran.err
    assert set(new) < set(chosen(tool, "newest"))
    assert chosen(tool, "then") == before
    assert tool.one("select count(*) from tracks") == 5  # not the whole site
    site.clear_log()
    tool("sync-tracks", "--only", "then")
    assert [line["path"].split("?")[0] for line in site.log()] == ["/api/tracks"]


def test_sync_all_reads_the_whole_list_when_asked(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3)
    assert "sync-tracks --all" in tool("sync-tracks").err
    assert tool.one("select count(*) from tracks") == 3
    tool("sync-tracks", "--all")
    assert tool.one("select count(*) from tracks") == 30


def test_a_priority_puts_the_tracks_first_and_dropping_takes_it_back(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    last = tool.column("select track_id from tracks order by priority desc limit 2")
    tool("add-tracks", tool.one("select max(track_id) from tracks"))
    (tool.folder / "ids.txt").write_text("\n".join(map(str, last)))
    tool("select", "mine", "--track-ids", "ids.txt", "--priority", 1)
    order = tool.column("select track_id from tracks order by priority")
    added = tool.one("select max(track_id) from tracks")
    assert order[: 1 + len(set(last) - {added})] == [added, *(track_id for track_id in last if track_id != added)]
    dry = tool("select", "--drop", "mine", "--dry-run")
    assert dry.err == "The selection mine would be dropped; its 2 tracks and their files stay.\n"
    ran = tool("select", "--drop", "mine")
    assert ran.err == "Dropped the selection mine; its 2 tracks and their files stay.\n"
    assert tool.one("select count(*) from tracks where priority < 0") == 1
    assert tool.one("select count(*) from selection_tracks") == 0
    assert tool.one("select max(priority) from tracks") == 30


def test_a_dry_run_chooses_nothing(tool: Tool, site: RunningSite) -> None:
    ran = tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3, "--dry-run")
    assert ran.out.startswith(f"{site.url}/api/tracks?order1=6&")
    assert not (tool.folder / "tmx.db").exists()
    tool("--site", site.url, "sync-tracks")
    n = tool.one("select count(*) from tracks where awards >= 0")
    assert f"x would have {n} track" in tool("select", "x", "--where", "awards >= 0", "--dry-run").err
    (tool.folder / "ids.txt").write_text("5\n")
    assert "1 of them new" in tool("select", "x", "--track-ids", "ids.txt", "--dry-run").err
    assert tool("select", "--list", "--json").json == []


@pytest.mark.usefixtures("changing")
def test_a_refresh_of_some_tracks_does_not_open_the_whole_site(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--order", "awards", "--max-tracks", 5)
    tool("run", "--top", 1)
    known = tool.column("select track_id from tracks order by track_id")
    site.add_replays(known[0], 1)
    site.add_tracks(1)
    other = next(track_id for track_id in site.track_ids() if track_id not in known)
    site.add_replays(other, 1)
    ran = tool("sync-tracks", "--refresh")
    assert "new tracks are not added" in ran.err.lower()
    assert tool.column("select track_id from tracks order by track_id") == known
    assert tool.column("select track_id from tracks where status = 'pending'") == [known[0]]


def test_names_that_cannot_be_typed_are_refused(tool: Tool) -> None:
    for name in ("a b", "../x", "-x", "", "ü"):
        assert tool("select", "--top", 3, "--", name, ends=2).err


def test_a_selection_is_kept_by_a_copy_of_the_database(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 3, "--top", 4)
    tool("copy-db", "tmx.db", "other.db")
    assert json.loads(tool("--db", "other.db", "select", "--list", "--json").out)[0]["tracks"] == 3


@pytest.mark.usefixtures("changing")
def test_a_plain_sync_of_the_whole_list_chooses_live_selections_again(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("select", "newest", "--order", "uploaded", "--max-tracks", 3)
    tool("select", "all", "--where", "track_id > 0")
    tool("select", "then", "--order", "uploaded", "--max-tracks", 3, "--fixed")
    before = chosen(tool, "then")
    new = site.add_tracks(2)
    assert "would be read: all, newest." in tool("sync-tracks", "--dry-run").err
    tool("sync-tracks")
    assert set(new) < set(chosen(tool, "newest"))
    assert len(chosen(tool, "all")) == 32
    assert chosen(tool, "then") == before
    more = site.add_tracks(1)
    tool("sync-tracks", "--all")
    assert set(more) < set(chosen(tool, "newest"))


@pytest.mark.usefixtures("changing")
def test_a_plain_sync_reads_the_remembered_selection(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("select", "newest", "--order", "uploaded", "--max-tracks", 3)
    tool("select", "oldest", "--order", "uploaded-asc", "--max-tracks", 3)
    tool("config", "set", "only", "newest")
    site.add_tracks(5)
    ran = tool("sync-tracks")
    assert "Only the selection newest, as `tmxdb config` says." in ran.err
    assert tool.one("select count(*) from tracks") == 33
    tool("sync-tracks", "--all")
    assert tool.one("select count(*) from tracks") == 35


def test_a_refresh_asks_about_every_track_of_a_selection_in_turn(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.sync.refresh.LOOKED_UP_BY_ID", 4)
    monkeypatch.setattr("tmxdb.sync.refresh.IDS_AT_ONCE", 3)
    monkeypatch.setattr("tmxdb.sync.selected.IDS_AT_ONCE", 3)
    tool("--site", site.url, "select", "some", "--order", "awards", "--max-tracks", 12, "--top", 1)
    tool("work", "--kind", "list")
    asked = []
    for _ in range(2):
        site.clear_log()
        tool("refresh", "--changed", "--only", "some", "--max-requests", 4)
        paths = [line["path"] for line in site.log() if line["path"].startswith("/api/tracks")]
        assert len(paths) == 2
        asked += [part for path in paths for part in path.split("id=")[1].split("&")[0].replace("%2C", ",").split(",")]
    assert sorted(map(int, asked)) == sorted(chosen(tool, "some"))
    site.clear_log()
    tool("refresh", "--changed", "--only", "some")
    assert len([line for line in site.log() if line["path"].startswith("/api/tracks")]) == 4


@pytest.mark.parametrize(("budget", "sent"), [(1, 1), (2, 1), (4, 2)])
def test_a_budget_also_limits_what_a_refresh_of_the_whole_list_sends(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch, budget: int, sent: int
) -> None:
    monkeypatch.setattr("tmxdb.sync.refresh.LOOKED_UP_BY_ID", 4)
    tool("--site", site.url, "select", "some", "--order", "awards", "--max-tracks", 12, "--top", 1)
    tool("work", "--kind", "list")
    site.clear_log()
    ran = tool("refresh", "--changed", "--max-requests", budget)
    assert site.stats()["requests"] == sent
    assert ("No leaderboard is due." in ran.err) is (budget > 1)
    tool("sync-tracks")
    site.clear_log()
    ran = tool("refresh", "--older-than", "0s", "--max-requests", budget)
    assert site.stats()["requests"] == budget
    assert ("The budget was used up" in ran.err) is (budget == 1)


def test_a_selection_that_no_track_matches_says_so(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    says = "Selection x is empty: no track matches"
    assert "x would be empty: no track matches." in tool("select", "x", "--where", "1=0", "--dry-run").err
    assert f"{says}." in tool("select", "x", "--where", "1=0").err
    n = tool.one("select count(*) from tracks")
    assert f"Selection x: {n} tracks, {n} added." in tool("select", "x", "--where", "1=1").err
    assert f"{says}; {n} removed." in tool("select", "x", "--where", "1=0").err
    assert f"{says}." in tool("--site", site.url, "sync-tracks", "--only", "x").err
    assert f"{says}." in tool("--site", site.url, "select", "x", "--min-awards", 1_000_000).err
    (tool.folder / "ids.txt").write_text("# none\n")
    assert "ids.txt contains no track ids." in tool("select", "y", "--track-ids", "ids.txt", ends=1).error


def test_tracks_that_are_named_cannot_be_chosen_again_at_each_sync(tool: Tool, site: RunningSite) -> None:
    (tool.folder / "ids.txt").write_text("1\n2\n")
    tool("--site", site.url, "select", "few", "--track-ids", "ids.txt")
    for option in ((), ("--dry-run",)):
        assert "leave out --live" in tool("select", "few", "--live", *option, ends=2).error
    assert tool.one("select is_live from selections") == 0


def test_selections_by_condition_are_chosen_again_without_a_request_or_a_contact(tool: Tool) -> None:
    tool("--site", "tmnf", "add-tracks", "--no-lookup", 5, 6)
    tool("select", "odd", "--where", "track_id > 5")
    tool("add-tracks", "--no-lookup", 7)
    assert "Selection odd: 2 tracks, 1 added." in tool("sync-tracks").err
    assert sorted(chosen(tool, "odd")) == [6, 7]
    assert "Selection odd: 2 tracks, as before." in tool("sync-tracks", "--only", "odd", "--save-ids", "ids.txt").err
    assert (tool.folder / "ids.txt").read_text().split() == list(map(str, chosen(tool, "odd")))
    (tool.folder / "more.txt").write_text("8\n")
    tool("select", "fixed", "--track-ids", "more.txt")
    assert "--contact" in tool("sync-tracks", ends=2).error  # the facts of track 8 are read from the site
