"""A finished export stays as it is when its captures are deleted, and an unfinished one is not called complete."""

from __future__ import annotations

import json
import shutil

import pytest

from tests import needs
from tests.tool import Tool

FORMATS = ("webdataset", "parquet", "lerobot", "minari")
MODULES = {"parquet": "pyarrow.parquet", "lerobot": "pyarrow.parquet", "minari": "h5py"}


def exported(captured: Tool, form: str, *, ends: int = 0) -> dict[str, bytes]:
    """Export, and return the files."""
    if form in MODULES:
        needs.module(MODULES[form])
    captured("export", "frames", "out", "--format", form, "--shard-frames", 5, ends=ends)
    out = captured.folder / "out"
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("form", FORMATS)
def test_a_finished_export_stays_as_it_is_when_its_captures_are_gone(captured: Tool, form: str) -> None:
    before = exported(captured, form)
    shutil.rmtree(captured.folder / "data" / "frames")
    assert exported(captured, form) == before
    captured("export", "frames", "out", "--check")


def test_frames_of_another_replay_are_not_exported(captured: Tool) -> None:
    """As earlier versions left them: two replays in one folder, whose files have the same name."""
    captured.change("update captures set folder_path = 'frames/1/11', frame_count = 4 where replay_id = 10")
    said = captured("export", "frames", "out", ends=3).err
    assert "contains the frames of another replay" in said
    assert "1 run left out" in said
    captured("verify", "--repair")
    assert captured.one("select status from captures where replay_id = 10") == "pending"
    assert captured.one("select status from captures where replay_id = 11") == "done"


@pytest.mark.parametrize("form", ["webdataset", "lerobot"])
def test_runs_keep_their_metadata_when_the_list_is_written_again(captured: Tool, form: str) -> None:
    before = exported(captured, form)
    shutil.rmtree(captured.folder / "data" / "frames")
    (captured.folder / "out" / "SHA256SUMS").unlink()
    assert exported(captured, form) == before


def test_deleted_captures_of_an_unfinished_export_are_one_sentence(captured: Tool) -> None:
    exported(captured, "lerobot")
    shutil.rmtree(captured.folder / "data" / "frames")
    for name in ("SHA256SUMS", "runs.jsonl"):
        (captured.folder / "out" / name).unlink()
    ran = captured("export", "frames", "out", "--format", "lerobot", "--shard-frames", 5, ends=1)
    assert "were deleted before the export was finished. Restore them, or export into another folder." in ran.error


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_without_its_last_files_is_not_finished(captured: Tool, form: str) -> None:
    before = exported(captured, form)
    (captured.folder / "out" / "SHA256SUMS").unlink()  # written after all shards
    ran = captured("export", "frames", "out", "--check", ends=3)
    assert "SHA256SUMS: missing: the export is not finished. Run the same command again to continue." in ran.err
    assert exported(captured, form) == before
    captured("export", "frames", "out", "--check")


def test_the_map_of_a_run_is_the_one_that_was_driven(captured: Tool) -> None:
    captured.change("update replays set map_uid = 'driven'")
    captured.change(
        "insert into maps (track_id, status, uid, priority, attempts, losses, failures_in_a_row)"
        " select track_id, 'pending', 'replaced', 0, 0, 0, 0 from tracks"
    )
    captured("export", "frames", "out")
    runs = [json.loads(line) for line in (captured.folder / "out" / "runs.jsonl").read_text().splitlines()]
    assert {run["map_uid"] for run in runs} == {"driven"}
