"""`tmxdb export TABLE OUT --card`: the card beside a single file, and `tmxdb export --check OUT`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.gbx.made import a_replay
from tests.rows import Rows
from tests.tool import Tool, tool
from tmxdb.db.database import Database

__all__ = ["tool"]


@pytest.fixture
def mirror(tool: Tool) -> Tool:
    tool("migrate")
    rows = Rows(Database(str(tool.folder / "tmx.db")))
    rows.track(1, name="Track 1")
    for replay_id in (11, 12):
        rows.replay(replay_id, "done", track_id=1, race_time_ms=300, checkpoints_ms="[100, 300]", finished=True)
    rows.database.close()
    return tool


def card_of(out: Path) -> str:
    return out.with_name(f"{out.name}.md").read_text()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_card_says_what_its_file_is_and_the_check_compares_them(mirror: Tool, form: str) -> None:
    out = mirror.folder / f"replays.{form}"
    assert mirror("export", "replays", out, "--card").out.splitlines() == [str(out), f"{out}.md"]
    card = card_of(out)
    assert f"- SHA-256: {hashlib.sha256(out.read_bytes()).hexdigest()}\n" in card
    assert f"{out.stat().st_size:,} bytes, 2 rows" in card
    assert "One row is a replay" in card
    assert "tracks: all" in card
    assert "Replays and maps belong to the people who made them." in card
    assert card.startswith("---\npretty_name: TrackMania replays\n")
    assert f"    path: {out.name}\n" in card
    assert "1 file checked, 0 problems." in mirror("export", "--check", out).err
    out.write_bytes(out.read_bytes() + b"\n")
    assert "its content has changed" in mirror("export", "--check", out, ends=3).err


def test_a_card_that_was_not_written_with_the_file_is_named(mirror: Tool) -> None:
    out = mirror.folder / "replays.csv"
    mirror("export", "replays", out, "--card")
    mirror.change("update replays set race_time_ms = 301")
    mirror("export", "replays", out, "--force")  # or one with --card that was killed before its card
    said = mirror("export", "--check", out, ends=3).err
    assert "or its card is of an earlier export. Run the same export again with --force and --card." in said
    mirror("export", "replays", out, "--force", "--card")
    assert "0 problems" in mirror("export", "--check", out).err


def test_a_card_names_the_replays_without_lines(mirror: Tool) -> None:
    (mirror.folder / "data" / "replays").mkdir(parents=True)
    (mirror.folder / "data" / "replays" / "11.Replay.Gbx").write_bytes(a_replay())
    mirror.change("update replays set file_path = 'replays/' || replay_id || '.Replay.Gbx'")
    out = mirror.folder / "lines.csv"
    mirror("export", "lines", out, "--card", "--track-id", 1, "--processes", 1, ends=3)
    assert "could not be read: " in card_of(out)
    assert "tracks: 1 chosen" in card_of(out)


def test_no_card_is_written_unasked_and_none_is_overwritten(mirror: Tool) -> None:
    out = mirror.folder / "tracks.csv"
    mirror("export", "tracks", out)
    assert not out.with_name("tracks.csv.md").exists()
    assert "Export it with --card" in mirror("export", "--check", out, ends=1).error
    out.unlink()
    out.with_name("tracks.csv.md").write_text("mine")
    mirror("export", "tracks", out, "--card", ends=1)
    assert not out.exists()
    assert card_of(out) == "mine"
    mirror("export", "tracks", out, "--card", "--force")
    assert "0 problems" in mirror("export", "--check", out).err
