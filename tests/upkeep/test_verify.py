"""`tmxdb verify`: rows against their files, and what is mended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.capture.cars import car
from tests.capture.test_manifest import RUN
from tests.rows import Rows
from tmxdb.capture.dataset import Dataset
from tmxdb.capture.manifest import FrameLabel
from tmxdb.capture.settings import CaptureSettings
from tmxdb.db.models import Capture, Map, Replay, Setting
from tmxdb.storage import Storage

from .conftest import JPEG, Shelf

Run = Callable[..., Any]


def test_a_database_whose_files_are_all_there_is_well(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1)
    shelf.map(1)
    shelf.capture(1)
    rows.replay(2, "pending")
    ran = tool("verify", "--hash")
    assert ran.out == ""
    assert "1 replay, 1 map, 1 capture" in ran.err
    assert "All is well." in ran.err


def test_what_is_missing_or_damaged_is_one_line_each_and_status_3(tool: Run, shelf: Shelf, rows: Rows) -> None:
    gone, cut, other = shelf.replay(1), shelf.replay(2), shelf.replay(3)
    shelf.map(1)
    (shelf.capture(5, 3) / "frame_0_0ms.jpeg").unlink()
    gone.unlink()
    cut.write_bytes(b"rep")
    other.write_bytes(b"REPLAY")
    ran = tool("verify", ends=3)
    assert ran.out.splitlines() == [
        "missing: replay 1, replays/1/1_x_1ms.Replay.Gbx: it is not there",
        "damaged: replay 2, replays/1/2_x_2ms.Replay.Gbx: 3 bytes, not 6",
        "damaged: capture 5, frames/1/3_x_3ms: frame_0_0ms.jpeg is not there",
    ]
    assert "damaged: replay 3" in tool("verify", "--hash", ends=3).out
    assert set(rows.statuses().values()) == {"done"}


def test_mending_has_it_done_again_with_all_attempts_and_then_all_is_well(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1, attempts=4).unlink()
    shelf.replay(2)
    shelf.map(1).write_bytes(b"")
    (shelf.capture(5, 2) / "manifest.json").unlink()
    ran = tool("verify", "--mend")
    assert ran.out.count("now pending") == 3
    assert "mended: 3" in ran.err
    assert rows.statuses() == {1: "pending", 2: "done"}
    assert rows.one(Replay, 1)["attempts"] == 0
    assert shelf.status(Map, 1) == shelf.status(Capture, 5) == "pending"
    assert "All is well." in tool("verify").err


def test_rows_that_are_not_done_are_left_alone(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.put("replays/x", b"")
    for number, status in enumerate(("pending", "running", "retry", "failed", "skipped"), start=1):
        rows.replay(number, status, file_path=f"replays/1/{number}.Replay.Gbx", file_bytes=5, sha256="0" * 64)
    before = rows.all(Replay)
    tool("verify", "--mend")
    assert rows.all(Replay) == before


def test_a_file_that_can_not_be_looked_at_is_told_and_not_fetched_again(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1)
    rows.replay(2, "done", file_path="replays/1/" + "x" * 300, file_bytes=5)
    ran = tool("verify", "--mend", ends=3)
    assert ran.out.startswith("unreadable: replay 2, ")
    assert rows.statuses() == {1: "done", 2: "done"}


def test_json_is_one_document_with_findings_and_counts(tool: Run, shelf: Shelf) -> None:
    shelf.replay(1).unlink()
    shelf.replay(2)
    shelf.put("tracks/\x1b[2J.gbx", b"")
    told = tool("verify", "--json", ends=3).json
    assert [(finding["what"], finding["item"]) for finding in told["findings"]] == [
        ("missing", "replay 1"),
        ("stranger", None),
    ]
    assert told["wrong"] == {"missing": 1, "stranger": 1}
    assert told["checked"] == {"replay": 2, "replays": 1, "tracks": 1, "leftovers": 0}
    assert (told["mended"], told["unmended"], told["whole"]) == (0, 2, True)
    assert tool("verify", "--json", "--mend").json["unmended"] == 0


def test_a_data_folder_without_anything_is_rather_a_disk_that_is_not_there(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1)
    (shelf.data / "replays").rename(shelf.data / "elsewhere")
    refused = tool("verify", "--mend", ends=1).error
    assert "holds nothing of what the database speaks of" in refused
    assert rows.statuses() == {1: "done"}


def test_the_data_folder_of_another_database_is_not_mended_to_pieces(tool: Run, shelf: Shelf, rows: Rows) -> None:
    for replay_id in range(1, 21):
        shelf.replay(replay_id).rename(shelf.data / f"replays/1/{replay_id}_of_another.Replay.Gbx")
    before = shelf.files()
    assert "is it the right folder?" in tool("verify", "--mend", ends=1).error
    assert set(rows.statuses().values()) == {"done"}
    assert shelf.files() == before
    assert len(tool("verify", ends=3).out.splitlines()) == 40
    shelf.replay(21)
    tool("verify", "--mend")
    assert set(rows.statuses().values()) == {"pending", "done"}


def test_the_place_is_forgotten_and_the_result_remembered_when_it_ends(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1)
    tool("verify")
    kept = {row["key"]: row["value"] for row in rows.all(Setting)}
    assert list(kept) == ["verified"]
    assert json.loads(kept["verified"])["checked"]["replay"] == 1


@pytest.mark.parametrize("threads", [1, 16])
def test_many_files_are_each_looked_at_once_with_any_number_of_threads(
    tool: Run, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr("tmxdb.upkeep.verify.CHUNK", 7)
    monkeypatch.setattr("tmxdb.upkeep.verify.SLICE", 2)
    monkeypatch.setattr("tmxdb.upkeep.strangers.FOLDERS", 2)
    for replay_id in range(1, 31):
        shelf.replay(replay_id, track_id=1 + replay_id % 5)
    (shelf.data / "replays/1/30_x_30ms.Replay.Gbx").unlink()
    told = tool("verify", "--json", "--hash", "--threads", threads, ends=3).json
    assert told["checked"] == {"replay": 30, "replays": 29, "leftovers": 0}
    assert [finding["item"] for finding in told["findings"]] == ["replay 30"]


def test_a_folder_as_captures_write_it_is_well_until_a_frame_is_lost(
    tool: Run, shelf: Shelf, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(shelf.data)
    dataset = Dataset(storage, "frames/1/41_Anna_5ms", CaptureSettings(), owner="me")
    for step in range(20):
        dataset.add(FrameLabel(step, step * 10, car(step * 10), 0), lambda file: file.write(JPEG))
    dataset.publish(replace(RUN, total_frames=20))
    dataset.close()
    rows.capture(1, 41, "done", folder_path="frames/1/41_Anna_5ms")
    for large in (8 * 2**20, 0):  # the manifest at once, and line by line
        monkeypatch.setattr("tmxdb.upkeep.whole._LARGE_MANIFEST", large)
        assert "All is well." in tool("verify", "--hash").err
        (storage.absolute("frames/1/41_Anna_5ms") / "frame_00019_190ms.jpeg").rename(shelf.data / "kept")
        assert "frame_00019_190ms.jpeg is not there" in tool("verify", ends=3).out
        (shelf.data / "kept").rename(storage.absolute("frames/1/41_Anna_5ms") / "frame_00019_190ms.jpeg")


def test_a_frame_that_was_cut_is_found_when_files_are_read(tool: Run, shelf: Shelf) -> None:
    frame = shelf.capture(1) / "frame_1_10ms.jpeg"
    for cut in (JPEG[:-1], JPEG[1:], b"\xff\xd8"):
        frame.write_bytes(cut)
        assert "All is well." in tool("verify").err
        assert "frame_1_10ms.jpeg is no whole JPEG" in tool("verify", "--hash", ends=3).out
    frame.write_bytes(b"")
    assert "frame_1_10ms.jpeg has 0 bytes" in tool("verify", ends=3).out
