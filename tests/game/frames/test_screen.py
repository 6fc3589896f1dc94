"""Pictures of a real window on a real screen (Xvfb): the right window, the right size, the right tick."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import BadInput, GameTrouble
from tmxdb.game.driver import Driver, Frame, Step
from tmxdb.game.frames.screen import Screen, ScreenDriver
from tmxdb.game.frames.window import TITLE, Wanted
from tmxdb.game.memory_driver import MemoryDriver
from tmxdb.game.socket_driver import SocketDriver

from ...frames import stored_jpeg
from ...tool import Tool
from ..conformance import CheckpointConformance, Conformance, FrameConformance, GameUnderTest, connected, next_step
from ..games import PeerGame, open_file
from .conftest import SCRIPT, Make, WindowGame, shown_ms

GAME = "TrackMania Nations Forever (TMInterface 1.4.3)"


class TestSocketWithScreen(Conformance, FrameConformance, CheckpointConformance):
    """The socket driver with a screen's pictures is a driver like any other."""

    @pytest.fixture
    def game(self, window: Make) -> Iterator[GameUnderTest]:
        return window(GAME, 100, 60, 640, 480)


class MemoryWindowGame(WindowGame):
    """The stand-in of TMInterface 1.4 with a window."""

    knows_menus = False

    def __init__(self, file: Path) -> None:
        self.file = file
        PeerGame.__init__(self, SCRIPT, GAME, 100, 60, 640, 480, file)

    def driver(self) -> Driver:
        return ScreenDriver(MemoryDriver(0, open_mapping=partial(open_file, self.file)), Wanted(TITLE))


class TestMemoryWithScreen(FrameConformance, CheckpointConformance):
    """TMInterface 1.4, which has pictures only in this way."""

    @pytest.fixture
    def game(self, display: str, tmp_path: Path) -> Iterator[GameUnderTest]:
        game = MemoryWindowGame(tmp_path / "TMInterface0")
        yield game
        game.close()


@pytest.fixture
def screen(display: str) -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


def grabbed(screen: Screen, wanted: Wanted, width: int, height: int, time_ms: int) -> Frame:
    """As soon as the window shows that time; it was opened a moment ago."""
    deadline = time.monotonic() + 10
    while True:
        frame = screen.grab(wanted, width, height)
        if shown_ms(frame) == time_ms or time.monotonic() > deadline:
            return frame


def refusal(screen: Screen, wanted: Wanted, code: str) -> str:
    """What is said when the window can not be taken a picture of; it may take a moment to come to that."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            screen.grab(wanted, 64, 64)
        except GameTrouble as trouble:
            if trouble.code == code:
                return str(trouble)
    raise AssertionError(f"never {code}")


def test_the_window_that_is_named_is_taken_whatever_is_beside_it(window: Make, screen: Screen) -> None:
    window(GAME, 10, 10, 320, 240, 123_450)
    window("A browser that shows " + "Track...", 400, 10, 320, 240, 99)
    frame = grabbed(screen, Wanted(TITLE), 320, 240, 123_450)
    assert (frame.width, frame.height, len(frame.pixels)) == (320, 240, 320 * 240 * 4)
    assert shown_ms(frame) == 123_450


@pytest.mark.parametrize("time_ms", [-2600, -1, 0, 0x55555555, 0x2AAAAAAA])
def test_the_picture_is_whole_and_the_right_way_up(window: Make, screen: Screen, time_ms: int) -> None:
    window(GAME, 33, 77, 321, 243, time_ms)  # 3 rows and 1 column of it are outside the blocks
    frame = grabbed(screen, Wanted(TITLE), 321, 243, time_ms)
    assert shown_ms(frame) == time_ms


def test_a_larger_window_is_made_smaller_where_it_is_stored_and_not_cut(window: Make, screen: Screen) -> None:
    window(GAME, 0, 0, 1280, 800, 0x12345678)
    frame = grabbed(screen, Wanted(TITLE), 64, 64, 0x12345678)
    assert (frame.width, frame.height, frame.grabbed) == (64, 64, (1280, 800))  # no work while the game is held
    assert len(frame.pixels) == 1280 * 800 * 4
    assert shown_ms(stored(frame)) == 0x12345678


def stored(frame: Frame) -> Frame:
    """As it is read back from the disk, but for the blur of JPEG between black and white."""
    data = stored_jpeg(frame, CaptureSettings(width=frame.width, height=frame.height, quality=95))
    picture = Image.open(io.BytesIO(data))
    assert (picture.mode, picture.size) == ("RGB", (frame.width, frame.height))
    plain = picture.convert("L").point([0] * 128 + [255] * 128).convert("RGBX")
    return Frame(*picture.size, plain.tobytes())


def test_every_label_is_that_of_the_picture_over_a_whole_countdown(window: Make) -> None:
    game = window(GAME, 0, 0, 320, 240)
    game.race()
    seen: list[int] = []
    with connected(game) as driver:
        last = next_step(driver)
        while len(seen) < 200:
            driver.request_frame(64, 48)
            driver.answer()
            frame = driver.wait(5)
            assert isinstance(frame, Frame)
            assert shown_ms(frame) == last.race_time_ms
            seen.append(last.race_time_ms)
            driver.state()  # a question while a frame is held
            driver.answer()
            event = driver.wait(5)
            assert isinstance(event, Step)
            last = event
    assert seen == list(range(seen[0], seen[0] + 2000, 10))


def test_a_game_is_told_from_its_twin_by_its_process(window: Make, screen: Screen) -> None:
    window(GAME, 0, 0, 320, 240, 111)
    second = window(GAME, 400, 0, 320, 240, 222)
    assert shown_ms(grabbed(screen, Wanted(TITLE, second.process.pid), 320, 240, 222)) == 222
    assert "2 windows" in refusal(screen, Wanted(TITLE), "game.windows")


def test_a_page_about_the_game_is_not_the_game(display: str, window: Make, screen: Screen, tmp_path: Path) -> None:
    """Two windows bear the title; one of them is of a process with the game's name."""
    program = tmp_path / "TmForever"
    program.write_text(f"#!{sys.executable}\nimport runpy\nrunpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n")
    program.chmod(0o755)

    class NamedGame(WindowGame):
        program = ()

        def __init__(self) -> None:
            PeerGame.__init__(self, tmp_path / "TmForever", GAME, 0, 0, 320, 240, 111)

    game = NamedGame()
    try:
        window(f"{GAME} - a page", 400, 0, 320, 240, 222)
        assert shown_ms(grabbed(screen, Wanted(TITLE), 320, 240, 111)) == 111
    finally:
        game.close()


