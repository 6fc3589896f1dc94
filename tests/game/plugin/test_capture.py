"""A complete capture with the plugin in a real engine: race, runner and driver."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.game.drivers.games import REPLY_S
from tests.game.plugin.conftest import Start
from tests.game.plugin.host import Host
from tests.game.plugin.raw import RawClient, race_time
from tmxdb.capture.calibration.drives import HoldingDrive
from tmxdb.capture.race.commands import HeldFrame, StoreFrame, StoreTick
from tmxdb.capture.race.driving.drive import Drive
from tmxdb.capture.race.outcome import CompletedRace
from tmxdb.capture.race.race_spec import RaceSpec
from tmxdb.capture.race.runner import Runner
from tmxdb.capture.race.state_machine import Race
from tmxdb.capture.replay_script import ScriptedRun
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.tminterface2.socket_driver import SocketDriver

SCRIPT = "0.00-1.00 press up\n"
EVENTS = ("event 100000 0 1", "event 100010 2 1", "event 101010 2 0")
"""The same as the game stores it."""
RACE = "race 300 600 1000"


class RecordedFrames:
    def __init__(self) -> None:
        self.kept: list[StoreFrame] = []

    def store(self, stored: StoreFrame) -> None:
        assert race_time(bytes(stored.frame.pixels[:4])) == stored.time_ms == stored.state.race_time_ms
        self.kept.append(stored)

    def store_tick(self, tick: StoreTick) -> None:
        pass

    def discard(self) -> None:
        self.kept.clear()


def play(host: Host, recorded: RecordedFrames, fps: int, new_drive: Callable[[RaceSpec, int], Drive] = Drive) -> object:
    run = ScriptedRun(1000, SCRIPT, checkpoints=3, start=(0.0, 0.0, 0.0), moving_ms=100)
    spec = RaceSpec(run, "tmxdb/1.Challenge.Gbx", "a.txt", CaptureSettings(fps=fps, width=32, height=24))
    host.wait_for_line("Port set")
    driver = SocketDriver(host.port, reply_s=REPLY_S)
    try:
        return Runner(Race(spec, new_drive=new_drive), driver, recorded).run()
    finally:
        driver.close()


@pytest.mark.parametrize("order", ["step-first 0", "step-first 1"])
@pytest.mark.parametrize("begin", ["menus", "dialog", RACE])
def test_every_tick_of_a_race_is_captured_from_any_state_of_the_game(start: Start, order: str, begin: str) -> None:
    host = start(order, RACE, begin, *EVENTS)
    recorded = RecordedFrames()
    result = play(host, recorded, 100)
    assert isinstance(result, CompletedRace)
    assert (result.finish_ms, result.frames, result.inputs_match) == (1000, 101, True)
    assert (result.missed, result.late, result.dropped, result.restarts) == (0, 0, 0, 0)
    assert [kept.time_ms for kept in recorded.kept] == list(range(0, 1001, 10))
    assert "command map tmxdb/1.Challenge.Gbx" in host.lines


def test_late_frames_are_labelled_with_the_tick_that_they_show(start: Start) -> None:
    host = start("ticks 3", RACE, "menus", *EVENTS)
    recorded = RecordedFrames()
    result = play(host, recorded, 10)
    assert isinstance(result, CompletedRace)
    assert (result.finish_ms, result.frames, result.missed) == (1000, 11, 0)
    assert [kept.time_ms // 100 for kept in recorded.kept] == list(range(11))


class Interrupted(RecordedFrames):
    """Another client replaces the driver during the race, once."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port, self.times = port, 0

    def store(self, stored: StoreFrame) -> None:
        super().store(stored)
        if stored.time_ms == 500 and not self.times:
            self.times = 1
            with RawClient(self.port) as other:  # the newest client replaces the driver
                other.greet().send(13)
                assert other.is_closed()


def test_a_race_that_loses_its_connection_is_started_again(start: Start) -> None:
    host = start(RACE, "menus", *EVENTS)
    recorded = Interrupted(host.port)
    result = play(host, recorded, 100)
    assert isinstance(result, CompletedRace)
    assert recorded.times == 1
    assert (result.finish_ms, result.frames, result.missed) == (1000, 101, 0)


@pytest.mark.parametrize("ticks", ["ticks 1", "ticks 3"])
def test_the_race_stands_still_at_speed_0_for_a_picture_of_its_tick(start: Start, ticks: str) -> None:
    """As `tmxdb game calibrate` does: the connection is closed and opened again, and the race goes on after it."""
    host = start(ticks, RACE, "menus", *EVENTS)
    shown: list[tuple[int, int]] = []

    def held(frame: HeldFrame) -> None:
        shown.append((race_time(bytes(frame.frame.pixels[:4])), frame.state.race_time_ms))

    result = play(host, RecordedFrames(), 100, lambda spec, lag: HoldingDrive(spec, [300, 310, 500], held))
    assert isinstance(result, CompletedRace)
    assert [picture_ms for picture_ms, _ in shown] == [state_ms for _, state_ms in shown]
    assert len(shown) == (3 if ticks == "ticks 1" else 2)  # with three ticks in a frame, 310 is over with 300
    assert shown[-1][0] >= 500
    assert {"speed 0", "speed 1"} <= set(host.lines)


def test_pictures_are_rendered_on_request_without_stopping_the_race(start: Start) -> None:
    host = start(RACE, "menus", *EVENTS)
    shown: list[tuple[int, int]] = []

    def rendered(frame: HeldFrame) -> None:
        shown.append((race_time(bytes(frame.frame.pixels[:4])), frame.state.race_time_ms))

    result = play(
        host, RecordedFrames(), 100, lambda spec, lag: HoldingDrive(spec, [300, 310], rendered, is_rendered=True)
    )
    assert isinstance(result, CompletedRace)
    assert shown == [(300, 300), (310, 310)]
    assert "speed 0" not in host.lines
