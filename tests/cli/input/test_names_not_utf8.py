"""Files and folders of the user whose names are not valid UTF-8: read, written, shown escaped, never a traceback."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path

import pytest

from tests.frames import captured_database
from tests.gbx.made import a_replay
from tests.names import name_not_utf8
from tests.tool import Tool
from tmxdb.cli.shared.logs import rotating_file
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.game.kept_maps import keep_maps, kept_maps

SHOWN = "odd\\udcff"


@pytest.fixture
def odd(tool: Tool) -> str:
    return name_not_utf8(tool.folder)


@pytest.fixture
def found(tool: Tool, odd: str) -> Path:
    """A folder with one replay. Neither has a name of valid UTF-8."""
    folder = tool.folder / odd
    folder.mkdir()
    (folder / f"{odd}.Replay.Gbx").write_bytes(a_replay())
    return folder


def test_replay_files_are_read_and_converted(tool: Tool, odd: str, found: Path) -> None:
    file = found / f"{odd}.Replay.Gbx"
    assert SHOWN in tool("gbx", "show", found).out
    assert json.loads(tool("gbx", "show", "--json", file).out)["file"] == str(file)
    tool("gbx", "line", file, "-o", f"{odd}.csv")
    tool("gbx", "line", found, "-o", f"{odd} lines")
    tool("gbx", "inputs", found, "--as", "script", "-o", f"{odd} inputs")
    assert (tool.folder / f"{odd} lines" / f"{odd}.line.csv").read_bytes() == (tool.folder / f"{odd}.csv").read_bytes()
    assert tool("gbx", "show", f"{odd} missing", ends=3).err == f"Error: {SHOWN} missing: No such file or directory\n"


def test_orphans_are_found_and_moved(done: Tool) -> None:
    odd = name_not_utf8(done.folder)
    folder = done.folder / "data" / "tracks" / odd
    folder.mkdir()
    (folder / f"{odd}.Challenge.Gbx").write_bytes(b"")
    assert f"orphan: tracks/{SHOWN}/{SHOWN}.Challenge.Gbx: no row names it" in done("verify", ends=3).out
    done("verify", "--move-orphans")
    assert (done.folder / "data" / "orphans" / "tracks" / odd / f"{odd}.Challenge.Gbx").exists()


def test_files_are_adopted_by_copying_only(tool: Tool, found: Path) -> None:
    refused = tool("adopt", found, "--in-place", "--no-lookup", ends=1).error
    assert "its name is not valid UTF-8, so it cannot be left in place" in refused
    tool("adopt", found, "--no-lookup")
    assert "1 file of them" in tool("adopt", found, "--no-lookup").err
    assert tool.one("select path from adopted_files").endswith(f"{SHOWN}.Replay.Gbx")


@pytest.mark.parametrize("table", ["replays", "tracks"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_tables_are_exported(done: Tool, table: str, form: str) -> None:
    out = done.folder / f"{name_not_utf8(done.folder)}.{form}"
    done("export", table, out, "--card")
    assert f"- file: {SHOWN}.{form}, " in out.with_name(f"{out.name}.md").read_text("utf-8")
    assert "1 file checked, 0 problems." in done("export", "--check", out).err
    assert form != "csv" or len(list(csv.reader(io.StringIO(out.read_text("utf-8"))))) > 1


def test_folders_are_exported(done: Tool) -> None:
    odd = name_not_utf8(done.folder)
    for command in ("vcp", "lake"):
        out = done.folder / f"{odd} {command}"
        done("export", command, out, ends=None)
        assert " 0 problems." in done("export", "--check", out).err


@pytest.mark.parametrize("form", ["webdataset", "parquet", "huggingface", "lerobot", "minari", "rulka"])
def test_frames_are_exported_from_and_to_such_a_folder(tool: Tool, odd: str, form: str) -> None:
    data = tool.folder / odd
    database = Database(str(tool.folder / "tmx.db"))
    upgrade(database)
    captured_database(database, data, {10: 3})
    database.close()
    tool("--data", data, "export", "frames", f"{odd} out", "--format", form)
    assert " 0 problems." in tool("export", "--check", f"{odd} out").err
    tool("--data", data, "contact-sheet", 10, "--out", f"{odd}.png")


def test_a_database_of_such_a_name_is_used_and_copied(tool: Tool, odd: str) -> None:
    tool("--db", f"{odd}.db", "migrate")
    assert SHOWN in tool("--db", f"{odd}.db", "status").out
    tool("copy-db", f"{odd}.db", f"{odd} copy.db")
    assert "not valid UTF-8" in tool("--db", f"{odd}.db", "backup", f"{odd} backup.db", ends=1).error


def test_a_log_shows_it_escaped(tool: Tool, odd: str) -> None:
    handler = rotating_file(tool.folder / f"{odd}.log", "--log-file")
    handler.emit(logging.makeLogRecord({"msg": f"{odd} cannot be read"}))
    handler.close()
    assert (tool.folder / f"{odd}.log").read_text("utf-8") == f"{SHOWN} cannot be read\n"


def test_a_setting_is_not_taken_from_it(tool: Tool, odd: str) -> None:
    tool("migrate")
    for key in ("data", "contact", "only", "name_template"):
        refused = tool("config", "set", key, f"{{replay_id}}{odd}", ends=2).error
        assert refused == f"Error: The value of {key} is not valid UTF-8: {{replay_id}}{SHOWN}"


def test_maps_of_such_a_data_folder_are_kept_in_the_game(tmp_path: Path) -> None:
    owner = tmp_path / name_not_utf8(tmp_path)
    keep_maps(tmp_path / "maps", owner, ["a"])
    assert kept_maps(tmp_path / "maps") == {"a"}
