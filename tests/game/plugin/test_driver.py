"""The socket driver with the plugin: the conformance suite, and a race with the calls of a capture."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.game.drivers.conformance import (
    CheckpointConformance,
    Conformance,
    FrameConformance,
    GameUnderTest,
    ReplacedConformance,
    connected,
    next_step,
)
from tests.game.drivers.games import REPLY_S
from tests.game.drivers.link_conformance import LinkConformance, LinkedGame, LinkUseConformance
from tests.game.plugin.conftest import Start
from tests.game.plugin.host import Host
from tests.game.plugin.raw import race_time
from tests.ports import free_port
from tmxdb.game.driver import CheckpointEvent, ConnectedEvent, Driver, Event, Frame, LapEvent, StepEvent
from tmxdb.game.plugin import OPTIONAL, script_text
from tmxdb.game.tminterface2.socket_driver import SocketDriver


class PluginGame:
    """The plugin in its host."""

    knows_menus = True
    checkpoint_ms = 500

    has_link = True

    def __init__(self, host: Host, without: tuple[str, ...] = ()) -> None:
        self.host = host
        self.capabilities = frozenset(OPTIONAL) - set(without)
        host.wait_for_line(f"Port set to {host.port}")

    def driver(self) -> Driver:
        return SocketDriver(self.host.port, reply_s=REPLY_S)

    def absent(self) -> Driver:
        return SocketDriver(free_port())

    def race(self) -> None:
        self.host.send("race 500 60000")

    def to_menus(self) -> None:
        self.host.send("menus")

    def silence(self) -> None:
        self.host.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self.host.kill()

    def shown_ms(self, frame: Frame) -> int | None:
        return race_time(bytes(frame.pixels[:4]))


class TestPlugin(Conformance, FrameConformance, CheckpointConformance, ReplacedConformance):
    """The socket driver with TmxdbLink."""

    @pytest.fixture(params=["step-first 0", "step-first 1", "ticks 3", "first-line-first", "without"])
    def game(self, start: Start, request: pytest.FixtureRequest, tmp_path: Path) -> GameUnderTest:
        if request.param == "without":
            return variant(start, tmp_path, OPTIONAL)
        return PluginGame(start(request.param))


class TestPluginLink(LinkConformance):
    """The questions of TmxdbLink without each capability, in a game that lacks its calls."""

    @pytest.fixture(params=[(), OPTIONAL, *((name,) for name in OPTIONAL)], ids=lambda names: "-".join(names) or "all")
    def game(self, start: Start, request: pytest.FixtureRequest, tmp_path: Path) -> LinkedGame:
        return variant(start, tmp_path, request.param)


class TestPluginLinkUse(LinkUseConformance):
    """The questions of TmxdbLink."""

    @pytest.fixture
    def game(self, start: Start) -> LinkedGame:
        return PluginGame(start("script-frames 3", "map abcUID My map"))


def variant(start: Start, folder: Path, without: tuple[str, ...]) -> PluginGame:
    """Start a game that lacks the calls of these capabilities, with the script without them."""
    script = folder / "variant.as"
    script.write_text(script_text(without))
    return PluginGame(start("map abcUID My map", script=script, lacks=" ".join(without)), without)


@pytest.mark.parametrize("order", ["step-first 0", "step-first 1"])
@pytest.mark.parametrize("ticks", [1, 3])
def test_a_capture_from_the_menus_to_the_finish_has_every_frame_with_its_own_tick(
    start: Start, order: str, ticks: int
) -> None:
    """The calls in the order of docs/facts/tminterface.md#order-of-calls."""
    due = list(range(0, 1001, 50))
    shown: list[int] = []
    passed: list[CheckpointEvent | LapEvent] = []
    with connected(PluginGame(start(order, f"ticks {ticks}", "race 300 600 1000", "menus"))) as driver:
        assert driver.wait(60) == ConnectedEvent()
        assert driver.in_menus()
        driver.set_step_period(10)
        driver.execute("set skip_map_load_screens true")
        driver.execute("map A01-Race.Challenge.Gbx")
        driver.answer()
        event: Event = StepEvent(0)
        now, is_requested, is_armed = next_step(driver).race_time_ms, False, False
        while due or is_requested or not driver.race_finished():
            if not is_armed:
                is_armed = True
                driver.execute("load a.txt")
                driver.give_up()
            elif due and now >= due[0] and not is_requested and isinstance(event, StepEvent):
                assert driver.state().race_time_ms == now
                driver.request_frame(32, 24)
                due.pop(0)
                is_requested = True
            driver.answer()
            event = driver.wait(60)
            if isinstance(event, StepEvent):
                now = event.race_time_ms
            elif isinstance(event, Frame):
                assert race_time(bytes(event.pixels[:4])) == now
                shown.append(now)
                is_requested = False
            elif isinstance(event, CheckpointEvent | LapEvent):
                passed.append(event)
    assert passed == [CheckpointEvent(1, 3), CheckpointEvent(2, 3), CheckpointEvent(3, 3), LapEvent(1, 1)]
    assert len(shown) == 21
    assert all(0 <= at - 50 * n <= 10 * ticks for n, at in enumerate(shown))
