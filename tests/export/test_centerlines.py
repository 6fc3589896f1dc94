"""`tmxdb export vcp`: the points of linesight and rulka, in files that NumPy reads, for a selection of tracks."""

from __future__ import annotations

import ast
import io
import shutil
import struct
from array import array
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.gbx.made import a_replay
from tests.rows import Rows
from tests.tool import Tool, tool
from tmxdb.capture.telemetry.npy import array_bytes
from tmxdb.db.database import Database
from tmxdb.errors import InvalidInput
from tmxdb.export.centerlines.resampling import centerline, sample_count
from tmxdb.export.export_lock import LOCK, ExportLock

__all__ = ["tool"]

EXAMPLE = [
    (0, 9, 0), (0, 9, 0), (0, 9, 0.1), (0, 9, 0.4), (0, 9, 1.0), (0.2, 9, 1.8), (0.7, 9.1, 2.6), (1.5, 9.2, 3.2),
    (2.5, 9.3, 3.5), (3.6, 9.3, 3.6), (4.8, 9.3, 3.6), (6.0, 9.3, 3.6),
]  # fmt: skip
HALF_A_METRE = [
    [0, 9, 0], [0, 9, 0.5049], [0.0024, 9, 1.0096], [0.1249, 9, 1.4995], [0.3028, 9.0206, 1.9646],
    [0.569, 9.0738, 2.3904], [0.9041, 9.1255, 2.7531], [1.306, 9.1758, 3.0545], [1.7491, 9.2249, 3.2747],
    [2.2306, 9.2731, 3.4192], [2.7215, 9.3, 3.5201], [3.2243, 9.3, 3.5658], [3.7277, 9.3, 3.6], [4.2326, 9.3, 3.6],
    [4.7376, 9.3, 3.6], [5.2425, 9.3, 3.6], [5.7475, 9.3, 3.6], [6.2525, 9.3, 3.6],
]  # fmt: skip
TWO_METRES = [
    [0, 9, 0], [0.2141, 9.0028, 1.8225], [1.44, 9.1925, 3.155], [3.2242, 9.3, 3.5658], [5.0741, 9.3, 3.6],
    [6.9259, 9.3, 3.6],
]  # fmt: skip
"""Results of rulka's own function: docs/facts/training.md#virtual-checkpoints."""


@pytest.mark.parametrize(("distance_m", "expected"), [(0.5, HALF_A_METRE), (2.0, TWO_METRES)])
def test_the_points_are_those_of_the_original(distance_m: float, expected: list[list[float]]) -> None:
    points = centerline(EXAMPLE, distance_m)
    assert len(points) == len(expected)
    for point, wanted in zip(points, expected, strict=True):
        assert point == pytest.approx(wanted, abs=1e-9)


def test_points_of_a_straight_line_keep_the_shift_of_the_original() -> None:
    straight = [(0.0, 0.0, float(z)) for z in range(12)]
    assert [z for _, _, z in centerline(straight, 2.0)] == [0, 1.9998, 3.9998, 5.9998, 7.9998, 9.9998, 12.0002]
    eight_metres = [(0.0, 0.0, 2.0 * z) for z in range(5)]
    assert [z for _, _, z in centerline(eight_metres, 2.0)] == [0, 1.7776, 3.5554, 5.3332, 7.111, 8.889]


@pytest.mark.parametrize(
    "positions", [[], [(1.0, 2.0, 3.0)], [(1.0, 2.0, 3.0)] * 5, [(0.0, 0.0, 0.0), (0.4, 0.0, 0.0)]]
)
def test_a_path_that_is_too_short_has_no_line(positions: list[tuple[float, float, float]]) -> None:
    with pytest.raises(InvalidInput, match="not longer than"):
        centerline(positions, 0.5)


def test_a_jump_leaves_a_gap_and_no_endless_loop() -> None:
    points = centerline([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (301.0, 0.0, 0.0), (302.0, 0.0, 0.0)], 0.5)
    assert len(points) == 106