def test_a_window_that_moved_is_followed(window: Make, screen: Screen) -> None:
    first = window(GAME, 0, 0, 320, 240, 111)
    assert shown_ms(grabbed(screen, Wanted(TITLE), 320, 240, 111)) == 111
    first.kill()
    window(GAME, 500, 300, 400, 300, 222)
    refused = 0
    for _ in range(100):
        try:
            frame = screen.grab(Wanted(TITLE), 320, 240)
        except GameTrouble:
            refused += 1
        else:
            if shown_ms(frame) == 222:
                break
    else:
        raise AssertionError("the new window was never found")


def test_what_is_wrong_with_a_window_is_said(window: Make, screen: Screen) -> None:
    assert "no window" in refusal(screen, Wanted("No such game"), "game.no_window")
    game = window(GAME, 200, 200, 320, 240, 5)
    grabbed(screen, Wanted(TITLE), 64, 64, 5)
    over = window("A clock", 150, 150, 100, 100, 0)
    assert "'A clock'" in refusal(screen, Wanted(TITLE), "game.window_covered")
    over.kill()
    grabbed_again = grabbed_free(screen)
    assert shown_ms(grabbed_again) == 5
    game.tell("hide")
    assert "minimised" in refusal(screen, Wanted(TITLE), "game.window_minimised")
    game.tell("show")
    grabbed_free(screen)
    game.tell("small")
    assert "40 x 40" in refusal(screen, Wanted(TITLE), "game.window_small")


def grabbed_free(screen: Screen) -> Frame:
    """As soon as it can be taken again."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return grabbed(screen, Wanted(TITLE), 64, 64, 5)
        except GameTrouble:
            if time.monotonic() > deadline:
                raise


def test_a_window_that_reaches_beyond_the_screen_is_refused(window: Make, screen: Screen) -> None:
    window(GAME, 1200, 0, 320, 240, 5)
    assert "edge of the screen" in refusal(screen, Wanted(TITLE), "game.window_covered")


@pytest.mark.parametrize("name", ["", ":987", ":65000", "nonsense"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # python-xlib forgets its sockets
def test_without_a_screen_that_is_said_before_a_game_is_reached(
    window: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    game = window(GAME, 0, 0, 320, 240)
    monkeypatch.setenv("DISPLAY", name)
    with pytest.raises(BadInput, match="DISPLAY"):
        ScreenDriver(SocketDriver(game.port), Wanted(TITLE)).connect(1)


def test_a_driver_may_pass_from_thread_to_thread_and_asks_for_the_window_when_it_connects(window: Make) -> None:
    game = window(GAME, 0, 0, 320, 240)
    game.race()
    asked: list[Wanted] = []

    def tell() -> Wanted:
        asked.append(Wanted(TITLE, game.process.pid))
        return asked[-1]

    driver = ScreenDriver(SocketDriver(game.port), tell)
    shown: list[int] = []

    def take() -> None:
        """From a step that was answered to the next one that is."""
        next_step(driver)
        driver.request_frame(64, 48)
        driver.answer()
        frame = driver.wait(5)
        assert isinstance(frame, Frame)
        shown.append(shown_ms(frame))
        driver.answer()
        next_step(driver)
        driver.answer()

    for _ in range(2):
        driver.connect(5)
        take()
        with ThreadPoolExecutor(1) as another:
            another.submit(take).result(20)
        driver.close()
    assert len(shown) == 4
    assert len(asked) == 2


def test_a_picture_that_can_not_be_taken_leaves_the_event_to_be_answered(window: Make) -> None:
    game = window(GAME, 0, 0, 320, 240)
    game.race()
    with connected(game) as driver:
        first = next_step(driver)
        driver.request_frame(640, 480)
        driver.answer()
        with pytest.raises(GameTrouble, match="too small"):
            driver.wait(5)
        assert next_step(driver).race_time_ms == first.race_time_ms + 10
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 20


def test_game_check_says_how_large_the_window_is(window: Make, tool: Tool) -> None:
    game = window(GAME, 0, 0, 640, 480)
    findings = tool("game", "check", "--base-tmi-port", game.port, "--json", ends=None).json
    (finding,) = [finding for finding in findings if finding["what"] == "window"]
    assert finding["ok"] is True
    assert finding["found"].startswith("640 x 480 pixels")
