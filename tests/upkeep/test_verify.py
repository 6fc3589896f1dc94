"""`tmxdb verify`: rows against their files, and what is repaired."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.capture.output.test_manifest import RUN
from tests.capture.race.cars import car
from tests.frames import captured_folder
from tests.rows import Rows
from tests.upkeep.conftest import CONTROL, JPEG, Shelf
from tmxdb.capture.output.folder import CaptureFolder
from tmxdb.capture.output.manifest import FrameRecord
from tmxdb.capture.settings import CaptureSettings
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, SettingRow
from tmxdb.storage import Storage
from tmxdb.upkeep.integrity import DAMAGED, Problem

Run = Callable[..., Any]


def test_a_database_whose_files_all_exist_is_well(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1)
    shelf.map(1)
    shelf.capture(1)
    rows.replay(2, "pending")
    ran = tool("verify", "--hash")
    assert ran.out == ""
    assert "1 replay, 1 map, 1 capture" in ran.err
    assert "All is well." in ran.err


def test_each_missing_or_damaged_file_is_one_line_and_status_3(tool: Run, shelf: Shelf, rows: Rows) -> None:
    deleted, cut, other = shelf.replay(1), shelf.replay(2), shelf.replay(3)
    shelf.map(1)
    (shelf.capture(5, 3) / "frame_0_0ms.jpeg").unlink()
    deleted.unlink()
    cut.write_bytes(b"rep")
    other.write_bytes(b"REPLAY")
    ran = tool("verify", ends=3)
    assert ran.out.splitlines() == [
        "missing: replay 1, replays/1/1_x_1ms.Replay.Gbx: the file does not exist",
        "damaged: replay 2, replays/1/2_x_2ms.Replay.Gbx: expected 6 bytes, found 3",
        "damaged: capture 5, frames/1/3_x_3ms: frame_0_0ms.jpeg does not exist",
    ]
    assert "damaged: replay 3" in tool("verify", "--hash", ends=3).out
    assert set(rows.statuses().values()) == {"done"}


def test_repair_makes_rows_pending_with_all_their_attempts(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1, attempts=4).unlink()
    shelf.replay(2)
    shelf.map(1).write_bytes(b"")
    (shelf.capture(5, 2) / "manifest.json").unlink()
    ran = tool("verify", "--repair")
    assert ran.out.count("now pending") == 3
    assert "repaired: 3" in ran.err
    assert rows.statuses() == {1: "pending", 2: "done"}
    assert rows.one(ReplayRow, 1)["attempts"] == 0
    assert shelf.status(MapRow, 1) == shelf.status(CaptureRow, 5) == "pending"
    assert "All is well." in tool("verify").err


def test_rows_that_are_not_done_are_left_alone(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.put("replays/x", b"")
    for number, status in enumerate(("pending", "running", "retry", "failed", "skipped"), start=1):
        rows.replay(number, status, file_path=f"replays/1/{number}.Replay.Gbx", file_bytes=5, sha256="0" * 64)
    before = rows.all(ReplayRow)
    tool("verify", "--repair", ends=3)
    assert rows.all(ReplayRow) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows reports a name that is too long as a missing file")
def test_an_unreadable_file_is_reported_and_not_downloaded_again(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1)
    rows.replay(2, "done", file_path="replays/1/" + "x" * 300, file_bytes=5)
    ran = tool("verify", "--repair", ends=3)
    assert ran.out.startswith("unreadable: replay 2, ")
    assert rows.statuses() == {1: "done", 2: "done"}


def test_json_is_one_document_with_findings_and_counts(tool: Run, shelf: Shelf) -> None:
    shelf.replay(1).unlink()
    shelf.replay(2)
    shelf.put(f"tracks/{CONTROL}[2J.gbx", b"")
    report = tool("verify", "--json", ends=3).json
    assert [(finding["what"], finding["item"]) for finding in report["findings"]] == [
        ("missing", "replay 1"),
        ("orphan", None),
    ]
    assert report["wrong"] == {"missing": 1, "orphan": 1}
    assert report["checked"] == {"replay": 2, "replays": 1, "tracks": 1, "leftovers": 0}
    assert (report["mended"], report["unmended"], report["whole"]) == (0, 2, True)
    assert tool("verify", "--json", "--repair", ends=3).json["unmended"] == 1  # the orphan


def test_an_empty_data_folder_is_taken_for_a_disk_that_is_not_mounted(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1)
    (shelf.data / "replays").rename(shelf.data / "elsewhere")
    refused = tool("verify", "--repair", ends=1).error
    assert "has none of the files that the database lists" in refused
    assert rows.statuses() == {1: "done"}


def test_the_data_folder_of_another_database_is_left_alone(tool: Run, shelf: Shelf, rows: Rows) -> None:
    for replay_id in range(1, 21):
        shelf.replay(replay_id).rename(shelf.data / f"replays/1/{replay_id}_of_another.Replay.Gbx")
    before = shelf.files()
    assert "the right folder" in tool("verify", "--repair", ends=1).error
    assert set(rows.statuses().values()) == {"done"}
    assert shelf.files() == before
    assert len(tool("verify", ends=3).out.splitlines()) == 40
    shelf.replay(21)
    tool("verify", "--repair")
    assert set(rows.statuses().values()) == {"pending", "done"}


def test_a_complete_run_deletes_its_progress_and_stores_its_result(tool: Run, shelf: Shelf, rows: Rows) -> None:
    shelf.replay(1)
    tool("verify")
    kept = {row["key"]: row["value"] for row in rows.all(SettingRow)}
    assert list(kept) == ["verified"]
    assert json.loads(kept["verified"])["checked"]["replay"] == 1


@pytest.mark.parametrize("threads", [1, 16])
def test_many_files_are_each_looked_at_once_with_any_number_of_threads(
    tool: Run, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr("tmxdb.upkeep.verify.CHUNK", 7)
    monkeypatch.setattr("tmxdb.upkeep.verify.SLICE", 2)
    monkeypatch.setattr("tmxdb.upkeep.orphans.FOLDER_BATCH", 2)
    for replay_id in range(1, 31):
        shelf.replay(replay_id, track_id=1 + replay_id % 5)
    (shelf.data / "replays/1/30_x_30ms.Replay.Gbx").unlink()
    report = tool("verify", "--json", "--hash", "--threads", threads, ends=3).json
    assert report["checked"] == {"replay": 30, "replays": 29, "leftovers": 0}
    assert [finding["item"] for finding in report["findings"]] == ["replay 30"]


def test_a_folder_as_captures_write_it_is_well_until_a_frame_is_lost(
    tool: Run, shelf: Shelf, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(shelf.data)
    dataset = CaptureFolder(storage, "frames/1/41_Anna_5ms", CaptureSettings(), owner="me")
    for step in range(20):
        dataset.add(FrameRecord(step, step * 10, car(step * 10), 0), lambda file: file.write(JPEG))
    dataset.publish(replace(RUN, total_frames=20, replay_id=41))
    dataset.close()
    rows.capture(1, 41, "done", folder_path="frames/1/41_Anna_5ms")
    for large in (8 * 2**20, 0):  # the manifest as one document, and line by line
        monkeypatch.setattr("tmxdb.upkeep.capture_integrity._LARGE_MANIFEST", large)
        assert "All is well." in tool("verify", "--hash").err
        (storage.absolute("frames/1/41_Anna_5ms") / "frame_00019_190ms.jpeg").rename(shelf.data / "kept")
        assert "frame_00019_190ms.jpeg does not exist" in tool("verify", ends=3).out
        (shelf.data / "kept").rename(storage.absolute("frames/1/41_Anna_5ms") / "frame_00019_190ms.jpeg")


def test_a_capture_that_a_conversion_changes_meanwhile_is_not_damaged(
    tool: Run, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look meets a folder between two states, the second one waits for the conversion."""
    from tmxdb.upkeep import capture_integrity

    shelf.capture(1)
    real, looks = capture_integrity.capture_problem, 0

    def look(*arguments: Any, **options: Any) -> Any:
        nonlocal looks
        looks += 1
        return Problem(DAMAGED, "frame_1_10ms.jpeg does not exist") if looks == 1 else real(*arguments, **options)

    monkeypatch.setattr(capture_integrity, "capture_problem", look)
    assert "All is well." in tool("verify").err
    assert looks == 2