@pytest.mark.parametrize(("race_time_ms", "count"), [(12_850, 128), (12_950, 130), (12_900, 129)])
def test_the_number_of_positions_is_rounded_half_to_even(race_time_ms: int, count: int) -> None:
    assert sample_count(race_time_ms, 100) == count


def test_the_file_is_a_float64_array_in_c_order() -> None:
    data = array_bytes(array("d", [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]), (2, 3))
    shape, values = read_npy(data)
    assert shape == (2, 3)
    assert values == [1.0, 2.0, 3.0, 4.0, 5.0, 6.5]
    numpy = needs.module("numpy")
    loaded = numpy.load(io.BytesIO(data))
    assert (loaded.dtype, loaded.shape, loaded.flags["C_CONTIGUOUS"]) == (numpy.float64, (2, 3), True)
    saved = io.BytesIO()
    numpy.save(saved, loaded)
    assert saved.getvalue() == data


def read_npy(data: bytes) -> tuple[tuple[int, ...], list[float]]:
    assert data[:8] == b"\x93NUMPY\x01\x00"
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10 : 10 + length].decode())
    assert (10 + length) % 64 == 0
    assert (header["descr"], header["fortran_order"]) == ("<f8", False)
    body = data[10 + length :]
    return header["shape"], list(struct.unpack(f"<{len(body) // 8}d", body))


@pytest.fixture
def mirrored(tool: Tool, sqlite_template: Path) -> Tool:
    """Tracks 1 and 2, each with two replays: the better one of track 1 is the second on the leaderboard."""
    shutil.copyfile(sqlite_template, tool.folder / "tmx.db")
    database = Database(str(tool.folder / "tmx.db"))
    rows = Rows(database)
    for track_id in (1, 2):
        rows.map(track_id, "done", uid="uid")
    for replay_id, track_id, position, race_time_ms in ((11, 1, 0, 6_110), (12, 1, 1, 6_000), (21, 2, 0, 6_110)):
        path = f"replays/{track_id}/{replay_id}.Replay.Gbx"
        file = tool.folder / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(a_replay())
        facts: dict[str, Any] = {"finished": True, "race_time_ms": race_time_ms, "position": position}
        rows.replay(replay_id, "done", track_id=track_id, file_path=path, map_uid="uid", **facts)
    database.close()
    return tool


def test_each_track_gets_a_file_and_existing_ones_are_kept(mirrored: Tool) -> None:
    ran = mirrored("export", "vcp", "vcp", "--json")
    assert (ran.json["written"], ran.json["existing"], ran.json["failed"]) == (2, 0, 0)
    assert sorted(path.name for path in (mirrored.folder / "vcp").glob("*.npy")) == ["1_0.5m_cl.npy", "2_0.5m_cl.npy"]
    shape, values = read_npy((mirrored.folder / "vcp" / "1_0.5m_cl.npy").read_bytes())
    assert shape[1] == 3
    assert shape[0] * 3 == len(values) > 30
    (mirrored.folder / "vcp" / "1_0.5m_cl.npy").write_bytes(b"of the user")
    assert "0 lines written; 2 exist already." in mirrored("export", "vcp", "vcp").err
    assert (mirrored.folder / "vcp" / "1_0.5m_cl.npy").read_bytes() == b"of the user"
    mirrored("export", "vcp", "vcp", "--force", "--track-id", 1)
    assert read_npy((mirrored.folder / "vcp" / "1_0.5m_cl.npy").read_bytes()) == (shape, values)


def test_an_export_killed_before_its_card_is_described_by_the_next(mirrored: Tool) -> None:
    mirrored("export", "vcp", "vcp")
    for name in ("README.md", "SHA256SUMS"):
        (mirrored.folder / "vcp" / name).unlink()
    assert "0 lines written; 2 exist already." in mirrored("export", "vcp", "vcp").err
    assert "0 problems" in mirrored("export", "--check", "vcp").err


