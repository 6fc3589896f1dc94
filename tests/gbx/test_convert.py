"""`tmxdb gbx line` and `tmxdb gbx inputs` for one file and for many: forms, names, and files that cannot be read."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from tests import needs
from tests.gbx.made import a_replay
from tests.tool import Tool, tool
from tmxdb.arrays.line import read_line
from tmxdb.arrays.ticks import read_ticks
from tmxdb.capture.output.actions import ACTIONS

__all__ = ["tool"]
LINE, TICKS = read_line(a_replay()), read_ticks(a_replay())


@pytest.fixture
def folder(tool: Tool) -> Tool:
    """Three replays of which one is damaged, in a folder with a folder."""
    for name, data in (("a", a_replay()), ("b/a", a_replay()), ("b/bad", b"damaged")):
        path = tool.folder / f"replays/{name}.Replay.Gbx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tool


def test_lines_of_a_folder_are_files_at_the_same_places(folder: Tool) -> None:
    ran = folder("gbx", "line", "replays", "--as", "npy", "-o", "out", "--processes", 2, ends=3)
    assert ran.err.splitlines()[-1] == "2 files written, 1 failed."
    assert "bad.Replay.Gbx: " in ran.error
    assert {path.relative_to(folder.folder / "out").as_posix() for path in (folder.folder / "out").rglob("*.npy")} == {
        "a.line.npy", "b/a.line.npy",
    }  # fmt: skip
    records = np.load(folder.folder / "out/b/a.line.npy")
    assert np.array_equal(np.stack([records[name] for name in "xyz"], axis=1), LINE.positions)
    assert np.array_equal(np.stack([records[name] for name in ("vx", "vy", "vz")], axis=1), LINE.velocities)
    assert np.array_equal(records["time_ms"], LINE.times_ms)


def test_a_line_as_csv_and_parquet_and_between_samples(folder: Tool) -> None:
    rows = list(csv.DictReader(io.StringIO(folder("gbx", "line", "replays/a.Replay.Gbx").out)))
    assert [float(row["x"]) for row in rows] == LINE.positions[:, 0].tolist()
    assert rows[0]["jump"] == "false"
    folder("gbx", "line", "replays/a.Replay.Gbx", "--as", "parquet", "--step-ms", 10, "-o", "a.parquet")
    table = needs.module("pyarrow.parquet").read_table(folder.folder / "a.parquet")
    times = range(int(LINE.times_ms[0]), int(LINE.times_ms[-1]) + 1, 10)
    assert table["time_ms"].to_pylist() == list(times)
    assert table["z"].to_pylist() == LINE.at(times).positions[:, 2].tolist()
    assert table.schema.field("vx").metadata[b"unit"] == b"m/s"


def test_inputs_as_arrays_and_as_actions(folder: Tool) -> None:
    folder("gbx", "inputs", "replays/a.Replay.Gbx", "--as", "npz", "-o", "a.npz")
    with np.load(folder.folder / "a.npz") as arrays:
        assert np.array_equal(arrays["steer"], TICKS.steer)
        assert np.array_equal(arrays["action_idx"], TICKS.action_idx)
        assert len(arrays["event_controls"]) == len(arrays["event_values"])
    found = json.loads(folder("gbx", "inputs", "replays/a.Replay.Gbx", "--as", "actions", "--step-ms", 50).out)
    assert found["actions"] == TICKS.action_idx[::5].tolist()
    assert [tuple(keys) for keys in found["table"]] == list(ACTIONS)
    assert found["step_ms"] == 50


@pytest.mark.parametrize("form", ["npz", "actions"])
def test_a_file_with_an_absurd_race_time_is_one_line(folder: Tool, form: str) -> None:
    (folder.folder / "absurd.Replay.Gbx").write_bytes(a_replay(race_time_ms=2_000_000_000))
    said = folder("gbx", "inputs", "absurd.Replay.Gbx", "--as", form, "--out", "absurd", ends=None).err
    assert "lasts 556 hours, more than any run does" in said


def test_a_line_with_absurdly_many_points_is_one_line(folder: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.export.replay_files.MAX_POINTS", 5)
    (folder.folder / "long.Replay.Gbx").write_bytes(a_replay())
    said = folder("gbx", "line", "long.Replay.Gbx", "--step-ms", 10, "--out", "long.csv", ends=None).err
    assert "points, more than any run. Use a larger --step-ms." in said


def test_scripts_of_many_files_are_those_of_one(folder: Tool) -> None:
    script = folder("gbx", "inputs", "replays/a.Replay.Gbx", "--as", "script").out
    folder("gbx", "inputs", "replays/a.Replay.Gbx", "replays", "--as", "script", "-o", "out/", ends=3)
    assert (folder.folder / "out/b/a.txt").read_text() == script


def test_a_file_of_the_same_name_and_one_that_exists_are_kept(folder: Tool) -> None:
    ran = folder("gbx", "inputs", "replays/a.Replay.Gbx", "replays/b/a.Replay.Gbx", "--as", "csv", "-o", "out/", ends=3)
    assert "another file is written to" in ran.error
    ran = folder("gbx", "inputs", "replays/a.Replay.Gbx", "--as", "csv", "-o", "out/", ends=3)
    assert "exists already" in ran.error
    folder("gbx", "inputs", "replays/a.Replay.Gbx", "--as", "csv", "-o", "out/", "--force")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("inputs", "replays"), "a table is for one file"),
        (("line", "replays"), "choose it with -o"),
        (("inputs", "replays/a.Replay.Gbx", "--as", "actions", "--step-ms", "15"), "multiple of 10"),
        (("inputs", "replays/a.Replay.Gbx", "--as", "csv", "--step-ms", "20"), "for --as actions only"),
    ],
)
def test_what_cannot_be_done_is_wrong_usage(folder: Tool, arguments: tuple[str, ...], said: str) -> None:
    assert said in folder("gbx", *arguments, ends=2).error


def test_a_replay_without_positions_is_one_line(folder: Tool) -> None:
    (folder.folder / "empty.Replay.Gbx").write_bytes(a_replay(samples=[]))
    assert "contains no positions" in folder("gbx", "line", "empty.Replay.Gbx", ends=3).error
