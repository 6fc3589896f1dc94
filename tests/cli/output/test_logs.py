"""`-v`, `-vv`, `--log-file` and `--log-format`."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tool import Tool
from tmxdb_sandbox import RunningSite


def _entries(tool: Tool) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tool.folder / "run.log").read_text("utf-8").splitlines()]


def test_a_log_file_has_one_json_object_for_each_settled_row_with_vv(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 5)
    tool("-vv", "--log-file", "run.log", "--log-format", "json", "work", "--kind", "list")
    settled = [entry for entry in _entries(tool) if entry["event"] == "row_settled"]
    assert {(entry["kind"], entry["status"]) for entry in settled} == {("list", "done")}
    assert len(settled) == len({entry["item_id"] for entry in settled}) == tool.one("select count(*) from tracks")
    assert all({"time", "level", "logger", "message"} <= entry.keys() for entry in settled)


def test_v_leaves_out_what_only_vv_shows_and_without_it_nothing_is_logged(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks", "--max-tracks", 5)
    assert "DEBUG" not in tool("-v", "work", "--kind", "list", "--limit", 1).err
    assert "row_settled" not in tool("work", "--kind", "list", "--limit", 1).err
    assert " DEBUG   tmxdb.queue: list " in tool("-vv", "work", "--kind", "list").err


def test_a_sync_logs_its_pages_and_what_it_tells_the_user(tool: Tool, site: RunningSite) -> None:
    site.set_faults(["503:first=1:on=tracks"])
    tool("-vv", "--log-file", "run.log", "--log-format", "json", "--site", site.url, "sync-tracks")
    entries = [entry for entry in _entries(tool) if entry["logger"] == "tmxdb.sync"]
    assert any(entry["event"] == "notice" and "Trying again" in str(entry["message"]) for entry in entries)
    assert any("Stored page 1: 30 tracks, 30 new." in str(entry["message"]) for entry in entries)


@pytest.mark.parametrize("progress", ["--progress", "--no-progress"])
def test_v_shows_each_sentence_once(tool: Tool, site: RunningSite, progress: str) -> None:
    site.set_faults(["503:first=1:on=tracks", "429:first=1:retry-after=1:on=api"])
    err = tool("-v", "--site", site.url, "sync-tracks", "--max-tracks", 5, progress).err
    assert err.count("Trying again") == err.count("tmxdb.sync: ") > 0
    site.set_faults(["429:first=1:retry-after=1:on=record", "not-gbx:on=record"])
    tool("work", "--kind", "list", "--top", 1)
    err = tool("-v", "work", "--kind", "download", "--limit", 1, "--max-attempts", 1, progress, ends=3).err
    assert err.count("Pausing all requests") == err.count("INFO    tmxdb.queue: Pausing") > 0
    assert err.count("failed, attempt 1") == 1
    assert "Failed: " not in err
    assert "Failed: " in tool("work", "--kind", "download", "--limit", 1, "--max-attempts", 1, progress, ends=3).err


def test_the_handlers_end_with_the_command(tool: Tool) -> None:
    logger, root = logging.getLogger("tmxdb"), logging.getLogger()
    before = (list(logger.handlers), logger.level, logger.propagate, list(root.handlers))
    tool("-vv", "--log-file", "run.log", "migrate")
    assert (list(logger.handlers), logger.level, logger.propagate, list(root.handlers)) == before


LIBRARY_WARNING = """
import logging, pathlib
import click
from tmxdb.cli.shared.logs import configure_logging

@click.command()
@click.option("-v", "verbose", count=True)
def command(verbose: int) -> None:
    configure_logging(verbose, pathlib.Path("run.log"), "text")
    try:
        raise OSError("server closed the connection")
    except OSError:
        logging.getLogger("sqlalchemy.pool").error("Error closing cursor", exc_info=True)

command()
"""


@pytest.mark.parametrize(("options", "shown"), [([], False), (["-v"], False), (["-vv"], True)])
def test_what_other_libraries_warn_of_is_in_the_log_file_and_on_stderr_only_with_vv(
    tool: Tool, options: list[str], shown: bool
) -> None:
    words = [sys.executable, "-c", LIBRARY_WARNING, *options]  # in a process, because pytest has a handler of its own
    err = subprocess.run(words, cwd=tool.folder, capture_output=True, text=True, check=True).stderr
    assert ("Traceback" in err) == ("Error closing cursor" in err) == shown
    assert "Traceback" in (tool.folder / "run.log").read_text("utf-8")


@pytest.mark.parametrize("name", ["tmx.db", "folder", "missing/run.log", "/dev/null"])
def test_a_file_that_cannot_be_a_log_is_refused_and_left_alone(tool: Tool, name: str) -> None:
    tool("migrate")
    (tool.folder / "folder").mkdir()
    before = (tool.folder / "tmx.db").read_bytes()
    for words in (["--log-file", name, "status"], ["sandbox", "--port", "0", "--log", name]):
        ran = tool(*words, ends=None)
        assert ran.status in (1, 2)
        assert str(Path(name)) in ran.error.replace("/", os.sep)
        assert ran.error.endswith("tmx.db is a database. Choose another file.") == (name == "tmx.db")
    assert (tool.folder / "tmx.db").read_bytes() == before
