"""`reread`: what a newer reader can tell is filled into the rows of files that are there; nothing is fetched."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.tool import Tool
from tmxdb import reread
from tmxdb.kinds.stored_facts import RereadTask, read_file
from tmxdb_sandbox import RunningSite

_FACTS = "select replay_id, race_time_ms, checkpoints_ms, login, map_uid_matches, facts_version from replays order by 1"


@pytest.fixture
def done(tool: Tool, site: RunningSite) -> Tool:
    tool("--site", site.url, "sync-tracks")
    tool("run")
    site.clear_log()
    return tool


def test_without_files_it_says_that_there_is_nothing_to_read(tool: Tool) -> None:
    tool("migrate")
    assert "Nothing to read again: no file has been downloaded." in tool("reread", "--all").err


def test_only_files_read_by_an_older_reader_are_read_again(done: Tool, site: RunningSite) -> None:
    before, inputs = done.rows(_FACTS), done.rows("select * from inputs order by 1")
    assert "Nothing to read again: this version of tmxdb has read all downloaded files." in done("reread").err
    done.change("update replays set race_time_ms = null, login = null, facts_version = null where replay_id % 2 = 1")
    done.change("update maps set author_ms = null, facts_version = 0")
    done.change("delete from packed_inputs")
    odd = done.one("select count(*) from replays where facts_version is null")
    assert f"Files to read again: {odd} replays, 6 maps." in done("reread", "--dry-run").err
    assert done.one("select count(*) from replays where race_time_ms is null") == odd
    ran = done("reread", "--processes", 1)
    assert f"{odd + 6} files read again, 0 could not be read" in ran.err
    assert done.rows(_FACTS) == before
    assert done.one("select count(*) from inputs") == odd
    assert "Nothing to read again: this version of tmxdb has read all downloaded files." in done("reread").err
    done("reread", "--all", "--processes", 1)
    assert done.rows("select * from inputs order by 1") == inputs
    assert done.column("select distinct status from replays") == ["done"]
    assert site.stats()["requests"] == 0


def test_a_file_that_a_worker_stores_meanwhile_keeps_its_own_facts(done: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    first = done.one("select min(replay_id) from replays where status = 'done'")
    real = reread._write

    def write(*arguments: Any) -> None:
        if arguments[2]:
            done.change("update replays set sha256 = ?, race_time_ms = 1 where replay_id = ?", "0" * 64, first)
        real(*arguments)

    done.change("update replays set facts_version = 0")
    done.change("delete from packed_inputs")
    monkeypatch.setattr(reread, "_write", write)
    done("reread", "--processes", 1)
    assert done.one("select race_time_ms from replays where replay_id = ?", first) == 1
    assert done.one("select count(*) from packed_inputs where replay_id = ?", first) == 0
    assert done.one("select count(*) from packed_inputs") > 0


def test_a_changed_or_missing_file_is_named_and_its_row_is_unchanged(done: Tool, site: RunningSite) -> None:
    first, second = done.rows("select replay_id, file_path from replays order by 1 limit 2")
    (done.folder / "data" / first["file_path"]).unlink()
    (done.folder / "data" / second["file_path"]).write_bytes(b"GBX")
    before = done.rows(_FACTS)
    ran = done("reread", "--all", "--processes", 1, ends=3)
    assert f"replay {first['replay_id']} ({first['file_path']}): the file is missing. " in ran.err
    assert (
        f"replay {second['replay_id']} ({second['file_path']}): the file has changed since it was stored. " in ran.err
    )
    assert "28 files read again, 2 could not be read" in ran.err
    assert done.rows(_FACTS) == before


def test_the_file_of_a_local_replay_is_named_as_users_know_it_and_not_to_be_downloaded(tmp_path: Path) -> None:
    task = RereadTask(str(tmp_path), "replays", -3, "replays/a.Gbx", "0" * 64, None, "native", True)
    problem = read_file(task).problem
    assert problem == "replay local3 (replays/a.Gbx): the file is missing. Put it back: no exchange has it."


def _interrupt_after(chunks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C while the transaction of this number is written; 5 files each."""
    written = 0
    write = reread._write

    def interrupted(*arguments: Any) -> None:
        nonlocal written
        write(*arguments)
        written += bool(arguments[2])
        if written == chunks:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(reread, "CHUNK", 5)
    monkeypatch.setattr(reread, "_write", interrupted)


def test_an_interrupted_run_over_all_files_continues(done: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("reread", "--all", "--processes", 1)
    with monkeypatch.context() as patch:
        _interrupt_after(6, patch)  # 5 of the replays, 1 of the maps
        ran = done(*words, ends=130)
    assert "Run the same command again to continue." in ran.err
    assert "Files to read again: 0 replays, 1 maps." in done(*words, "--dry-run").err
    assert "Files to read again: 24 replays, 6 maps." in done(*words, "--no-inputs", "--dry-run").err  # another run
    assert "Files to read again: 24 replays, 6 maps." in done(*words, "--restart", "--dry-run").err
    ran = done(*words)
    assert "Continuing the run of " in ran.err
    assert "after 29 files; --restart starts over." in ran.err
    assert "1 file read again, 0 could not be read." in ran.err
    assert "30 files read again, 0 could not be read." in done(*words).err


def test_a_run_interrupted_after_its_last_file_has_nothing_left(done: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        _interrupt_after(7, patch)
        done("reread", "--all", "--processes", 1, ends=130)
    assert "Nothing to read again: that run had read all files." in done("reread", "--all").err
    assert "30 files read again, 0 could not be read." in done("reread", "--all").err


def test_restart_needs_all(done: Tool) -> None:
    assert "--restart needs --all" in done("reread", "--restart", ends=2).error


def test_rows_that_are_all_retried_meanwhile_are_left_alone(done: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = reread._write

    def write(*arguments: Any) -> None:
        if arguments[2] and arguments[1].name == "replays":
            done("retry", "--kind", "download", "--status", "done")
        real(*arguments)

    done.change("update replays set facts_version = 0")
    monkeypatch.setattr(reread, "_write", write)
    done("reread", "--processes", 1)
    assert done.rows("select distinct status, facts_version from replays") == [
        {"status": "pending", "facts_version": 0}
    ]
