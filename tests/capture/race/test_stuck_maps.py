"""Maps that never start: the file that lists them, and requests that leave them out."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.captures.captures import World
from tests.tool import Tool, tool
from tmxdb.capture.games.instance import GameInstance
from tmxdb.capture.race.outcome import FailedRace
from tmxdb.capture.stuck_maps import StuckMaps

__all__ = ["tool"]


def test_each_track_is_listed_once_and_other_lines_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "stuck.txt"
    path.write_text("# mine\n7 # an old one")
    stuck = StuckMaps(str(path))
    for track_id in (7, 9, 9):
        stuck.add(track_id, "A map\nof two lines")
    assert path.read_text() == "# mine\n7 # an old one\n9  # A map of two lines\n"
    StuckMaps(str(path)).add(9, "again")
    assert len(path.read_text().splitlines()) == 3


def test_a_local_track_is_listed_as_other_commands_read_it(tool: Tool, sqlite_template: Path) -> None:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    world = World(tool)
    world.fill(tracks=1, replays=1)
    for table in ("replays", "maps", "tracks"):
        tool.change(f"update {table} set track_id = -1")
    path = tool.folder / "stuck.txt"
    for _ in range(2):  # by two runs
        StuckMaps(str(path)).add(-1, "A map of my own")
    assert path.read_text().splitlines()[1:] == ["local1  # A map of my own"]
    ran = tool("add-captures", "--exclude-maps", "stuck.txt")
    assert "1 replay left out: on a map that is excluded (--exclude-maps)." in ran.err


def test_the_list_exists_if_all_maps_start(tool: Tool, sqlite_template: Path) -> None:
    """A script passes it to the next `add-captures`, whatever happened."""
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    world = World(tool)
    world.fill(tracks=1, replays=1)
    tool("work", "--kind", "capture", "--write-stuck-maps", "stuck.txt", "--dry-run")
    assert not (tool.folder / "stuck.txt").exists()
    tool("work", "--kind", "capture", "--write-stuck-maps", "stuck.txt")  # nothing to do
    assert "1 capture added" in tool("add-captures", "--exclude-maps", "stuck.txt").err
    (tool.folder / "stuck.txt").write_text("# mine\n")
    with world.games() as games:
        world.tool(*world.work(games), "--write-stuck-maps", "stuck.txt", "--no-progress")
    assert (tool.folder / "stuck.txt").read_text() == "# mine\n"


def test_a_database_is_refused(tool: Tool) -> None:
    with sqlite3.connect(tool.folder / "other.db") as connection:
        connection.execute("create table photos (id)")
    connection.close()
    before = (tool.folder / "other.db").read_bytes()
    tool("work", "--kind", "capture", "--write-stuck-maps", "other.db", ends=1)
    assert (tool.folder / "other.db").read_bytes() == before


def test_a_map_that_does_not_start_is_listed_and_left_out_next_time(
    tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    world = World(tool)
    world.fill(tracks=2, replays=1)
    tool("add-captures")
    drive = GameInstance.drive

    def stuck_drive(game: GameInstance, task: Any, *arguments: Any) -> Any:
        if task.map_name == "Map 1":
            return FailedRace("capture.map_did_not_start", "the map did not start")
        return drive(game, task, *arguments)

    monkeypatch.setattr(GameInstance, "drive", stuck_drive)
    with world.games() as games:
        world.tool(*world.work(games), "--write-stuck-maps", "stuck.txt", "--max-attempts", 1, "--no-progress", ends=3)
    assert (tool.folder / "stuck.txt").read_text().splitlines()[1:] == ["1  # Map 1"]
    ran = tool("add-captures", "--fps", 20, "--exclude-maps", "stuck.txt")
    assert "1 replay left out: on a map that is excluded (--exclude-maps)." in ran.err
    assert [row["track_id"] for row in world.captures() if '"fps":20' in row["settings"]] == [2]


def test_a_list_without_ids_is_one_sentence(tool: Tool, sqlite_template: Path) -> None:
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    (tool.folder / "stuck.txt").write_text("A01-Race\n")
    assert "is not a track id" in tool("add-captures", "--exclude-maps", "stuck.txt", ends=1).error
