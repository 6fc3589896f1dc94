"""Requested frames: when they come, their size, and what they show."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.sandbox.game.conftest import UID, Folders, events
from tests.sandbox.game.wire_client import FRAME, GREETING, STEP, WireClient
from tmxdb_sandbox.game import RunningGame, running_game
from tmxdb_sandbox.game.picture import PictureLabel, map_key_of, read_back
from tmxdb_sandbox.game.picture.painter import Painter, Scene

MAP = "First.Challenge.Gbx"


def test_a_frame_comes_in_the_tick_of_its_request(client: WireClient) -> None:
    client.start_race(MAP)
    client.request_frame(64, 64)
    client.answer(STEP)
    label = read_back(client.expect(FRAME).pixels, 64, 64)
    assert label == PictureLabel(-2600, map_key_of(UID), label.attempt, True, False, 1)
    assert client.is_silent()
    client.answer(FRAME)
    assert client.expect(STEP).time_ms == -2590


def test_only_the_last_size_counts(client: WireClient) -> None:
    client.start_race(MAP)
    client.request_frame(64, 64)
    client.request_frame(32, 16)
    client.answer(STEP)
    client.expect(FRAME)  # of 32 times 16 times 4 bytes
    client.answer(FRAME)
    client.expect(STEP)


def test_a_request_while_a_frame_is_unanswered_is_forgotten(client: WireClient) -> None:
    client.start_race(MAP)
    client.request_frame(8, 8)
    client.answer(STEP)
    client.expect(FRAME)
    client.request_frame(8, 8)
    client.answer(FRAME)
    client.expect(STEP)
    client.answer(STEP)
    client.expect(STEP)


def test_a_cancelled_frame_does_not_come(client: WireClient) -> None:
    client.start_race(MAP)
    client.request_frame(8, 8)
    client.send("2i", 20, STEP)
    client.expect(STEP)


def test_a_height_of_0_is_a_frame_without_pixels(client: WireClient) -> None:
    client.start_race(MAP)
    client.request_frame(8, 0)
    client.answer(STEP)
    assert client.expect(FRAME).pixels == b""


def test_frames_in_the_menus_show_no_race(client: WireClient) -> None:
    client.request_frame(64, 64)
    client.answer(GREETING)
    label = read_back(client.expect(FRAME).pixels, 64, 64)
    assert label is not None
    assert (label.race_time_ms, label.map_key) == (None, 0)


def test_commands_are_read_while_a_frame_is_unanswered(client: WireClient) -> None:
    client.request_frame(8, 8)
    client.answer(GREETING)
    client.expect(FRAME)
    client.command("set skip_map_load_screens true", f"map {MAP}")
    client.answer(FRAME)
    assert client.expect(STEP).time_ms == -2600


def test_the_hud_returns_with_every_map(client: WireClient) -> None:
    client.start_race(MAP)
    client.send("2i", 21, 0)
    client.request_frame(64, 64)
    client.answer(STEP)
    assert not read_back(client.expect(FRAME).pixels, 64, 64).hud
    client.answer(FRAME)
    client.expect(STEP)
    client.command("cam 3", f"map {MAP}")
    client.answer(STEP)
    while (message := client.expect(STEP)).time_ms != -2600:
        client.answer(STEP)
    client.request_frame(64, 64)
    client.answer(STEP)
    label = read_back(client.expect(FRAME).pixels, 64, 64)
    assert (label.hud, label.camera) == (True, 3)
    assert message.time_ms == label.race_time_ms


def test_above_speed_1_pictures_come_after_their_step(client: WireClient) -> None:
    client.send("if", 6, 4.0)
    client.start_race(MAP)
    client.advance_to(0)
    lags = []
    for _ in range(20):
        requested_ms = step_ms = None
        client.request_frame(64, 64)
        client.answer(STEP)
        while (message := client.receive()).number != FRAME:
            step_ms = message.time_ms
            client.answer(STEP)
        shown_ms = read_back(message.pixels, 64, 64).race_time_ms
        assert step_ms is None or shown_ms == step_ms
        requested_ms = requested_ms or shown_ms
        lags.append(0 if step_ms is None else 1)
        client.answer(FRAME)
        client.expect(STEP)
    assert sum(lags) > 5


def test_a_window_that_is_too_small_gives_fewer_bytes(folders: Folders) -> None:
    with running_game(**folders.settings, window_width=16, window_height=16) as game, WireClient(game.port) as client:
        client.greet().start_race(MAP)
        client.request_frame(64, 64)
        client.answer(STEP)
        client.size = (16, 16)
        client.expect(FRAME)
        client.answer(FRAME)
        client.expect(STEP)


def test_pictures_can_lag_behind_the_step(folders: Folders) -> None:
    with running_game(**folders.settings, picture_lag_ticks=1) as game, WireClient(game.port) as client:
        client.greet().start_race(MAP)
        client.advance_to(-2000)
        client.request_frame(64, 64)
        client.answer(STEP)
        assert read_back(client.expect(FRAME).pixels, 64, 64).race_time_ms == -2010


def test_a_share_of_the_pictures_can_lag_one_frame_more(folders: Folders) -> None:
    seen = []
    with running_game(**folders.settings, picture_jitter=0.5) as game, WireClient(game.port) as client:
        client.greet().start_race(MAP)
        for step_ms in range(-2000, -1400, 20):
            client.advance_to(step_ms)
            client.request_frame(64, 64)
            client.answer(STEP)
            seen.append(step_ms - read_back(client.expect(FRAME).pixels, 64, 64).race_time_ms)
            client.answer(FRAME)
            client.expect(STEP)
    assert set(seen) == {0, 10}


def test_a_limit_of_pictures_per_second_makes_some_late(folders: Folders) -> None:
    """At 60 of 100 frames a second, a picture that is requested in each tick comes in 3 of 5."""
    with running_game(**folders.settings, pictures_per_s=60) as game, WireClient(game.port) as client:
        client.greet().start_race(MAP)
        client.advance_to(-2000)
        numbers = []
        for _ in range(100):
            client.request_frame(8, 8)
            client.answer(STEP)
            numbers.append(client.receive().number)
            if numbers[-1] == FRAME:
                client.answer(FRAME)
                client.expect(STEP)
    assert numbers.count(FRAME) == pytest.approx(60, abs=2)


def test_the_best_run_of_the_user_is_a_ghost(folders: Folders) -> None:
    source = folders.replays / "first.Replay.Gbx"
    (folders.autosaves / "Player_First Map.Replay.gbx").write_bytes(source.read_bytes())
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet().start_race(MAP)
        client.advance_to(500)
        client.request_frame(64, 64)
        client.answer(STEP)
        assert read_back(client.expect(FRAME).pixels, 64, 64).ghost
        assert events(game, "map")[0]["ghosts"] == ["Player_First Map.Replay.gbx"]


# The picture itself


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (640, 480)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_code_survives_jpeg(size: tuple[int, int], mode: str) -> None:
    painter = Painter()
    for number in range(60):
        label = PictureLabel(
            number * 7919 - 2600, map_key_of(f"map {number}"), number, number % 2 == 0, number % 3 == 0, number % 8
        )
        pixels = painter.paint(*size, Scene(label, number * 5.0, number * 3.0, number / 30 - 1, 0.0, 20.0))
        image = Image.frombuffer("RGB", size, bytes(pixels), "raw", "BGRX", 0, 1).convert(mode)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=60)
        with Image.open(file) as read:
            assert read_back(read.tobytes(), *size) == label
        assert read_back(pixels, *size) == label


def test_other_pictures_have_no_label() -> None:
    assert read_back(bytes(64 * 64 * 3), 64, 64) is None
    assert read_back(bytes([255]) * (64 * 64 * 3), 64, 64) is None
    assert read_back(bytes(4 * 4 * 3), 4, 4) is None
    with pytest.raises(ValueError, match="not a picture of 64x64"):
        read_back(b"short", 64, 64)


def test_rows_come_from_the_top_and_colours_as_blue_green_red() -> None:
    pixels = Painter().paint(64, 64, Scene(PictureLabel(0, 1, 1, True, False, 1)))
    sky, grass = pixels[28 * 64 * 4 :][:4], pixels[50 * 64 * 4 :][:4]
    assert sky[0] > sky[2] or grass[1] > max(grass[0], grass[2])
    assert grass[1] > max(grass[0], grass[2])


def test_a_frame_can_have_any_size(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    for width, height in ((1, 1), (7, 3), (15, 6), (17, 100), (300, 20)):
        client.request_frame(width, height)
        client.answer(STEP)
        client.expect(FRAME)
        client.answer(FRAME)
        client.expect(STEP)
    assert [row["width"] for row in events(game, "frame")][-5:] == [1, 7, 15, 17, 300]