@pytest.mark.parametrize(("source", "replay_id"), [("best", 12), ("record", 11), ("first", 11)])
def test_the_source_chooses_the_replay(mirrored: Tool, source: str, replay_id: int) -> None:
    for other in {11, 12} - {replay_id}:
        (mirrored.folder / f"data/replays/1/{other}.Replay.Gbx").write_bytes(b"damaged")
    mirrored("export", "vcp", "vcp", "--source", source, "--track-id", 1)


def test_a_dry_run_counts_and_writes_nothing(mirrored: Tool) -> None:
    before = mirrored.files()
    assert "2 lines would be written" in mirrored("export", "vcp", "vcp", "--dry-run").err
    assert mirrored.files() == before


def test_a_replay_that_cannot_be_read_costs_its_own_track_only(mirrored: Tool) -> None:
    (mirrored.folder / "data/replays/2/21.Replay.Gbx").write_bytes(b"damaged")
    ran = mirrored("export", "vcp", "vcp", ends=3)
    assert "Track 2, replay 21:" in ran.err
    assert "1 line written; 0 exist already; 1 failed." in ran.err


def test_a_track_without_a_downloaded_replay_is_named(mirrored: Tool) -> None:
    database = Database(str(mirrored.folder / "tmx.db"))
    Rows(database).track(-1, "done")
    database.close()
    ran = mirrored("export", "vcp", "vcp", "--track-id", 1, "--track-id", "local1", ends=3)
    assert "No finished replay of 1 track is downloaded: local1." in ran.err
    assert "without a downloaded replay: 1 (local1)" in (mirrored.folder / "vcp" / "README.md").read_text("utf-8")


def test_a_track_that_is_not_in_the_database_is_named(mirrored: Tool) -> None:
    ran = mirrored("export", "vcp", "vcp", "--track-id", 1, "--track-id", 9, ends=3)
    assert "The database has no track 9." in ran.err
    assert "1 line written" in ran.err
    ran = mirrored("export", "vcp", "other", "--track-id", 9, ends=3)
    assert "The database has no track 9.\n0 lines written; 0 exist already.\n" in ran.err
    assert not (mirrored.folder / "other").exists()


def test_many_tracks_are_computed_in_processes(mirrored: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored("export", "vcp", "serial")
    monkeypatch.setattr("tmxdb.export.centerlines.export.MIN_TRACKS_FOR_PROCESSES", 1)
    mirrored("export", "vcp", "parallel", "--processes", 2)
    files = [
        {path.name: path.read_bytes() for path in (mirrored.folder / out).iterdir()} for out in ("serial", "parallel")
    ]
    assert files[0] == files[1]


def test_an_export_without_any_line_says_why_and_is_not_all_well(mirrored: Tool) -> None:
    for file in (mirrored.folder / "data/replays").rglob("*.Gbx"):
        file.write_bytes(b"damaged")
    ran = mirrored("export", "vcp", "vcp", ends=3)
    assert "0 lines written; 0 exist already; 2 failed." in ran.err


def test_a_second_export_into_the_folder_is_refused(mirrored: Tool) -> None:
    lock = ExportLock(mirrored.folder / "vcp")
    lock.acquire()
    assert "another export is writing here" in mirrored("export", "vcp", "vcp", ends=1).error
    assert "2 lines would be written" in mirrored("export", "vcp", "vcp", "--dry-run").err
    lock.release()
    assert "2 lines written; 0 exist already." in mirrored("export", "vcp", "vcp").err
    assert not (mirrored.folder / "vcp" / LOCK).exists()


def test_a_check_of_what_does_not_exist_says_so(mirrored: Tool) -> None:
    for name in ("vpc", "replays.parquet"):
        assert mirrored("export", "--check", name, ends=1).error == f"Error: {name} does not exist."
