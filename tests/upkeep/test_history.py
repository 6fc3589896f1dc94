"""`tmxdb show`: the history of one row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert

from tests.queue.fakes import Bench
from tests.rows import NOW, FakeClock, Rows
from tests.upkeep.conftest import Shelf
from tmxdb.clock import iso
from tmxdb.db.models import AttemptRow

Run = Callable[..., Any]


def test_a_replay_shows_its_file_its_track_and_linked_rows(tool: Run, shelf: Shelf, rows: Rows) -> None:
    rows.track(7, name="Bergwerk")
    file = shelf.replay(41, track_id=7, user_name="Anna", site_time_ms=30_690)
    shelf.map(7, source="replay", from_replay_id=41)
    rows.capture(9, 41)
    said = tool("show", "replay", 41).out
    assert said.startswith('replay 41 of track 7 "Bergwerk" by Anna, 30,690 ms\n')
    assert f"{file}" in said
    assert "present and complete" in said
    assert "track 7 (pending)" in said
    assert "map 7 (done), capture 9 (pending)" in said
    shown = tool("show", "--json", "replay", 41).json
    assert shown["row"]["user_name"] == "Anna"
    assert shown["file"]["problem"] is None
    assert [(link["what"], link["item_id"]) for link in shown["opens"]] == [("map", 7), ("capture", 9)]


@pytest.mark.parametrize(
    ("harm", "shown"),
    [(lambda file: file.unlink(), "missing: the file does not exist"),
     (lambda file: file.write_bytes(b"rep"), "damaged: expected 6 bytes, found 3"),
     (lambda file: file.write_bytes(b"REPLAY"), "damaged: the content has changed"),
     (lambda file: (file.unlink(), file.mkdir()), "damaged: not a regular file")],
)  # fmt: skip
def test_a_changed_file_is_reported(tool: Run, shelf: Shelf, harm: Any, shown: str) -> None:
    harm(shelf.replay(41))
    assert shown in tool("show", "replay", 41).out


def test_a_capture_is_checked_frame_by_frame(tool: Run, shelf: Shelf) -> None:
    folder = shelf.capture(3, 41)
    assert "present and complete" in tool("show", "capture", 3).out
    (folder / "frame_1_10ms.jpeg").unlink()
    assert "frame_1_10ms.jpeg does not exist" in tool("show", "capture", 3).out
    (folder / "manifest.json").write_text('[{"file": "../../secret"}]')
    assert "manifest.json is not a list of frames" in tool("show", "capture", 3).out
    (folder / "manifest.json").write_text("[1, 2]" + " " * 9_000_000)
    assert "manifest.json is not a list of frames" in tool("show", "capture", 3).out
    (folder / "manifest.json").write_text("[" * 100_000)
    assert "manifest.json cannot be read" in tool("show", "capture", 3).out


def test_attempts_come_in_order_with_worker_times_code_and_full_message(tool: Run, shelf: Shelf, rows: Rows) -> None:
    rows.replay(41, "failed")
    long = "no answer in time " * 50
    with rows.database.write() as connection:
        for attempt, kind, item_id, code in ((1, "download", 41, "tmx.timeout"), (2, "download", 41, "gbx.lzo"),
                                             (1, "list", 41, "tmx.other")):  # fmt: skip
            values = {"kind": kind, "item_id": item_id, "attempt": attempt, "worker": f"w{attempt}", "outcome": "retry",
                      "started_at": iso(NOW), "ended_at": iso(NOW + 5), "error_code": code, "error": long}  # fmt: skip
            connection.execute(insert(AttemptRow).values(**values))
    said = tool("show", "replay", 41).out
    assert said.index("tmx.timeout") < said.index("attempt 2") < said.rindex("gbx.lzo")
    assert "tmx.other" not in said
    assert long.strip() in said
    assert f"retry, {iso(NOW)} to {iso(NOW + 5)}, by w1" in said
    assert [a["error_code"] for a in tool("show", "--json", "replay", 41).json["attempts"]] == [
        "tmx.timeout", "gbx.lzo"]  # fmt: skip


def test_a_running_row_names_its_worker_and_whether_it_lives(tool: Run, rows: Rows, clock: FakeClock) -> None:
    rows.replay(41)
    bench = Bench(rows.database, clock)
    bench.register("far-away")
    bench.claim("far-away")
    assert "running for far-away, which is alive; lease until" in tool("show", "replay", 41).out
    rows.write("delete from workers")
    assert "running for far-away, which is gone" in tool("show", "replay", 41).out


def test_a_number_alone_will_do_where_only_one_row_has_it(tool: Run, rows: Rows) -> None:
    rows.replay(41, track_id=7)
    rows.map(7)
    assert tool("show", 41).out.startswith("replay 41")
    refused = tool("show", 7, ends=1).error
    assert "`tmxdb show track 7`, `tmxdb show map 7`" in refused
    assert "no row with the id 5" in tool("show", 5, ends=1).error
    assert "no capture 41" in tool("show", "capture", 41, ends=1).error


@pytest.mark.parametrize("words", [["ghost", "5"], ["replay", "x"], ["replay", "-5"], ["replay", "1", "2"], ["9" * 30]])
def test_what_can_not_be_a_row_is_wrong_usage(tool: Run, words: list[str]) -> None:
    tool("show", "--", *words, ends=2)


def test_names_from_outside_reach_the_terminal_spelled_out(tool: Run, rows: Rows) -> None:
    rows.track(7, name="a\x1b[2Jb\nc")
    assert "\\u001b[2Jb\\nc" in tool("show", "track", 7).out
