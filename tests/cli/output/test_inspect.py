"""`status`, `query`, `retry`, `work --dry-run`: looking at a database, and opening rows again."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite

STATUSES = {"pending", "running", "retry", "done", "failed", "skipped"}


def test_status_in_json_has_the_promised_keys_and_the_true_counts(done: Tool) -> None:
    state = done("status", "--json").json
    assert list(state["kinds"]) == ["list", "download", "extract", "capture"]
    for kind, table in (("list", "tracks"), ("download", "replays"), ("extract", "maps"), ("capture", "captures")):
        assert set(state["kinds"][kind]) >= STATUSES
        counted = {row["status"]: row["n"] for row in done.rows(f"select status, count(*) n from {table} group by 1")}
        assert {name: n for name, n in state["kinds"][kind].items() if n} == counted
    assert {(f["kind"], f["error_code"]) for f in state["failures"]} >= {("download", "gbx.not_gbx")}
    assert all(failure["example"] for failure in state["failures"])
    assert state["workers"] == []
    assert state["files"]["replays"]["bytes"] == done.one("select sum(file_bytes) from replays where status = 'done'")


def test_status_shows_failures_with_an_example(done: Tool) -> None:
    out = done("status").out
    assert "gbx.not_gbx" in out
    assert "tmx.unavailable" in out
    assert "No worker is running." in out
    assert "\x1b" not in out


def test_reading_commands_change_and_create_nothing(done: Tool) -> None:
    before = {path: path.read_bytes() for path in done.folder.rglob("*") if path.is_file()}
    done("status")
    done("status", "--json")
    done("query", "select * from progress")
    done("retry", "--dry-run")
    done("run", "--dry-run")
    after = {path: path.read_bytes() for path in done.folder.rglob("*") if path.is_file()}
    assert {path.name for path in after} - {"tmx.db-wal", "tmx.db-shm"} == {path.name for path in before}
    assert {path: after[path] for path in before} == before


@pytest.mark.parametrize("command", [["status"], ["query", "select 1"], ["retry"], ["run"], ["reread"]])
def test_a_missing_database_is_not_created_by_reading_commands(tool: Tool, command: list[str]) -> None:
    ran = tool(*command, ends=1)
    assert "no database at tmx.db" in ran.error
    assert "tmxdb sync-tracks" in ran.error
    assert tool.files() == set()


def test_a_query_comes_as_table_json_or_csv_with_the_same_values(done: Tool) -> None:
    sql = "select track_id, name, awards from tracks order by track_id"
    rows = done.rows(sql)
    assert done("query", "--json", sql).json == rows
    assert done("query", "--format", "json", sql).json == rows
    read = list(csv.DictReader(io.StringIO(done("query", "--csv", sql).out, newline="")))
    assert [(row["track_id"], row["awards"]) for row in read] == [(str(r["track_id"]), str(r["awards"])) for r in rows]
    table = done("query", sql)
    assert len(table.out.splitlines()) == 2 + len(rows)
    assert "30 rows" in table.err


def test_nothing_from_the_site_reaches_the_terminal_raw(done: Tool) -> None:
    done.change("update tracks set name = 'a' || char(27) || '[2J' || char(10) || char(8238) || char(155) || 'b'")
    out = done("query", "select name from tracks limit 1").out
    assert "\\u001b[2J\\n\\u202e\\u009bb" in out
    assert out.isascii()
    assert json.loads(done("query", "--json", "select name from tracks limit 1").out)
    assert done("query", "--json", "select name from tracks limit 1").out.isascii()


@pytest.mark.parametrize(
    "sql",
    ["insert into settings values ('a', 'b')", "delete from tracks", "update tracks set name = 'x' returning track_id",
     "drop table tracks", "create table x (y)", "pragma user_version = 5", "vacuum", "attach 'other.db' as o",
     "begin immediate", "select 1; delete from tracks"],
)  # fmt: skip
def test_sql_that_would_change_something_is_refused_and_changes_nothing(done: Tool, sql: str) -> None:
    before = (done.folder / "tmx.db").read_bytes(), done.files()
    ran = done("query", sql, ends=1)
    assert "SQL" in ran.error
    assert done.one("select count(*) from tracks") == 30
    assert ((done.folder / "tmx.db").read_bytes(), done.files()) == before


@pytest.mark.parametrize("sql", ["", ";", "selec 1", "select * from nope", "select nope from tracks", "select '"])
def test_bad_sql_is_one_sentence(done: Tool, sql: str) -> None:
    ran = done("query", sql, ends=1)
    assert ran.error.startswith("Error: ")
    assert "SQL" in ran.error
    assert ran.out == ""


def test_retry_opens_what_failed_by_kind_code_and_id(done: Tool) -> None:
    by_code = {row["error_code"]: row["n"] for row in done.rows(
        "select error_code, count(*) n from replays where status = 'failed' group by 1")}  # fmt: skip
    total = sum(by_code.values())
    assert len(by_code) == 2
    assert done("retry", "--dry-run").out == f"{total}\n"
    assert done("retry", "--kind", "list").out == "0\n"
    assert done("retry", "--code", "tmx.timeout").out == "0\n"
    one = done.one("select min(replay_id) from replays where error_code = 'gbx.not_gbx'")
    assert done("retry", "--kind", "download", "--id", one).out == "1\n"
    assert done.rows("select status, attempts, error_code from replays where replay_id = ?", one) == [
        {"status": "pending", "attempts": 0, "error_code": None}
    ]
    assert done("retry", "--code", "gbx.not_gbx").out == f"{by_code['gbx.not_gbx'] - 1}\n"
    assert done("retry").out == f"{by_code['tmx.unavailable']}\n"
    done("run")
    assert done.one("select count(*) from replays where status = 'failed'") == 0


def test_retry_opens_skipped_rows_only_when_asked(done: Tool) -> None:
    done.change("update replays set status = 'skipped' where error_code = 'gbx.not_gbx'")
    skipped = done.one("select count(*) from replays where status = 'skipped'")
    assert skipped > 1
    done("retry")
    assert done.one("select count(*) from replays where status = 'skipped'") == skipped
    assert done("retry", "--status", "skipped", "--dry-run").out == f"{skipped}\n"
    assert done("retry", "--status", "skipped").out == f"{skipped}\n"


def test_retry_by_id_needs_one_kind(done: Tool) -> None:
    assert "--id needs one --kind" in done("retry", "--id", 5, ends=2).error


def test_a_dry_run_says_what_would_be_claimed_and_how_long_it_takes(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    site.clear_log()
    first = tool.column("select track_id from tracks order by priority limit 3")
    ran = tool("work", "--kind", "list", "--n", 3, "--dry-run")
    assert ran.out == "".join(f"list {track_id}\n" for track_id in first)
    assert "list: 30 rows to do" in ran.err
    expected = tool("work", "--kind", "list", "--rate", 1, "--dry-run").err
    assert site.stats()["requests"] == 0
    assert tool.column("select distinct status from tracks") == ["pending"]
    assert tool.one("select count(*) from workers") == 0
    tool("work", "--kind", "list")
    n = site.stats()["requests"]
    assert f"About {n} requests: about {n} s at 1 per second." in expected


def test_limit_ends_a_run_after_that_many_rows(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list", "--limit", 7, "--n", 2)
    assert tool.one("select count(*) from tracks where status <> 'pending'") == 7


def test_no_wait_leaves_rows_in_backoff_to_the_next_run(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.queue.backoff.MAX_BACKOFF_S", 3600)  # as for users: no row is due again during the run
    tool("--site", site.url, "sync-tracks")
    failing = tool.column("select track_id from tracks order by track_id limit 3")
    site.set_faults([f"500:id={track_id}" for track_id in failing])
    tool("work", "--kind", "list", "--no-wait")
    assert tool.column("select track_id from tracks where status = 'retry' order by track_id") == failing
    assert tool.one("select count(*) from tracks where status = 'pending'") == 0
    site.set_faults([])
    tool.change("update tracks set available_at = '2020-01-01T00:00:00Z' where status = 'retry'")
    tool("work", "--kind", "list")
    assert tool.one("select count(*) from tracks where status in ('retry', 'pending')") == 0


def test_a_drained_kind_ends_a_run_immediately(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    assert tool("work", "--kind", "list").err.startswith("list 0 done, 0 to do.")


def test_progress_away_from_a_terminal_is_a_line_without_control_characters(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    err = tool("run").err
    assert "\r" not in err
    assert "\x1b" not in err
    assert any(line.startswith("list ") and "download" in line and "0 to do" in line for line in err.splitlines())


def test_a_line_of_progress_is_not_repeated(tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.cli.shared.progress.LOG_EVERY_S", 0.0)  # a line after each cycle
    tool("--site", site.url, "sync-tracks", "--max-tracks", 1)
    lines = tool("work", "--kind", "list").err.splitlines()
    assert lines.count("list 1 done, 0 to do.") == 1


def test_migrate_creates_a_database_and_leaves_a_current_one(tool: Tool) -> None:
    assert "created" in tool("migrate").out
    before = (tool.folder / "tmx.db").read_bytes()
    assert "up to date" in tool("migrate").out
    assert (tool.folder / "tmx.db").read_bytes() == before


def test_damage_is_found_repaired_downloaded_again_and_then_all_is_well(done: Tool, site: RunningSite) -> None:
    done("verify", "--hash")
    replays = done.column("select file_path from replays where status = 'done' order by replay_id limit 3")
    a_map = done.one("select min(file_path) from maps where status = 'done'")
    hashes = done.rows("select file_path, sha256 from replays where status = 'done' order by replay_id")
    data = done.folder / "data"
    (data / replays[0]).unlink()
    (data / replays[1]).write_bytes(b"")
    (data / replays[2]).write_bytes((data / replays[2]).read_bytes()[::-1])
    (data / a_map).unlink()
    assert len(done("verify", "--hash", ends=3).out.splitlines()) == 4
    done("verify", "--hash", "--repair")
    site.clear_log()
    done("run")
    assert {line["path"].rpartition("/")[2] for line in site.log()} == {
        path.split("/")[2].split("_")[0] for path in replays
    }
    assert "All is well." in done("verify", "--hash").err
    assert done.rows("select file_path, sha256 from replays where status = 'done' order by replay_id") == hashes


def test_show_takes_only_urls_of_the_noun_it_is_given(done: Tool, shared: RunningSite) -> None:
    done.change("update settings set value = ? where key = 'site'", shared.url)
    track = done.one("select min(track_id) from tracks")
    pages = {"track": f"{shared.url}/trackshow/{track}", "replay": f"{shared.url}/recordgbx/{track}"}
    for noun, of in (("track", "replay"), ("map", "replay"), ("replay", "track"), ("capture", "track")):
        error = done("show", noun, pages[of], ends=2).error
        assert f"{pages[of]} is the URL of a {of}, not of a {noun}. Write `tmxdb show {of} {track}`." in error
    for noun in ("track", "map"):
        assert done("show", noun, pages["track"]).out == done("show", noun, track).out
