"""LeRobot data sets, checked by the rules of docs/facts/training.md#lerobot: every file, column, number and type."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import needs
from tests.export.conftest import RUNS
from tests.export.formats.lerobot_rules import validate
from tests.frames import car, jpeg
from tests.tool import Tool
from tmxdb.capture.output.manifest import inputs_entry, state_entry
from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample, SampledRun
from tmxdb.export.frames.lerobot import rows as lerobot
from tmxdb.export.frames.lerobot.meta import _picture_statistics
from tmxdb.export.frames.lerobot.video import IMAGE
from tmxdb.export.frames.vectors import STATE

parquet = needs.module("pyarrow.parquet")

EXPORT = ("export", "frames", "dataset", "--format", "lerobot", "--split", "train=0.6,val=0.4", "--shard-frames", 8,
          "--no-progress")  # fmt: skip
PARTS = ("train", "val")


def test_an_export_is_a_valid_data_set_for_each_part(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "dataset"
    parts = {name: validate(out / name) for name in ("train", "val")}
    assert sum(info["total_frames"] for info in parts.values()) == sum(RUNS.values())
    assert sum(info["total_episodes"] for info in parts.values()) == len(RUNS)
    assert "0 problems" in captured("export", "frames", "dataset", "--check").err
    row = parquet.read_table(next(out.glob("train/data/*/*.parquet"))).to_pylist()[1]
    assert row[IMAGE]["bytes"] == jpeg(100)
    state = dict(zip(STATE, row["observation.state"], strict=True))
    assert state["position.x"] == pytest.approx(car(100).position[0], abs=1e-3)
    assert (state["gear"], state["on_ground.3"], row["action"]) == (3.0, 0.0, [1.0, 0.0, -1.0])


def test_an_export_continues_after_its_last_shard(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "dataset"
    whole = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    last = sorted(path for path in whole if "train" in path.parts and "data" in path.parts)[-1]
    last.unlink()
    (out / "train" / "meta" / "info.json").unlink()
    captured(*EXPORT)
    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == whole
    validate(out / "train")


def test_frames_that_are_not_due_are_counted_nowhere(captured: Tool) -> None:
    for name in ("1/10", "2/20"):
        manifest = captured.folder / "data/frames" / name / "manifest.json"
        *lines, last, end = manifest.read_text().splitlines()
        finish = json.loads(last)
        finish["time_ms"] -= 30
        manifest.write_text("\n".join([*lines, json.dumps(finish), end]))
    written = captured(*EXPORT, "--json")
    out, total = captured.folder / "dataset", sum(RUNS.values()) - 2
    rows = {part: sum(parquet.read_metadata(file).num_rows for file in out.glob(f"{part}/data/*/*")) for part in PARTS}
    assert sum(rows.values()) == total
    assert {part: size["frames"] for part, size in json.loads(written.out).items()} == rows
    assert "2 frames left out: not due, and LeRobot needs a constant frame rate." in written.err
    card = (out / "README.md").read_text()
    assert all(f"| {count:,} |\n" in card for count in rows.values())
    assert "- Frames left out (not due, and LeRobot needs a constant frame rate): 2." in card
    assert "0 problems" in captured("export", "frames", "dataset", "--check").err
    done = out / "export.done.jsonl"
    records = [json.loads(line) for line in done.read_text().splitlines()]
    assert sum(record.pop("dropped") for record in records) == 2
    done.write_text("".join(json.dumps(record) + "\n" for record in records))  # as 0.22.4 wrote it
    assert "0 problems" in captured("export", "frames", "dataset", "--check").err


def test_mixed_captures_are_refused(captured: Tool) -> None:
    assert "one size and one rate" in captured(*EXPORT, "--mixed", ends=2).error


def sample(step: int, *, capture_id: int = 1, late_ms: int = 0, fps: int = 10) -> FrameSample:
    time_ms = step * 1000 // fps + late_ms
    state = replace(car(time_ms))
    facts = {
        "capture_id": capture_id,
        "replay_id": 7,
        "track_id": 3,
        "map_uid": "uid",
        "race_time_ms": 400,
        "step": step,
        "time_ms": time_ms,
        "action_idx": 0,
        "inputs": inputs_entry(state.inputs),
        "state": state_entry(state),
    }
    return FrameSample(f"{capture_id}_{step}", jpeg(time_ms), facts, SampledRun(Path(), "run", fps, 64, 64, True), "")


def lengths(*samples: FrameSample) -> list[int]:
    file = io.BytesIO()
    assert lerobot.write(file, samples) == len(samples)
    file.seek(0)
    assert lerobot.count(file) == len(samples)
    return [episode["length"] for episode in lerobot.read_place(parquet.ParquetFile(file)).episodes]


def test_gaps_late_frames_and_the_finish_divide_a_run() -> None:
    assert lengths(*(sample(step) for step in range(5))) == [5]
    assert lengths(*(sample(step) for step in (0, 1, 3, 4, 5))) == [2, 3]  # frame 2 was missed
    assert lengths(sample(0), sample(1), sample(2, late_ms=10), sample(3), sample(4)) == [2, 2]
    assert lengths(sample(0), sample(1), sample(2, late_ms=-50)) == [2]  # the finish is not due
    assert lengths(sample(0), sample(1), sample(0, capture_id=2)) == [2, 1]
    assert lengths(sample(3), sample(4)) == [2]


def test_a_rate_without_whole_ticks_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not 30 frames per second"):
        lengths(sample(0, fps=30))


def test_another_file_is_no_shard() -> None:
    with pytest.raises(InvalidInput, match="no LeRobot shard"):
        lerobot.count(io.BytesIO(b"PAR1"))


def test_the_statistics_of_pictures_are_those_of_their_pixels() -> None:
    rng = np.random.default_rng(1)
    pictures = [rng.integers(5, 250, (12, 16, 3), dtype=np.uint8) for _ in range(4)]
    pixels = np.concatenate([picture.reshape(-1, 3) for picture in pictures]) / 255
    found = _picture_statistics(pictures)
    assert found["count"] == [4]
    for name, expected in {
        "min": pixels.min(axis=0), "max": pixels.max(axis=0), "mean": pixels.mean(axis=0), "std": pixels.std(axis=0),
        "q01": np.quantile(pixels, 0.01, axis=0), "q50": np.quantile(pixels, 0.5, axis=0),
    }.items():  # fmt: skip
        assert np.array(found[name]).shape == (3, 1, 1)
        assert np.array(found[name]).ravel() == pytest.approx(expected)


def test_however_many_episodes_there_are_few_pictures_are_read(captured: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.export.frames.lerobot.meta._PICTURES", 3)
    captured("export", "frames", "out", "--format", "lerobot", "--split", "all=1", "--shard-frames", 5)
    statistics = json.loads((captured.folder / "out/all/meta/stats.json").read_text())
    assert statistics[IMAGE]["count"] == [3]


def test_shards_after_one_with_other_runs_are_written_again(captured: Tool) -> None:
    words = ("export", "frames", "out", "--format", "lerobot", "--split", "all=1", "--shard-frames", 8)
    captured(*words)
    first, *following = sorted((captured.folder / "out/all/data").rglob("*.parquet"))
    assert following
    runs = [json.loads(line) for line in (captured.folder / "out/runs.jsonl").read_text().splitlines()]
    run = next(run for run in runs if first.as_posix().endswith(run["shard"]))
    gone = run["replay_id"]
    picture = next((captured.folder / "data" / "frames" / str(run["track_id"]) / str(gone)).rglob("*.jp*g"))
    away = picture.rename(captured.folder / "away")
    first.unlink()
    (captured.folder / "out" / "README.md").unlink()  # its counts are those of before
    captured(*words, ends=3)

    def indices() -> list[int]:
        return [n for path in (first, *following) for n in parquet.read_table(path).column("index").to_pylist()]

    assert indices() == list(range(sum(RUNS.values()) - RUNS[gone]))
    captured("export", "frames", "out", "--check")
    captured(*words, ends=3)
    away.rename(picture)
    captured(*words)
    assert indices() == list(range(sum(RUNS.values())))
