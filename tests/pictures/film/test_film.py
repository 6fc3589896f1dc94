"""`tmxdb film`: what a film shows of a run at a time, from above and of captured frames, and what is refused."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests import needs
from tests.frames import captured_folder, jpeg
from tests.gbx.made import a_replay
from tests.tool import Tool, tool
from tmxdb.capture.output.reader import read_frames
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.gbx import read_replay
from tmxdb.pictures.controls import ControlSteps
from tmxdb.pictures.driven_line import DrivenLine
from tmxdb.pictures.film.above import AboveView
from tmxdb.pictures.film.film import HOLD_S, Film
from tmxdb.pictures.film.gauges import COLOURS, clock
from tmxdb.pictures.film.runs import FilmRun, film_run, last_crossing
from tmxdb.pictures.film.side_by_side import FramesView
from tmxdb.queue.job import WorkerStopping
from tmxdb_sandbox import running_site

__all__ = ["tool"]


def straight(name: str = "ann", *, z: float = 0.0, crossings_ms: tuple[int | None, ...] = (400, 1000)) -> FilmRun:
    """A run of 1 s along x from 0 to 50 m: 180 km/h, gas all the time, to the left from 0.5 s on."""
    times = list(range(0, 1001, 100))
    line = DrivenLine(name, times, [time / 20 for time in times], [z] * 11, [180.0] * 11)
    steps = ControlSteps([(0, 1.0)], [(0, 0.0)], [(0, 0.0), (500, -1.0)], [])
    return FilmRun(name, line, steps, crossings_ms, 1000, "uid")


def test_a_run_is_between_two_samples_with_the_inputs_of_that_time() -> None:
    state = straight().state(450)
    assert state.position == (22.5, 0.0)
    assert (state.speed_kmh, state.accelerate, state.brake, state.steer, state.crossed) == (180.0, True, False, 0.0, 1)
    assert straight().state(500).steer == -1.0
    late = straight().state(5000)
    assert (late.time_ms, late.position, late.crossed) == (1000, (50.0, 0.0), 2)


def test_a_watched_ghost_drives_as_the_replay_says(tmp_path: Path) -> None:
    folder = captured_folder(tmp_path / "run", 6, drive="ghost")
    run = film_run("ann", read_replay(a_replay()), folder, list(read_frames(folder)))
    assert run.captured_state(400) == run.state(400)


def test_a_respawn_moves_the_car_at_once() -> None:
    line = DrivenLine("ann", [0, 100, 200, 300], [0, 5, 900, 905], [0, 0, 0, 0], [180, 180, 180, 180])
    run = FilmRun("ann", line, None, (), 300, None)
    assert run.state(199).position == (5, 0)
    assert run.state(200).position == (900, 0)
    assert run.state(250).position == (902.5, 0)


def test_checkpoints_are_compared_with_the_other_run() -> None:
    ann, bob = straight(), straight("bob", crossings_ms=(430, 960))
    crossing = last_crossing(bob, ann, 1)
    assert crossing is not None
    assert (crossing.name, crossing.time_ms, crossing.delta_ms) == ("CP 1", 430, 30)
    finish = last_crossing(bob, ann, 2)
    assert finish is not None
    assert (finish.name, finish.delta_ms) == ("finish", -40)
    alone = last_crossing(ann, None, 1)
    assert alone is not None
    assert alone.delta_ms is None
    assert last_crossing(ann, bob, 0) is None
    unknown = last_crossing(straight(crossings_ms=(None, 1000)), bob, 1)
    assert unknown is not None
    assert (unknown.name, unknown.delta_ms) == ("finish", 40)


def test_time_is_shown_as_in_the_game() -> None:
    assert [clock(time_ms) for time_ms in (0, 9_990, 62_340, 600_000)] == ["0:00.00", "0:09.99", "1:02.34", "10:00.00"]


def test_from_above_the_car_is_at_its_place_and_the_line_behind_it_is_bright() -> None:
    view = AboveView([straight(), straight("bob", z=20.0)], 480)
    assert view.size == (480, 270 + 2 * 46)
    picture = view.draw(500)
    scale = 480 * 0.84 / 50  # metres to pixels, with a margin of 8 % on both sides
    middle, ann_y = 240, round(135 - 10 * scale)
    assert picture.getpixel((middle, ann_y)) == COLOURS[0]  # half way, in its own colour
    assert picture.getpixel((middle, round(135 + 10 * scale))) == COLOURS[1]
    driven, ahead = (picture.getpixel((middle + shift, ann_y)) for shift in (-60, 60))
    assert driven == COLOURS[0]
    assert sum(ahead) < sum(driven) / 2
    later = view.draw(1000)
    assert later.getpixel((middle + 60, ann_y)) == COLOURS[0]


def test_frames_are_beside_each_other_each_at_its_time(tmp_path: Path) -> None:
    runs = []
    for name, frames in (("ann", 8), ("bob", 5)):
        folder = captured_folder(tmp_path / name, frames)
        captured = list(read_frames(folder))
        runs.append(replace(straight(name), folder=folder, frames=captured))
    view = FramesView(runs, 256)
    assert view.size == (256, 128 + 46)
    picture = view.draw(600)
    for left, time_ms in ((0, 600), (128, 400)):  # bob's last frame stays
        red = Image.open(io.BytesIO(jpeg(time_ms))).convert("RGB").getpixel((0, 0))
        assert picture.getpixel((left + 64, 64)) == red


@pytest.fixture
def downloaded(tool: Tool) -> Tool:
    """One track with two replays, from the stand-in for the exchange."""
    needs.module("av")
    with running_site(tracks=1, replays=2, plain=True) as site:
        tool("--site", site.url, "sync-tracks")
        tool("run")
    return tool


LOOK = ("--fps", 5, "--width", 160, "--speed", 10, "--no-progress")


def test_two_downloaded_replays_are_lines_from_above(downloaded: Tool) -> None:
    av = needs.module("av")
    ids = [row["replay_id"] for row in downloaded.rows("select replay_id from replays")]
    ran = downloaded("film", *ids, "-o", "run.mp4", *LOOK)
    assert ran.out == "run.mp4\n"
    assert "lines from above" in ran.err
    end_ms = max(downloaded.one("select max(race_time_ms) from replays"), 0)
    with av.open(str(downloaded.folder / "run.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (160, 90 + 2 * 46, 5)
        assert sum(1 for _ in container.decode(stream)) == end_ms // 2000 + 1 + 5 * HOLD_S
    assert "exists already" in downloaded("film", *ids, "-o", "run.mp4", *LOOK, ends=1).error
    assert "no finished capture" in downloaded("film", ids[0], "--view", "frames", "-o", "b.mp4", ends=1).error
    assert not (downloaded.folder / "b.mp4").exists()


def test_a_captured_replay_shows_its_frames(downloaded: Tool) -> None:
    replay_id, track_id = next(iter(downloaded.rows("select replay_id, track_id from replays"))).values()
    captured_folder(downloaded.folder / "data/frames/x/run", 30)
    downloaded.change(
        "insert into captures (replay_id, track_id, settings, folder_path, frame_count, status, finished_at)"
        " values (?, ?, ?, 'frames/x/run', 30, 'done', '2026-01-01T00:00:00.000Z')",
        replay_id,
        track_id,
        CaptureSettings().to_json(),
    )
    assert ": frames." in downloaded("film", replay_id, *LOOK).err
    assert (downloaded.folder / f"{replay_id}.mp4").is_file()
    assert "lines from above" in downloaded("film", replay_id, "--view", "above", "-o", "above.mp4", *LOOK).err
    (downloaded.folder / "data/frames/x/run/frame_00000_0ms.jpeg").unlink()
    assert "Run `tmxdb verify --repair`" in downloaded("film", replay_id, "-o", "c.mp4", *LOOK, ends=1).error
    assert not (downloaded.folder / "c.mp4").exists()


def test_a_file_needs_no_database_and_bad_ones_are_one_sentence(tool: Tool) -> None:
    needs.module("av")
    (tool.folder / "a.Replay.Gbx").write_bytes(a_replay())
    tool("film", "a.Replay.Gbx", *LOOK)
    assert (tool.folder / "a.mp4").is_file()
    (tool.folder / "page.Gbx").write_bytes(b"<html>")
    assert "page.Gbx: " in tool("film", "page.Gbx", ends=1).error
    assert "nothing.Gbx: No such file" in tool("film", "nothing.Gbx", ends=1).error


def test_runs_that_do_not_fit_together_are_refused() -> None:
    needs.module("av")
    look = {"view": "auto", "width": 160, "fps": 5, "speed": 1.0}
    with pytest.raises(InvalidInput, match="different maps"):
        Film([straight(), replace(straight("bob"), map_uid="another")], **look)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at most 8 runs"):
        Film([straight()] * 9, **look)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="no positions to draw"):
        Film([replace(straight(), line=None)], **look)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="is too long"):
        Film([replace(straight(), end_ms=2**31)], **look)  # type: ignore[arg-type]


def test_an_interrupted_film_ends_early(tmp_path: Path) -> None:
    needs.module("av")
    stop = threading.Event()
    stop.set()
    with pytest.raises(WorkerStopping):
        Film([straight()], view="auto", width=160, fps=5, speed=1.0).write(
            tmp_path / "a.mp4", stop=stop, on_picture=lambda: None
        )
