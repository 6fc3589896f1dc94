"""What a run says at its end: of the rows that it was asked to do, and of no others."""

from __future__ import annotations

import re
import signal
from contextlib import closing

import pytest

from tests.frames import captured_database
from tests.processes import needs_ctrl_c
from tests.tool import Tool, until
from tmxdb.db.database import Database
from tmxdb_sandbox import RunningSite

OPEN = "status in ('pending', 'running', 'retry')"


def test_a_run_of_a_replay_that_is_done_says_so(done: Tool) -> None:
    replay = done.one("select min(replay_id) from replays where status = 'done'")
    said = done("run", "--replay-id", replay).err
    assert "Nothing to do (download: 1 done)." in said
    assert "no tracks" not in said


def test_a_run_of_tracks_that_are_done_says_what_their_rows_are(done: Tool) -> None:
    track = done.one("select min(track_id) from replays where status = 'failed'")
    said = done("run", "--track-id", track).err
    assert re.search(r"Nothing to do \(list: 1 done; download: .*\d failed; extract: 1 done\)\.", said), said
    said = done("work", "--kind", "capture", "--track-id", track, "--wait").err
    assert "No captures are requested." in said


@pytest.mark.parametrize("options", [(), ("--no-wait",), ("--replay-id", 10)])
def test_captures_that_are_done_need_no_game(tool: Tool, options: tuple[object, ...]) -> None:
    tool("migrate")
    with closing(Database(str(tool.folder / "tmx.db"))) as database:
        captured_database(database, tool.folder / "data", {10: 2})
    assert tool("work", "--kind", "capture", *options).err == "Nothing to do (capture: 1 done).\n"


def test_options_of_kinds_that_do_not_run_are_named(done: Tool) -> None:
    said = done("work", "--kind", "list", "--no-inputs", "--name-template", "{replay_id}", "--strict", "--top", 3).err
    assert "--name-template, --store-inputs/--no-inputs have no effect without --kind download." in said
    assert "--strict has no effect without --kind capture." in said
    assert "--top" not in said


def test_a_kind_without_rows_of_what_was_named_says_so(done: Tool) -> None:
    replay = done.one("select min(replay_id) from replays where status = 'failed'")
    done("retry", "--replay-id", replay)
    said = done("work", "--kind", "extract", "--replay-id", replay).err
    assert "Nothing to do (there are no such rows in any status)." in said
    assert "1 replay waits for `tmxdb work --kind download`" in said


def test_a_run_with_failures_names_the_command_that_explains_them(done: Tool, site: RunningSite) -> None:
    site.set_faults(["not-gbx:100%:on=record"])
    done("retry", "--replay-id", done.one("select min(replay_id) from replays where status = 'failed'"))
    said = done("run", "--max-attempts", 1, ends=3).err
    assert "1 failed" in said
    assert "`tmxdb errors` says why, and what to do." in said


@needs_ctrl_c
def test_an_interrupted_run_counts_the_rows_of_its_own_kinds(done: Tool, site: RunningSite) -> None:
    done("add-captures", "--fps", 10)
    done("retry")
    site.hold()
    try:
        with done.started("run", "--n", 1) as process:
            until(lambda: site.stats()["requests"] > 0)
            process.send_signal(signal.SIGINT)
            until(lambda: done.one("select count(*) from replays where status = 'running'") <= 1)
            site.release()
            _, err = process.communicate(timeout=300)
    finally:
        site.release()
    assert done.one(f"select count(*) from captures where {OPEN}") > 0
    left = sum(done.one(f"select count(*) from {table} where {OPEN}") for table in ("tracks", "replays", "maps"))
    assert f"Interrupted: {left:,} row" in err
