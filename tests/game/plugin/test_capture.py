"""A whole capture on the plugin: the race as a state machine, its runner, our driver, the script in a real engine."""

from __future__ import annotations

import pytest

from tmxdb.capture.course import Course
from tmxdb.capture.orders import Keep
from tmxdb.capture.outcome import Driven
from tmxdb.capture.race import Race
from tmxdb.capture.runner import Runner
from tmxdb.capture.script import Run
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.socket_driver import SocketDriver

from .conftest import Start
from .host import Host
from .raw import Raw, race_time

SCRIPT = "0.00-1.00 press up\n"
RACE = "race 300 600 1000"


class Pictures:
    def __init__(self) -> None:
        self.kept: list[Keep] = []

    def keep(self, kept: Keep) -> None:
        assert race_time(bytes(kept.frame.pixels[:4])) == kept.time_ms == kept.state.race_time_ms
        self.kept.append(kept)

    def discard(self) -> None:
        self.kept.clear()


def play(host: Host, pictures: Pictures, fps: int) -> object:
    run = Run(1000, SCRIPT, checkpoints=3, start=(0.0, 0.0, 0.0), moving_ms=100)
    course = Course(run, "tmxdb/1.Challenge.Gbx", "a.txt", CaptureSettings(fps=fps, width=32, height=24))
    host.hears("Port set")
    driver = SocketDriver(host.port)
    try:
        return Runner(Race(course, map_is_loaded=False, can_restart=False), driver, pictures).play()
    finally:
        driver.close()


@pytest.mark.parametrize("order", ["step-first 0", "step-first 1"])
@pytest.mark.parametrize("begin", ["menus", "dialog", RACE])
def test_every_tick_of_a_race_is_captured_from_wherever_the_game_is(start: Start, order: str, begin: str) -> None:
    host = start(order, RACE, begin, f"inputs {SCRIPT}")
    pictures = Pictures()
    result = play(host, pictures, 100)
    assert isinstance(result, Driven)
    assert (result.finish_ms, result.frames, result.inputs_match) == (1000, 101, True)
    assert (result.missed, result.late, result.dropped, result.restarts) == (0, 0, 0, 0)
    assert [kept.time_ms for kept in pictures.kept] == list(range(0, 1001, 10))
    assert "command map tmxdb/1.Challenge.Gbx" in host.said


def test_late_frames_are_named_by_the_tick_that_they_show(start: Start) -> None:
    host = start("ticks 3", RACE, "menus", f"inputs {SCRIPT}")
    pictures = Pictures()
    result = play(host, pictures, 10)
    assert isinstance(result, Driven)
    assert (result.finish_ms, result.frames, result.missed) == (1000, 11, 0)
    assert [kept.time_ms // 100 for kept in pictures.kept] == list(range(11))


class Robbed(Pictures):
    """Loses the line to somebody else in the middle of the race, once."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port, self.times = port, 0

    def keep(self, kept: Keep) -> None:
        super().keep(kept)
        if kept.time_ms == 500 and not self.times:
            self.times = 1
            with Raw(self.port) as robber:  # the newest client has the game, if only for a moment
                robber.greeted().send(13)
                assert robber.hung_up()


def test_a_race_that_loses_its_line_is_begun_again(start: Start) -> None:
    host = start(RACE, "menus", f"inputs {SCRIPT}")
    pictures = Robbed(host.port)
    result = play(host, pictures, 100)
    assert isinstance(result, Driven)
    assert pictures.times == 1
    assert (result.finish_ms, result.frames, result.missed) == (1000, 101, 0)
