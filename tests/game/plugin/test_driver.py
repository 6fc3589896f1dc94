"""tmxdb's own driver against the plugin: the suite of all drivers, and a whole race in the order of a capture."""

from __future__ import annotations

import signal

import pytest

from tmxdb.game.driver import Checkpoint, Connected, Driver, Event, Frame, Lap, Step
from tmxdb.game.socket_driver import SocketDriver

from ..conformance import (
    CheckpointConformance,
    Conformance,
    FrameConformance,
    GameUnderTest,
    ReplacedConformance,
    connected,
    next_step,
)
from .conftest import Start
from .host import Host, free_port
from .raw import race_time


class PluginGame:
    """The plugin in its host, over its socket."""

    knows_menus = True
    checkpoint_ms = 500

    def __init__(self, host: Host) -> None:
        self.host = host
        host.hears("Port set")

    def driver(self) -> Driver:
        return SocketDriver(self.host.port)

    def absent(self) -> Driver:
        return SocketDriver(free_port())

    def race(self) -> None:
        self.host.order("race 500 60000")

    def silence(self) -> None:
        self.host.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self.host.kill()

    def shown_ms(self, frame: Frame) -> int | None:
        return race_time(bytes(frame.pixels[:4]))


class TestPlugin(Conformance, FrameConformance, CheckpointConformance, ReplacedConformance):
    """The socket driver with our own plugin."""

    @pytest.fixture(params=["step-first 0", "step-first 1", "ticks 3"])
    def game(self, start: Start, request: pytest.FixtureRequest) -> GameUnderTest:
        return PluginGame(start(request.param))


@pytest.mark.parametrize("order", ["step-first 0", "step-first 1"])
@pytest.mark.parametrize("ticks", [1, 3])
def test_a_capture_from_the_menus_to_the_finish_has_every_frame_with_its_own_tick(
    start: Start, order: str, ticks: int
) -> None:
    """The calls in the order that the fact sheet ends with, section (g)."""
    due = list(range(0, 1001, 50))
    shown: list[int] = []
    passed: list[Checkpoint | Lap] = []
    with connected(PluginGame(start(order, f"ticks {ticks}", "race 300 600 1000", "menus"))) as driver:
        assert driver.wait(5) == Connected()
        assert driver.in_menus()
        driver.set_step_period(10)
        driver.execute("set skip_map_load_screens true")
        driver.execute("map A01-Race.Challenge.Gbx")
        driver.answer()
        event: Event = Step(0)
        now, asked, armed = next_step(driver).race_time_ms, False, False
        while due or asked or not driver.race_finished():
            if not armed:
                armed = True
                driver.execute("load a.txt")
                driver.give_up()
            elif due and now >= due[0] and not asked and isinstance(event, Step):
                assert driver.state().race_time_ms == now
                driver.request_frame(32, 24)
                due.pop(0)
                asked = True
            driver.answer()
            event = driver.wait(5)
            if isinstance(event, Step):
                now = event.race_time_ms
            elif isinstance(event, Frame):
                assert race_time(bytes(event.pixels[:4])) == now
                shown.append(now)
                asked = False
            elif isinstance(event, Checkpoint | Lap):
                passed.append(event)
    assert passed == [Checkpoint(1, 3), Checkpoint(2, 3), Checkpoint(3, 3), Lap(1, 1)]
    assert len(shown) == 21
    assert all(0 <= at - 50 * n <= 10 * ticks for n, at in enumerate(shown))
