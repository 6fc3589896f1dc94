"""The page of a replay: its checkpoints beside those of another run, its charts, the frames of its capture."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.frames import captured_database
from tests.gbx.made import a_replay
from tests.rows import Rows
from tmxdb.db.database import Database

np = needs.module("numpy")


@pytest.fixture
def three_runs(rows: Rows, database: Database, tmp_path: Path) -> Database:
    """A record, a second run with a damaged file, and a third that is not downloaded."""
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "whole.gbx").write_bytes(a_replay())
    (tmp_path / "data" / "damaged.gbx").write_bytes(a_replay()[:-40])
    rows.track(1, "done", name="$f00A01")
    rows.replay(11, "done", position=0, site_time_ms=6_110, race_time_ms=6_110, user_id=7, user_name="Ann",
                finished=True, checkpoints_ms="[4170, 6110]", file_path="whole.gbx")  # fmt: skip
    rows.replay(12, "done", position=1, site_time_ms=6_360, race_time_ms=6_360, user_id=8, user_name="Bob",
                checkpoints_ms="[4100, 6360]", file_path="damaged.gbx")  # fmt: skip
    rows.replay(13, "failed", position=2, site_time_ms=7_000, user_name="Carl")
    rows.replay(21, "done", track_id=2, position=0, site_time_ms=9_000)
    return database


def test_a_run_is_compared_with_another(three_runs: Database, serve: Callable[..., Any]) -> None:
    html = serve(three_runs).get("/replay/12?with=11").text
    for part in ("A01", "0:06.36", "rank 2", "+0.25", "-0.07", "+0.32", 'class="n ahead"',
                 '<option value="11" selected>', "replays=12,11"):  # fmt: skip
        assert part in html
    alone = serve(three_runs).get("/replay/12").text
    assert "lost since" not in alone


def test_a_run_that_failed_says_why(three_runs: Database, serve: Callable[..., Any]) -> None:
    html = serve(three_runs).get("/replay/13").text
    assert "gbx.lzo" in html
    assert 'id="charts"' not in html


def test_only_runs_of_one_track_are_compared(three_runs: Database, serve: Callable[..., Any]) -> None:
    client = serve(three_runs)
    for path, status in (
        ("/replay/11?with=21", 400), ("/replay/11/runs.json?with=21", 400), ("/replay/99", 404),
        ("/replay/11?with=99", 404), ("/replay/99/runs.json", 404), ("/capture/11/frames/1.jpg", 404),
        ("/track/1/3d?replays=11,21", 400), ("/track/1/scene.bin?replays=21,11", 400), ("/track/3/scene.bin", 404),
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == status, path
        assert status == 404 or "Replay 21 belongs to track 2. Choose " in answer.text, path


def test_charts_have_what_the_file_has(three_runs: Database, serve: Callable[..., Any]) -> None:
    data = serve(three_runs).get("/replay/11/runs.json?with=12").json()
    ann, bob = data["runs"]
    assert (ann["name"], ann["end_ms"], ann["checkpoints_ms"], ann["respawns_ms"]) == (
        "Ann",
        6110,
        [4170, 6110],
        [2000],
    )
    assert (ann["problem"], bool(bob["problem"])) == (None, True)
    charts = data["charts"]
    assert charts["speed"]["x"][0] == 0
    assert len(charts["speed"]["series"][0]) == 63  # a sample every 100 ms, and the finish
    assert set(charts["speed"]["series"][1]) == {None}
    brake = dict(zip(charts["brake"]["x"], charts["brake"]["series"][0], strict=True))
    assert (brake[0], brake[5500], brake[6110]) == (0, 1, 1)
    steer = dict(zip(charts["steer"]["x"], charts["steer"]["series"][0], strict=True))
    assert (steer[1000], steer[1250]) == (1.0, -0.488)
    assert charts["gear"]["x"] == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "cannot be read (Permission denied). Check the permissions",
        ),
        (OSError(errno.EIO, "Input/output error"), "Input/output error. Check the disk"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_the_page_and_the_other_run(
    three_runs: Database, serve: Callable[..., Any], unreadable: Callable[..., Any], error: OSError, sentence: str
) -> None:
    client = serve(three_runs)
    with unreadable("damaged.gbx", error):
        assert client.get("/replay/12?with=11").status_code == 200
        answer = client.get("/replay/11/runs.json?with=12")
    assert answer.status_code == 200
    ann, bob = answer.json()["runs"]
    assert ann["problem"] is None
    assert bob["problem"].endswith(f"damaged.gbx: {sentence}")


def test_a_captured_run_has_frames_and_gears(sqlite: Database, tmp_path: Path, serve: Callable[..., Any]) -> None:
    from PIL import Image

    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "whole.gbx").write_bytes(a_replay())
    captured_database(sqlite, tmp_path / "data", {10: 40})
    from tmxdb.db.models import ReplayRow

    done = {"status": "done", "file_path": "whole.gbx", "file_bytes": 1, "sha256": "0" * 64}
    Rows(sqlite).change(ReplayRow, 10, finished_at="2027-01-15T08:00:00.000Z", **done)
    client = serve(sqlite)
    html = client.get("/replay/10").text
    assert html.count("/capture/10/frames/") == 24
    assert "24 of 40 frames" in html
    last = client.get("/capture/10/frames/24.jpg")
    with Image.open(io.BytesIO(last.content)) as picture:
        assert abs(picture.getpixel((5, 5))[0] - 39) < 4  # type: ignore[index]  # red counts tenths of a second
    assert client.get("/capture/10/frames/25.jpg").status_code == 404
    gear = client.get("/replay/10/runs.json").json()["charts"]["gear"]
    assert gear["series"][0][0] == 3


def test_a_damaged_capture_leaves_the_page(sqlite: Database, tmp_path: Path, serve: Callable[..., Any]) -> None:
    captured_database(sqlite, tmp_path / "data", {10: 3})
    (tmp_path / "data" / "frames" / "1" / "10" / "manifest.json").write_text("[\n")
    answer = serve(sqlite).get("/replay/10")
    assert (answer.status_code, "The frames cannot be shown" in answer.text) == (200, True)


@pytest.mark.parametrize("n", [3, 50_000])
def test_charts_of_two_runs_share_times_and_stay_small(n: int) -> None:
    needs.module("starlette")
    needs.module("jinja2")
    from tmxdb.serve.run.channels import MAX_POINTS, RunChannels, chart_data

    a = RunChannels(10 * n, speed=[(10 * i, i) for i in range(n)], steer=[(0, 0.0), (20, 1.0)])
    b = RunChannels(5 * n, speed=[(5, 0.0), (5 * n, 100.0)])
    charts = chart_data([a, b])
    assert len(charts["speed"]["x"]) == len(charts["speed"]["series"][1]) <= MAX_POINTS
    assert charts["speed"]["series"][1][0] is None  # before its first point
    assert charts["speed"]["series"][1][-1] is None  # after its end
    assert charts["steer"] == {"x": [0.0, 20.0, 10.0 * n], "series": [[0.0, 1.0, 1.0], [None, None, None]]}