def test_a_frame_that_was_cut_is_found_when_files_are_read(tool: Run, shelf: Shelf) -> None:
    frame = shelf.capture(1) / "frame_1_10ms.jpeg"
    for cut in (JPEG[:-1], JPEG[1:], b"\xff\xd8"):
        frame.write_bytes(cut)
        assert "All is well." in tool("verify").err
        assert "frame_1_10ms.jpeg is not a complete JPEG" in tool("verify", "--hash", ends=3).out
    frame.write_bytes(b"")
    assert "frame_1_10ms.jpeg has 0 bytes" in tool("verify", ends=3).out


def test_telemetry_that_is_damaged_or_missing_is_found(tool: Run, shelf: Shelf, rows: Rows) -> None:
    folder = captured_folder(shelf.data / "frames/1/2_x_2ms", 5, replay_id=2)
    rows.capture(2, 2, "done", folder_path="frames/1/2_x_2ms")
    file, metadata = folder / "telemetry.parquet", folder / "metadata.json"
    whole, facts = file.read_bytes(), json.loads(metadata.read_text())
    assert "All is well." in tool("verify", "--hash").err
    file.write_bytes(whole[:-20])
    assert "All is well." in tool("verify").err
    assert "damaged: capture 2, frames/1/2_x_2ms: cannot be read" in tool("verify", "--hash", ends=3).out
    file.unlink()
    assert "telemetry.parquet does not exist" in tool("verify", ends=3).out
    file.write_bytes(whole)
    metadata.write_text(json.dumps(facts | {"telemetry": {"file": "telemetry.parquet", "ticks": 40}}))
    assert "telemetry.parquet has 41 ticks instead of 40" in tool("verify", "--hash", ends=3).out
    for other in ({"file": "../x"}, "yes"):
        metadata.write_text(json.dumps(facts | {"telemetry": other}))
        assert "metadata.json does not say which file has the telemetry" in tool("verify", ends=3).out
    metadata.write_text(json.dumps(facts | {"telemetry": None}))
    assert "All is well." in tool("verify", "--hash").err


