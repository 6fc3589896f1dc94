"""The conformance suite of all drivers, each with the games that it can drive.

A test file defines a subclass with a fixture `game`, a GameUnderTest:

    class TestMyGame(Conformance):
        @pytest.fixture
        def game(self) -> Iterator[GameUnderTest]: ...

and adds FrameConformance and CheckpointConformance if the game supports them.
"""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import pytest
from PIL import Image

from tests.frames import stored_jpeg
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import GameExited, GameTimeout, InvalidInput
from tmxdb.game.driver import CheckpointEvent, ConnectedEvent, Driver, Event, Frame, GameStateEvent, LapEvent, StepEvent


class GameUnderTest(Protocol):
    """A running game, and what a test can do to it."""

    knows_menus: bool
    """False: `in_menus` returns None, and no event comes outside a race."""
    checkpoint_ms: int
    """The race time of the first of two checkpoints."""

    def driver(self) -> Driver:
        """Return a new driver for this game, not connected."""

    def absent(self) -> Driver:
        """Return a driver for a game that does not run."""

    def race(self) -> None:
        """Begin a race, as if the user had loaded a map: its countdown begins soon."""

    def silence(self) -> None:
        """Send nothing any more, but keep the connection."""

    def kill(self) -> None:
        """End the process."""

    def shown_ms(self, frame: Frame) -> int | None:
        """Return the race time that the picture shows; None if it shows none."""


