"""A command that selects nothing says so and why; a thing that is named but does not exist is an error."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb.error_codes import CODES
from tmxdb_sandbox import RunningSite

DOCS = Path(__file__).parents[3] / "docs"


def test_a_mistyped_error_code_is_an_error_with_the_codes_there_are(done: Tool) -> None:
    for command in (["retry"], ["skip", "--reason", "x"]):
        ran = done(*command, "--code", "gbx.not_gxb", ends=2)
        assert "Unknown error code 'gbx.not_gxb'. Did you mean 'gbx.not_gbx'?" in ran.error
        assert "tmx.unavailable" in ran.error
        assert ran.out == ""
        assert "Did you mean 'game.gone'?" in done(*command, "--code", "game.gon", ends=2).error


def test_every_code_and_family_of_the_docs_is_accepted_without_rows(done: Tool) -> None:
    table = re.findall(r"^\| `([a-z]+\.[a-z_*]+)`", (DOCS / "reference/errors.md").read_text("utf-8"), re.M)
    assert {"gbx.*", "game.*", "tmx.gone"} < set(table)
    named = [f"--code={code}" for code in sorted(CODES.union(table))]
    assert done("retry", *named, "--status=failed", "--kind=extract").err.startswith("No failed row to retry")
    assert done("skip", *named, "--reason=x", "--kind=extract").err.startswith("No row to skip")


def test_examples_of_the_docs_with_a_code_work(done: Tool) -> None:
    pages = [page.read_text("utf-8") for page in DOCS.rglob("*.md")]
    examples = {line for page in pages for line in re.findall(r"\$ tmxdb ((?:skip|retry) .*--code.*)", page)}
    assert examples
    for example in examples:
        done(*shlex.split(example))


def test_a_family_of_codes_selects_its_rows_only(done: Tool) -> None:
    family, all_failed = "error_code like 'gbx.%'", "select count(*) from replays where status = 'failed'"
    assert done("retry", "--code", "gbx.*", "--dry-run").out == f"{done.one(f'{all_failed} and {family}')}\n"
    every = done("retry", "--code", "gbx.*", "--code", "tmx.*", "--dry-run").out
    assert every == f"{done.one(all_failed)}\n"


def test_a_known_code_without_rows_is_explained(done: Tool) -> None:
    ran = done("retry", "--code", "tmx.timeout")
    assert ran.out == "0\n"
    assert ran.err == "No failed row to retry (there are no such rows in any status). See --status.\n"


def test_rows_in_another_status_are_counted_as_the_reason(done: Tool) -> None:
    replay = done.one("select min(replay_id) from replays where status = 'done'")
    ran = done("retry", "--kind", "download", "--id", replay)
    assert ran.err == "No failed row to retry (download: 1 done). See --status.\n"
    ran = done("skip", "--kind", "download", "--id", replay, "--reason", "x")
    assert ran.err == "No row to skip (download: 1 done). Rows that are done stay done.\n"


@pytest.mark.parametrize(
    ("words", "noun"),
    [(["--kind", "download", "--id", "999999999"], "replay"), (["--kind", "list", "--id", "999999999"], "track"),
     (["--kind", "extract", "--id", "999999999"], "map"), (["--kind", "capture", "--id", "999999999"], "capture"),
     (["--track-id", "999999999"], "track"), (["--replay-id", "999999999"], "replay"),
     (["--track-id", "{site}/trackshow/999999999"], "track")],
)  # fmt: skip
def test_a_row_that_does_not_exist_is_an_error_and_nothing_changes(
    done: Tool, shared: RunningSite, words: list[str], noun: str
) -> None:
    words = [word.format(site=shared.url) for word in words]
    before = (done.folder / "tmx.db").read_bytes()
    for command in (["skip", "--reason", "x"], ["retry"]):
        ran = done(*command, *words, ends=1)
        assert f"no {noun} 999999999; nothing was changed" in ran.error
    assert (done.folder / "tmx.db").read_bytes() == before


def test_a_file_without_ids_does_not_mean_everything(done: Tool) -> None:
    (done.folder / "ids.txt").write_text("# nothing\n\n")
    for command in (["skip", "--reason", "x"], ["retry"], ["add-captures"], ["export", "frames", "out"]):
        assert "ids.txt contains no track ids" in done(*command, "--track-ids", "ids.txt", ends=1).error


def test_rows_can_be_named_by_track_replay_and_url(done: Tool, shared: RunningSite) -> None:
    replay, track = done.rows("select replay_id, track_id from replays where status = 'failed' limit 1")[0].values()
    assert done("retry", "--replay-id", f"{shared.url}/recordgbx/{replay}", "--dry-run").out == "1\n"
    n = done.one("select count(*) from replays where status = 'failed' and track_id = ?", track)
    (done.folder / "ids.txt").write_bytes(f"{shared.url}/trackshow/{track}\r\n".encode("utf-16"))
    assert done("retry", "--track-ids", "ids.txt", "--dry-run").out == f"{n}\n"


def test_work_without_rows_says_what_they_wait_for(tool: Tool, site: RunningSite) -> None:
    tool("migrate")
    assert "The database has no tracks." in tool("--site", site.url, "work", "--kind", "extract").err
    tool("--site", site.url, "sync-tracks", "--max-tracks", 3)
    said = tool("work", "--kind", "extract").err
    assert "3 tracks wait for `tmxdb work --kind list`" in said
    tool("work", "--kind", "list", "--limit", 1)
    said = tool("work", "--kind", "extract").err
    assert "2 tracks wait for `tmxdb work --kind list`" in said
    assert "for `tmxdb work --kind download`" in said
    assert "No captures are requested." in tool("work", "--kind", "capture").err


def test_releasing_nothing_says_so(done: Tool) -> None:
    ran = done("release")
    assert ran.out == "0\n"
    assert "No rows to release" in ran.err


def test_two_formats_are_wrong_usage(done: Tool) -> None:
    assert "Choose one format: csv or json." in done("query", "--json", "--csv", "select 1", ends=2).error
    assert done("query", "--csv", "--format", "csv", "select 1 as n").out == "n\n1\n"


@pytest.mark.parametrize(
    ("words", "status"), [(["abc"], 2), (["--track-ids", "missing.txt"], 2), (["-5"], 2), ([], 2), (["99", "x"], 2)]
)
def test_wrong_track_ids_end_with_the_documented_status(tool: Tool, words: list[str], status: int) -> None:
    assert tool("add-tracks", *words, ends=status).error


def test_a_list_of_ids_without_an_end_is_refused(tool: Tool) -> None:
    endless = Path("/dev/zero")
    if os.name != "posix":  # Windows has no such file
        endless = tool.folder / "zeros.txt"
        with endless.open("wb") as file:
            file.truncate(64 * 2**20 + 1)
    assert "larger than 64 MB" in tool("add-tracks", "--track-ids", endless, ends=1).error


def test_a_spreadsheet_gets_no_formula_and_no_escape_sequence(done: Tool) -> None:
    sql = "select '=cmd()', '+1', '-1', '@x', char(27) || '[2J', 'Übung', -1, null"
    out = done("query", "--spreadsheet", sql).out.splitlines()[1]
    assert out == "'=cmd(),'+1,'-1,'@x,\\u001b[2J,Übung,-1,"
