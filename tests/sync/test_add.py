"""`add-tracks`: tracks that the user names come first, in the order given."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tool import Tool
from tmxdb.cli.shared.ids import read_ids
from tmxdb_sandbox import RunningSite


def _in_order(tool: Tool) -> list[int]:
    return tool.column("select track_id from tracks order by priority")


def test_added_tracks_come_first_in_the_order_given(tool: Tool, site: RunningSite) -> None:
    ids = site.track_ids()
    tool("--site", site.url, "sync-tracks")
    tool("add-tracks", ids[5], ids[2])
    tool("add-tracks", ids[8])
    assert _in_order(tool)[:3] == [ids[5], ids[2], ids[8]]
    assert max(tool.column("select priority from tracks where track_id in (?, ?, ?)", ids[5], ids[2], ids[8])) < 0


def test_a_file_without_ids_is_named(tool: Tool, site: RunningSite) -> None:
    (tool.folder / "ids.txt").write_bytes(b"")
    ran = tool("--site", site.url, "add-tracks", "--track-ids", "ids.txt", ends=2)
    assert ran.error == "Error: There are no track ids in ids.txt."


def test_known_replays_of_an_added_track_come_first_too(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    last = _in_order(tool)[-1]
    tool("add-tracks", last)
    assert tool.one("select track_id from replays order by priority limit 1") == last


def test_a_track_that_was_added_twice_keeps_its_priority(tool: Tool, site: RunningSite) -> None:
    ids = site.track_ids()
    tool("--site", site.url, "add-tracks", ids[3], ids[1], ids[3])
    ran = tool("add-tracks", ids[1])
    assert "0 tracks added; 1 known before" in ran.err
    assert _in_order(tool) == [ids[3], ids[1]]


@pytest.mark.usefixtures("changing")
def test_added_tracks_are_looked_up_a_hundred_at_a_time(tool: Tool, site: RunningSite) -> None:
    more = site.add_tracks(200)
    site.clear_log()
    tool("--site", site.url, "add-tracks", *more[:150])
    queries = [parse_qs(urlsplit(line["path"]).query) for line in site.log()]
    sizes = [len(query["id"][0].split(",")) for query in queries if "id" in query]
    assert sizes == [100, 50]
    assert tool.one("select count(*) from tracks where name is not null and synced_at is not null") == 150
    assert _in_order(tool) == more[:150]


def test_a_file_of_ids_may_have_a_byte_order_mark_comments_windows_lines_and_blanks(
    tool: Tool, site: RunningSite
) -> None:
    ids = site.track_ids()
    text = f"\ufeff{ids[4]}\r\n# the best\r\n\r\n  {ids[0]}  # A01\r\n{ids[4]}\r\n{ids[9]}"
    (tool.folder / "ids.txt").write_bytes(text.encode())
    tool("--site", site.url, "add-tracks", "--file", "ids.txt")
    assert _in_order(tool) == [ids[4], ids[0], ids[9]]


def test_a_file_with_invalid_lines_adds_nothing_and_names_each_of_them(tool: Tool, site: RunningSite) -> None:
    ids = site.track_ids()
    (tool.folder / "ids.txt").write_text(f"{ids[0]}\nnope\n-5\n1e3\n\x1b[2J\n99999999999999999999\n0\n")
    ran = tool("--site", site.url, "add-tracks", "--file", "ids.txt", ends=1)
    for line, word in ((2, "'nope'"), (3, "'-5'"), (4, "'1e3'"), (6, "'99999999999999999999'"), (7, "'0'")):
        assert f"ids.txt, line {line}: {word} is not a track id" in ran.err
    assert "6 lines without a track id; nothing was added. --skip-bad ignores them." in ran.error
    assert "\x1b" not in ran.err
    assert tool.files() == {"ids.txt"}
    assert site.stats()["requests"] == 0


def test_skip_bad_adds_the_rest_and_still_names_the_invalid_lines(tool: Tool, site: RunningSite) -> None:
    ids = site.track_ids()
    (tool.folder / "ids.txt").write_text(f"{ids[0]}\nnope\n{ids[1]}\n")
    ran = tool("--site", site.url, "add-tracks", "--file", "ids.txt", "--skip-bad")
    assert "line 2: 'nope' is not a track id" in ran.err
    assert _in_order(tool) == ids[:2]


def test_hundreds_of_invalid_lines_are_counted_not_listed(tool: Tool, site: RunningSite) -> None:
    (tool.folder / "ids.txt").write_text("x\n" * 500)
    ran = tool("--site", site.url, "add-tracks", "--file", "ids.txt", ends=1)
    assert "and 490 more" in ran.err
    assert len(ran.err.splitlines()) < 15


@pytest.mark.parametrize("bytes_", [b"", b"\n\n", b"# nothing\n"])
def test_a_file_without_ids_is_a_usage_error(tool: Tool, site: RunningSite, bytes_: bytes) -> None:
    (tool.folder / "ids.txt").write_bytes(bytes_)
    tool("--site", site.url, "add-tracks", "--file", "ids.txt", ends=2)
    assert tool.files() == {"ids.txt"}


@pytest.mark.parametrize("name", ["missing.txt", "folder"])
def test_a_file_that_cannot_be_read_is_named(tool: Tool, site: RunningSite, name: str) -> None:
    (tool.folder / "folder").mkdir()
    ran = tool("--site", site.url, "add-tracks", "--file", name, ends=None)
    assert ran.status in (1, 2)
    assert name in ran.error
    assert tool.files() == set()


def test_a_binary_file_is_rejected(tool: Tool, site: RunningSite) -> None:
    (tool.folder / "ids.txt").write_bytes(site.expected_replay(101))
    ran = tool("--site", site.url, "add-tracks", "--file", "ids.txt", ends=1)
    assert "without a track id" in ran.error


def test_ids_can_come_from_standard_input(tool: Tool, site: RunningSite) -> None:
    ids = site.track_ids()
    ran = subprocess.run(
        [sys.executable, "-m", "tmxdb", "--site", site.url, "add-tracks", "--file", "-"],
        input=f"{ids[2]}\n{ids[1]}\n",
        cwd=tool.folder,
        text=True,
        capture_output=True,
        check=False,
        env=tool.environment(),
    )
    assert ran.returncode == 0, ran.stderr
    assert _in_order(tool) == [ids[2], ids[1]]


def test_ids_that_the_site_does_not_have_are_named_and_the_others_added(tool: Tool, site: RunningSite) -> None:
    ids = site.track_ids()
    ran = tool("--site", site.url, "add-tracks", ids[0], 1, 2, ids[1], ends=3)
    assert f"2 tracks not found on {site.url}: 1, 2." in ran.err
    assert "2 tracks added" in ran.err
    assert _in_order(tool) == ids[:2]


def test_a_search_by_name_lists_and_adds_the_tracks_found(tool: Tool, site: RunningSite) -> None:
    ran = tool("--site", site.url, "add-tracks", "--name", "a01-race")
    assert "2233" in ran.out
    assert "A01-Race" in ran.out
    assert _in_order(tool) == [2233]


def test_a_search_that_finds_nothing_says_so(tool: Tool, site: RunningSite) -> None:
    ran = tool("--site", site.url, "add-tracks", "--name", "no such name", ends=1)
    assert "'no such name'" in ran.error


def test_a_search_adds_at_most_the_given_number(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "add-tracks", "--name", "a", "--max-tracks", 3)
    assert tool.one("select count(*) from tracks") == 3


def test_a_track_that_is_named_and_found_counts_once(tool: Tool, site: RunningSite) -> None:
    track_id = site.track_ids()[0]
    tool("--site", site.url, "sync-tracks")
    name = tool.one("select name from tracks where track_id = ?", track_id)
    tool.change("delete from tracks")
    ran = tool("add-tracks", track_id, "--name", name)
    n = tool.one("select count(*) from tracks")
    assert f"{n} track{'s' if n > 1 else ''} added; 0 known before" in ran.err
    assert min(tool.column("select priority from tracks")) == tool.one(
        "select priority from tracks where track_id = ?", track_id
    )
    assert f"0 tracks added; {n} known before" in tool("add-tracks", track_id, "--name", name).err


def test_a_limit_without_a_search_is_refused(tool: Tool, site: RunningSite) -> None:
    ran = tool("--site", site.url, "add-tracks", 5, 6, "--max-tracks", 1, ends=2)
    assert "--max-tracks is about the tracks that --name finds" in ran.error
    assert tool.files() == set()


def test_a_dry_run_adds_nothing(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 1)
    ran = tool("add-tracks", *site.track_ids(), "--dry-run")
    assert "11 tracks would be added, 1 known before would come first." in ran.err
    assert tool.one("select count(*) from tracks") == 1


def test_without_a_lookup_only_the_ids_are_added(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 1)
    site.clear_log()
    tool("add-tracks", "--no-lookup", 5, 7)
    assert site.stats()["requests"] == 0
    assert _in_order(tool)[:2] == [5, 7]
    assert tool.column("select synced_at from tracks where track_id in (5, 7)") == [None, None]


def test_without_a_lookup_no_contact_is_needed_and_nothing_is_remembered(tool: Tool) -> None:
    tool("--site", "tmnf", "add-tracks", "--no-lookup", "--rate", 2, 5)
    assert _in_order(tool) == [5]
    assert tool.column("select key from settings where key in ('site', 'contact')") == []
    assert tool.one("select count(*) from rate_limit where rate is not null") == 0


def test_a_search_needs_a_contact_also_without_a_lookup(tool: Tool) -> None:
    assert "--contact" in tool("--site", "tmnf", "add-tracks", "--no-lookup", "--name", "A01", ends=2).error


@settings(deadline=None)
@given(st.lists(st.text()))
def test_any_lines_give_ids_and_sentences(lines: list[str]) -> None:
    ids, bad = read_ids(lines, [])
    assert all(0 < track_id < 2**63 for track_id in ids)
    assert all("is not a track id" in sentence for sentence in bad)


def test_numbers_are_bounded_however_long_they_are_written() -> None:
    lines = [f"{2**63 - 1}", f"{2**63}", "9" * 5000, f"09{'0' * 22}", "٣"]
    ids, bad = read_ids(lines, [])
    assert ids == [2**63 - 1]
    assert len(bad) == 4