def test_black_and_frozen_pictures_are_reported_and_left_alone(tool: Run, shelf: Shelf, rows: Rows) -> None:
    for replay_id, changes in ((2, {"frames_black": 3}), (3, {"frames_frozen": 2}), (4, {})):
        path = f"frames/1/{replay_id}_x_{replay_id}ms"
        folder = captured_folder(shelf.data / path, 5, replay_id=replay_id)
        metadata = json.loads((folder / "metadata.json").read_text())
        (folder / "metadata.json").write_text(json.dumps(metadata | changes))
        rows.capture(replay_id, replay_id, "done", folder_path=path)
    ran = tool("verify", "--repair", ends=3)
    assert "suspicious: capture 2, frames/1/2_x_2ms: 3 of 5 frames are black; to capture it again" in ran.out
    assert "suspicious: capture 3, frames/1/3_x_3ms: 2 of 5 frames show the same picture" in ran.out
    assert "All is well" not in ran.err
    assert {row["status"] for row in rows.all(CaptureRow)} == {"done"}


def test_pictures_of_an_earlier_version_are_looked_at_when_files_are_read(tool: Run, shelf: Shelf, rows: Rows) -> None:
    folder = captured_folder(shelf.data / "frames/1/2_x_2ms", 5, replay_id=2)
    metadata = json.loads((folder / "metadata.json").read_text())
    del metadata["frames_black"], metadata["frames_frozen"]
    (folder / "metadata.json").write_text(json.dumps(metadata))
    first = (folder / "frame_00000_0ms.jpeg").read_bytes()
    for frame in folder.glob("*.jpeg"):
        frame.write_bytes(first)
    rows.capture(2, 2, "done", folder_path="frames/1/2_x_2ms")
    assert "All is well" in tool("verify").err
    assert "4 of 5 frames show the same picture" in tool("verify", "--hash", ends=3).out


def test_a_database_that_cannot_be_written_is_checked_without_keeping_progress(
    tool: Run, shelf: Shelf, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.replay(1)
    shelf.replay(2).unlink()
    shelf.put("replays/9/unknown.gbx", b"x")
    monkeypatch.setattr("tmxdb.db.database.Database.may_write", lambda database: False)
    ran = tool("verify", "--hash", ends=3)
    assert "The database cannot be written here: progress is not kept" in ran.err
    assert [line.split(maxsplit=1)[0].rstrip(":") for line in ran.out.splitlines()] == ["missing", "orphan"]
    assert rows.sql("select key from settings where key in ('verify', 'verified')") == []