class RaceFixtures:
    """Fixtures of a game in a race."""

    @pytest.fixture
    def short_linger(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Leaving a game that does not answer takes 0.2 s."""
        monkeypatch.setattr("tmxdb.game.tminterface2.socket_driver.LINGER_S", 0.2)
        monkeypatch.setattr("tmxdb.game.tminterface1.memory_driver.LINGER_S", 0.2)

    @pytest.fixture
    def driver(self, game: GameUnderTest) -> Iterator[Driver]:
        """A driver connected to a game in a race, which waits for it however busy the machine is."""
        game.race()
        driver = game.driver()
        driver.connect(60)
        next_step(driver)
        driver.set_response_timeout(600_000)
        driver.answer()
        yield driver
        driver.close()


class Conformance(RaceFixtures):
    """Runs for each driver and each stand-in."""

    def test_steps_come_in_order_and_the_game_waits_for_each_answer(self, driver: Driver) -> None:
        first = next_step(driver)
        time.sleep(0.1)  # ten ticks of wall time
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 10
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 20

    def test_the_first_event_needs_an_answer_like_any_other(self, game: GameUnderTest) -> None:
        game.race()
        with connected(game) as driver:
            assert isinstance(driver.wait(60), ConnectedEvent | StepEvent)
            driver.answer()
            driver.wait(60)

    def test_with_a_step_period_only_its_multiples_are_reported(self, driver: Driver) -> None:
        next_step(driver)
        driver.set_step_period(50)
        driver.answer()
        times = [step.race_time_ms for step in steps(driver, 4)]
        assert [at % 50 for at in times] == [0] * 4
        assert [later - earlier for earlier, later in itertools.pairwise(times)] == [50] * 3

    def test_giving_up_starts_a_new_countdown(self, driver: Driver) -> None:
        until(driver, lambda event: isinstance(event, StepEvent) and event.race_time_ms >= 100)
        driver.give_up()
        driver.answer()
        assert next_step(driver).race_time_ms < 0

    def test_the_state_is_that_of_the_tick(self, driver: Driver) -> None:
        for _ in range(3):
            step = next_step(driver)
            assert driver.state().race_time_ms == step.race_time_ms
            driver.answer()

    def test_the_state_read_with_the_answer_is_that_of_the_answered_tick(self, driver: Driver) -> None:
        step = next_step(driver)
        for _ in range(3):
            assert driver.answer_and_get_state().race_time_ms == step.race_time_ms
            (before, step) = (step, next_step(driver))
            assert step.race_time_ms == before.race_time_ms + 10

    def test_questions_get_replies_in_a_race(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        assert driver.in_menus() is (False if game.knows_menus else None)
        assert driver.race_finished() is False
        assert isinstance(driver.inputs(), str | None)
        driver.answer()
        next_step(driver)

    def test_commands_without_a_reply_keep_the_connection_in_step(self, driver: Driver) -> None:
        first = next_step(driver)
        driver.set_response_timeout(4000)
        driver.execute("set countdown_speed 1")
        driver.show_hud(False)
        driver.set_speed(1.0)
        driver.unrequest_frame()
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 10

    def test_a_command_that_is_not_ascii_is_refused_before_it_is_sent(self, driver: Driver) -> None:
        first = next_step(driver)
        with pytest.raises(InvalidInput, match="Schön"):
            driver.execute("map Schön.Challenge.Gbx")
        with pytest.raises(InvalidInput, match="control"):
            driver.execute("map a\nquit")
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 10

    def test_calls_out_of_turn_raise_runtime_error(self, driver: Driver) -> None:
        next_step(driver)
        with pytest.raises(RuntimeError):
            driver.wait(1)
        driver.answer()
        for wrong in (driver.answer, driver.answer_and_get_state, driver.give_up, driver.state):
            with pytest.raises(RuntimeError):
                wrong()

    @pytest.mark.usefixtures("short_linger")
    def test_a_silent_game_raises_game_timeout(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        game.silence()
        with pytest.raises(GameTimeout):
            answer_until_error(driver, 0.3)

    @pytest.mark.usefixtures("short_linger")
    def test_a_killed_game_raises_game_exited(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        game.kill()
        with pytest.raises(GameExited):
            answer_until_error(driver, 5, meanwhile=driver.state)
        for again in (lambda: driver.wait(1), driver.answer, driver.state):
            with pytest.raises(GameExited):
                again()

    def test_connecting_to_an_absent_game_raises_game_exited_after_the_timeout(self, game: GameUnderTest) -> None:
        driver = game.absent()
        with pytest.raises(GameExited):
            driver.connect(0.6)
        with pytest.raises(GameExited):
            driver.wait(1)
        driver.close()

    def test_closing_frees_the_game_for_the_next_client_immediately(self, game: GameUnderTest) -> None:
        game.race()
        for _ in range(2):
            driver = game.driver()
            driver.connect(60)
            next_step(driver)
            driver.set_response_timeout(600_000)  # how long it would be held if closing did not free it
            driver.close()  # while the game waits for the answer
            driver.close()
        with connected(game) as driver:
            next_step(driver)
            driver.answer()
        with connected(game) as driver:  # closed while the game runs
            next_step(driver)

    def test_a_closed_driver_can_connect_again(self, game: GameUnderTest) -> None:
        game.race()
        driver = game.driver()
        for _ in range(2):
            driver.connect(60)
            next_step(driver)
            driver.close()
            with pytest.raises(GameExited):
                driver.wait(1)

    @pytest.mark.usefixtures("short_linger")
    def test_the_game_drops_a_client_that_does_not_answer_in_time(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        driver.set_response_timeout(300)
        driver.answer()
        next_step(driver)
        time.sleep(1)
        with pytest.raises((GameExited, GameTimeout)):
            answer_until_error(driver, 1)
        driver.close()
        with connected(game) as another:
            next_step(another)


class FrameConformance(RaceFixtures):
    """For drivers that take pictures."""

    def test_a_request_brings_one_frame_that_shows_the_last_step(self, game: GameUnderTest, driver: Driver) -> None:
        last = next_step(driver)
        driver.request_frame(64, 48)
        driver.answer()
        frames = []
        for event in events(driver, 12):
            if isinstance(event, Frame):
                frames.append(event)
                assert game.shown_ms(event) in (None, last.race_time_ms)
            elif isinstance(event, StepEvent):
                last = event
        (frame,) = frames
        width, height = frame.pixels_size
        assert len(frame.pixels) == width * height * 4
        picture = Image.open(io.BytesIO(stored_jpeg(frame, CaptureSettings(width=64, height=48))))
        assert (frame.width, frame.height) == picture.size == (64, 48)

    def test_the_last_requested_size_counts_and_a_cancelled_frame_never_comes(self, driver: Driver) -> None:
        next_step(driver)
        driver.request_frame(64, 64)
        driver.unrequest_frame()
        driver.answer()
        assert not any(isinstance(event, Frame) for event in events(driver, 8))
        driver.wait(60)
        driver.request_frame(640, 480)
        driver.request_frame(32, 16)
        driver.answer()
        frame = until(driver, lambda event: isinstance(event, Frame))
        assert isinstance(frame, Frame)
        assert (frame.width, frame.height) == (32, 16)


class ReplacedConformance(RaceFixtures):
    """For games that replace a connected client with a newer one."""

    def test_a_frame_requested_by_an_older_client_never_comes_to_the_next(
        self, game: GameUnderTest, driver: Driver
    ) -> None:
        next_step(driver)
        with connected(game) as another:  # accepted in the next rendered frame, in which the picture is taken too
            driver.request_frame(640, 480)
            driver.set_response_timeout(600_000)
            driver.answer()
            assert not any(isinstance(event, Frame) for event in events(another, 10))
            another.wait(5)
            another.request_frame(64, 48)
            another.answer()
            frame = until(another, lambda event: isinstance(event, Frame))
            assert isinstance(frame, Frame)
            assert (frame.width, frame.height) == (64, 48)
            with pytest.raises(GameExited):
                answer_until_error(driver, 5, meanwhile=lambda: driver.wait(60))


class CheckpointConformance(RaceFixtures):
    """For games whose car crosses a checkpoint."""

    def test_checkpoints_are_reported_and_in_the_state(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        driver.give_up()  # on a busy machine the car may have crossed it before the driver was connected
        driver.answer()
        until(driver, lambda event: event == CheckpointEvent(1, 2), max_events=2000)  # a restart may report 0 of 2
        driver.answer()
        until(driver, lambda event: isinstance(event, StepEvent))
        state = driver.state()
        assert (state.current_checkpoint, state.cp_times_ms) == (1, (game.checkpoint_ms, -1))


@contextmanager
def connected(game: GameUnderTest) -> Iterator[Driver]:
    """Yield a connected driver, and close it."""
    driver = game.driver()
    driver.connect(60)
    try:
        yield driver
    finally:
        driver.close()


def next_step(driver: Driver) -> StepEvent:
    """Return the next StepEvent, unanswered; earlier events are answered."""
    step = until(driver, lambda event: isinstance(event, StepEvent))
    assert isinstance(step, StepEvent)
    return step


def steps(driver: Driver, count: int) -> list[StepEvent]:
    """Return the next steps, all answered."""
    found = []
    for _ in range(count):
        found.append(next_step(driver))
        driver.answer()
    return found


def events(driver: Driver, count: int) -> list[Event]:
    """Return the next events, all answered."""
    found = []
    for _ in range(count):
        found.append(driver.wait(60))
        driver.answer()
    return found


def answer_until_error(driver: Driver, timeout_s: float, meanwhile: Callable[[], object] = lambda: None) -> None:
    """From an unanswered event on, answer and wait repeatedly until something is raised."""
    for _ in range(1000):
        meanwhile()
        driver.answer()
        driver.wait(timeout_s)


def until(driver: Driver, matches: Callable[[Event], bool], max_events: int = 1000) -> Event:
    """Return the next matching event, unanswered; earlier events are answered."""
    for _ in range(max_events):
        event = driver.wait(60)
        if matches(event):
            return event
        assert isinstance(event, ConnectedEvent | StepEvent | CheckpointEvent | LapEvent | Frame | GameStateEvent)
        driver.answer()
    raise AssertionError(f"no such event within {max_events} events")
