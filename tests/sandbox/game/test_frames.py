"""Pictures that were asked for: when they come, how large, and what they show."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tmxdb.sandbox.game import RunningGame, running_game
from tmxdb.sandbox.game.picture import Seen, map_key_of, read_back
from tmxdb.sandbox.game.picture.painter import Painter, Scene

from .conftest import UID, Folders, events
from .link import FRAME, GREETING, STEP, Link

MAP = "First.Challenge.Gbx"


def test_a_frame_comes_in_the_tick_of_the_step_that_asked(link: Link) -> None:
    link.into_race(MAP)
    link.ask_frame(64, 64)
    link.answer(STEP)
    seen = read_back(link.expect(FRAME).pixels, 64, 64)
    assert seen == Seen(-2600, map_key_of(UID), seen.attempt, True, False, 1)
    assert link.is_silent()
    link.answer(FRAME)
    assert link.expect(STEP).time_ms == -2590


def test_only_the_last_size_counts(link: Link) -> None:
    link.into_race(MAP)
    link.ask_frame(64, 64)
    link.ask_frame(32, 16)
    link.answer(STEP)
    link.expect(FRAME)  # of 32 times 16 times 4 bytes
    link.answer(FRAME)
    link.expect(STEP)


def test_asked_for_while_answering_a_frame_it_is_forgotten(link: Link) -> None:
    link.into_race(MAP)
    link.ask_frame(8, 8)
    link.answer(STEP)
    link.expect(FRAME)
    link.ask_frame(8, 8)
    link.answer(FRAME)
    link.expect(STEP)
    link.answer(STEP)
    link.expect(STEP)


def test_unrequested_it_does_not_come(link: Link) -> None:
    link.into_race(MAP)
    link.ask_frame(8, 8)
    link.send("2i", 20, STEP)
    link.expect(STEP)


def test_a_height_of_0_is_a_message_without_a_byte(link: Link) -> None:
    link.into_race(MAP)
    link.ask_frame(8, 0)
    link.answer(STEP)
    assert link.expect(FRAME).pixels == b""


def test_in_the_menus_frames_come_as_well_and_say_that_there_is_no_race(link: Link) -> None:
    link.ask_frame(64, 64)
    link.answer(GREETING)
    seen = read_back(link.expect(FRAME).pixels, 64, 64)
    assert seen is not None
    assert (seen.race_time_ms, seen.map_key) == (None, 0)


def test_commands_can_be_given_while_a_frame_is_held(link: Link) -> None:
    link.ask_frame(8, 8)
    link.answer(GREETING)
    link.expect(FRAME)
    link.command("set skip_map_load_screens true", f"map {MAP}")
    link.answer(FRAME)
    assert link.expect(STEP).time_ms == -2600


def test_the_hud_goes_and_comes_back_with_every_map(link: Link) -> None:
    link.into_race(MAP)
    link.send("2i", 21, 0)
    link.ask_frame(64, 64)
    link.answer(STEP)
    assert not read_back(link.expect(FRAME).pixels, 64, 64).hud
    link.answer(FRAME)
    link.expect(STEP)
    link.command("cam 3", f"map {MAP}")
    link.answer(STEP)
    while (said := link.expect(STEP)).time_ms != -2600:
        link.answer(STEP)
    link.ask_frame(64, 64)
    link.answer(STEP)
    seen = read_back(link.expect(FRAME).pixels, 64, 64)
    assert (seen.hud, seen.camera) == (True, 3)
    assert said.time_ms == seen.race_time_ms


def test_above_speed_1_pictures_come_later_than_their_step(link: Link) -> None:
    link.send("if", 6, 4.0)
    link.into_race(MAP)
    link.to(0)
    lags = []
    for _ in range(20):
        asked_ms = link_time = None
        link.ask_frame(64, 64)
        link.answer(STEP)
        while (said := link.hear()).number != FRAME:
            link_time = said.time_ms
            link.answer(STEP)
        shown_ms = read_back(said.pixels, 64, 64).race_time_ms
        assert link_time is None or shown_ms == link_time
        asked_ms = asked_ms or shown_ms
        lags.append(0 if link_time is None else 1)
        link.answer(FRAME)
        link.expect(STEP)
    assert sum(lags) > 5


def test_a_window_that_is_too_small_gives_fewer_bytes(folders: Folders) -> None:
    with running_game(**folders.settings, window_width=16, window_height=16) as game, Link(game.port) as link:
        link.greeted().into_race(MAP)
        link.ask_frame(64, 64)
        link.answer(STEP)
        link.size = (16, 16)
        link.expect(FRAME)
        link.answer(FRAME)
        link.expect(STEP)


def test_pictures_can_lag_behind_the_step(folders: Folders) -> None:
    with running_game(**folders.settings, picture_lag_ticks=1) as game, Link(game.port) as link:
        link.greeted().into_race(MAP)
        link.to(-2000)
        link.ask_frame(64, 64)
        link.answer(STEP)
        assert read_back(link.expect(FRAME).pixels, 64, 64).race_time_ms == -2010


def test_the_users_own_best_run_drives_along_as_a_ghost(folders: Folders) -> None:
    source = folders.replays / "first.Replay.Gbx"
    (folders.autosaves / "Player_First Map.Replay.gbx").write_bytes(source.read_bytes())
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted().into_race(MAP)
        link.to(500)
        link.ask_frame(64, 64)
        link.answer(STEP)
        assert read_back(link.expect(FRAME).pixels, 64, 64).ghost
        assert events(game, "map")[0]["ghosts"] == ["Player_First Map.Replay.gbx"]


# The picture by itself


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (640, 480)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_code_survives_jpeg(size: tuple[int, int], mode: str) -> None:
    painter = Painter()
    for number in range(60):
        seen = Seen(
            number * 7919 - 2600, map_key_of(f"map {number}"), number, number % 2 == 0, number % 3 == 0, number % 8
        )
        pixels = painter.paint(*size, Scene(seen, number * 5.0, number * 3.0, number / 30 - 1, 0.0, 20.0))
        image = Image.frombuffer("RGB", size, bytes(pixels), "raw", "BGRX", 0, 1).convert(mode)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=60)
        with Image.open(file) as read:
            assert read_back(read.tobytes(), *size) == seen
        assert read_back(pixels, *size) == seen


def test_a_picture_of_something_else_says_nothing() -> None:
    assert read_back(bytes(64 * 64 * 3), 64, 64) is None
    assert read_back(bytes([255]) * (64 * 64 * 3), 64, 64) is None
    assert read_back(bytes(4 * 4 * 3), 4, 4) is None
    with pytest.raises(ValueError, match="no picture of 64x64"):
        read_back(b"short", 64, 64)


def test_rows_come_from_the_top_and_colours_as_blue_green_red() -> None:
    pixels = Painter().paint(64, 64, Scene(Seen(0, 1, 1, True, False, 1)))
    sky, grass = pixels[28 * 64 * 4 :][:4], pixels[50 * 64 * 4 :][:4]
    assert sky[0] > sky[2] or grass[1] > max(grass[0], grass[2])
    assert grass[1] > max(grass[0], grass[2])


def test_a_game_can_be_asked_for_a_frame_of_any_size(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    for width, height in ((1, 1), (7, 3), (15, 6), (17, 100), (300, 20)):
        link.ask_frame(width, height)
        link.answer(STEP)
        link.expect(FRAME)
        link.answer(FRAME)
        link.expect(STEP)
    assert [row["width"] for row in events(game, "frame")][-5:] == [1, 7, 15, 17, 300]
