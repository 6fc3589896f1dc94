"""What every driver does, whatever game is behind it: one suite for all of them, each with the games it can reach.

A test file makes a subclass with a fixture `game`, a GameUnderTest:

    class TestMyGame(Conformance):
        @pytest.fixture
        def game(self) -> Iterator[GameUnderTest]: ...

and with FrameConformance, CheckpointConformance beside it if the game can show that, too.
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
from tmxdb.errors import BadInput, GameGone, GameSilent
from tmxdb.game.driver import Checkpoint, Connected, Driver, Event, Frame, Lap, Step


class GameUnderTest(Protocol):
    """A game that is started, and what a test may do to it."""

    knows_menus: bool
    """False: `in_menus` answers None, and nothing is said outside a race."""
    checkpoint_ms: int
    """The race time of the first checkpoint of two, by whoever drives."""

    def driver(self) -> Driver:
        """A new one for this game, not connected."""

    def absent(self) -> Driver:
        """A driver for a game that is not there."""

    def race(self) -> None:
        """Begin one, as if the user had loaded a map: its countdown begins soon."""

    def silence(self) -> None:
        """Say nothing any more, but stay."""

    def kill(self) -> None:
        """Away, at once."""

    def shown_ms(self, frame: Frame) -> int | None:
        """The race time that the picture shows; None if it does not show one."""


class InARace:
    """A connected driver for tests."""

    @pytest.fixture
    def hasty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whoever leaves a game that will not answer waits for it no longer than it takes to see that."""
        monkeypatch.setattr("tmxdb.game.socket_driver.LINGER_S", 0.2)
        monkeypatch.setattr("tmxdb.game.memory_driver.LINGER_S", 0.2)

    @pytest.fixture
    def driver(self, game: GameUnderTest) -> Iterator[Driver]:
        """Connected, in a race."""
        game.race()
        driver = game.driver()
        driver.connect(5)
        yield driver
        driver.close()


class Conformance(InARace):
    """Every test here is run for each driver and each stand-in."""

    def test_steps_come_in_their_order_and_the_game_waits_for_each_answer(self, driver: Driver) -> None:
        first = next_step(driver)
        time.sleep(0.1)  # ten ticks of the wall
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 10
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 20

    def test_the_first_event_needs_an_answer_as_any_other(self, game: GameUnderTest) -> None:
        game.race()
        with connected(game) as driver:
            assert isinstance(driver.wait(5), Connected | Step)
            driver.answer()
            driver.wait(5)

    def test_a_step_period_leaves_only_its_multiples(self, driver: Driver) -> None:
        next_step(driver)
        driver.set_step_period(50)
        driver.answer()
        times = [step.race_time_ms for step in steps(driver, 4)]
        assert [at % 50 for at in times] == [0] * 4
        assert [later - earlier for earlier, later in itertools.pairwise(times)] == [50] * 3

    def test_giving_up_begins_a_new_countdown(self, driver: Driver) -> None:
        until(driver, lambda event: isinstance(event, Step) and event.race_time_ms >= 100)
        driver.give_up()
        driver.answer()
        assert next_step(driver).race_time_ms < 0

    def test_the_state_is_that_of_the_tick(self, driver: Driver) -> None:
        for _ in range(3):
            step = next_step(driver)
            assert driver.state().race_time_ms == step.race_time_ms
            driver.answer()

    def test_the_car_told_with_the_answer_is_that_of_the_tick_answered(self, driver: Driver) -> None:
        step = next_step(driver)
        for _ in range(3):
            assert driver.answer_and_tell().race_time_ms == step.race_time_ms
            (before, step) = (step, next_step(driver))
            assert step.race_time_ms == before.race_time_ms + 10

    def test_questions_are_answered_in_a_race(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        assert driver.in_menus() is (False if game.knows_menus else None)
        assert driver.race_finished() is False
        assert isinstance(driver.inputs(), str | None)
        driver.answer()
        next_step(driver)

    def test_commands_that_bring_no_answer_leave_the_link_in_order(self, driver: Driver) -> None:
        first = next_step(driver)
        driver.set_response_timeout(4000)
        driver.execute("set countdown_speed 1")
        driver.show_hud(False)
        driver.set_speed(1.0)
        driver.unrequest_frame()
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 10

    def test_a_command_beyond_ascii_is_refused_before_it_is_sent(self, driver: Driver) -> None:
        first = next_step(driver)
        with pytest.raises(BadInput, match="Schön"):
            driver.execute("map Schön.Challenge.Gbx")
        with pytest.raises(BadInput, match="control"):
            driver.execute("map a\nquit")
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 10

    def test_speaking_out_of_turn_is_a_bug_of_ours(self, driver: Driver) -> None:
        next_step(driver)
        with pytest.raises(RuntimeError):
            driver.wait(1)
        driver.answer()
        for wrong in (driver.answer, driver.answer_and_tell, driver.give_up, driver.state):
            with pytest.raises(RuntimeError):
                wrong()

    @pytest.mark.usefixtures("hasty")
    def test_a_game_that_says_nothing_is_silent(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        game.silence()
        with pytest.raises(GameSilent):
            go_on(driver, 0.3)

    @pytest.mark.usefixtures("hasty")
    def test_a_killed_game_is_gone(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        game.kill()
        with pytest.raises(GameGone):
            go_on(driver, 5, meanwhile=driver.state)
        for again in (lambda: driver.wait(1), driver.answer, driver.state):
            with pytest.raises(GameGone):
                again()

    def test_a_game_that_is_not_there_is_gone_when_patience_ends(self, game: GameUnderTest) -> None:
        driver = game.absent()
        with pytest.raises(GameGone):
            driver.connect(0.6)
        with pytest.raises(GameGone):
            driver.wait(1)
        driver.close()

    def test_leaving_frees_the_game_for_the_next_at_once(self, game: GameUnderTest) -> None:
        game.race()
        for _ in range(2):
            driver = game.driver()
            driver.connect(5)
            next_step(driver)
            driver.set_response_timeout(600_000)  # held that long, if leaving did not free it
            driver.close()  # while the game waits for us
            driver.close()
        with connected(game) as driver:
            next_step(driver)
            driver.answer()
        with connected(game) as driver:  # and left while it runs
            next_step(driver)

    def test_a_driver_that_was_closed_can_connect_again(self, game: GameUnderTest) -> None:
        game.race()
        driver = game.driver()
        for _ in range(2):
            driver.connect(5)
            next_step(driver)
            driver.close()
            with pytest.raises(GameGone):
                driver.wait(1)

    @pytest.mark.usefixtures("hasty")
    def test_the_game_drops_whoever_holds_it_too_long(self, game: GameUnderTest, driver: Driver) -> None:
        next_step(driver)
        driver.set_response_timeout(300)
        driver.answer()
        next_step(driver)
        time.sleep(1)
        with pytest.raises((GameGone, GameSilent)):
            go_on(driver, 1)
        driver.close()
        with connected(game) as another:
            next_step(another)


class FrameConformance(InARace):
    """Pictures, whoever takes them."""

    def test_one_frame_comes_for_a_request_and_shows_the_last_step(self, game: GameUnderTest, driver: Driver) -> None:
        last = next_step(driver)
        driver.request_frame(64, 48)
        driver.answer()
        frames = []
        for event in events(driver, 12):
            if isinstance(event, Frame):
                frames.append(event)
                assert game.shown_ms(event) in (None, last.race_time_ms)
            elif isinstance(event, Step):
                last = event
        (frame,) = frames
        width, height = frame.pixels_size
        assert len(frame.pixels) == width * height * 4
        picture = Image.open(io.BytesIO(stored_jpeg(frame, CaptureSettings(width=64, height=48))))
        assert (frame.width, frame.height) == picture.size == (64, 48)

    def test_the_last_size_asked_for_counts_and_what_is_unasked_never_comes(self, driver: Driver) -> None:
        next_step(driver)
        driver.request_frame(64, 64)
        driver.unrequest_frame()
        driver.answer()
        assert not any(isinstance(event, Frame) for event in events(driver, 8))
        driver.wait(5)
        driver.request_frame(640, 480)
        driver.request_frame(32, 16)
        driver.answer()
        frame = until(driver, lambda event: isinstance(event, Frame))
        assert isinstance(frame, Frame)
        assert (frame.width, frame.height) == (32, 16)


class ReplacedConformance(InARace):
    """For games that take a new client in the place of an older one that is still there."""

    def test_a_frame_that_an_older_client_asked_for_never_comes_to_the_next(
        self, game: GameUnderTest, driver: Driver
    ) -> None:
        next_step(driver)
        with connected(game) as another:  # heard in the next rendered frame, in which the picture is taken, too
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
            with pytest.raises(GameGone):
                go_on(driver, 5, meanwhile=lambda: driver.wait(5))


class CheckpointConformance(InARace):
    """For games in which somebody drives through one."""

    def test_checkpoints_are_told_and_stand_in_the_state(self, game: GameUnderTest, driver: Driver) -> None:
        passed = until(driver, lambda event: isinstance(event, Checkpoint), at_most=2000)
        assert passed == Checkpoint(1, 2)
        driver.answer()
        until(driver, lambda event: isinstance(event, Step))
        state = driver.state()
        assert (state.current_checkpoint, state.cp_times_ms) == (1, (game.checkpoint_ms, -1))


@contextmanager
def connected(game: GameUnderTest) -> Iterator[Driver]:
    """A driver that has reached it, and leaves it."""
    driver = game.driver()
    driver.connect(5)
    try:
        yield driver
    finally:
        driver.close()


def next_step(driver: Driver) -> Step:
    """The next Step, unanswered; greetings and checkpoints before it are answered."""
    step = until(driver, lambda event: isinstance(event, Step))
    assert isinstance(step, Step)
    return step


def steps(driver: Driver, count: int) -> list[Step]:
    """The next steps, all answered."""
    found = []
    for _ in range(count):
        found.append(next_step(driver))
        driver.answer()
    return found


def events(driver: Driver, count: int) -> list[Event]:
    """The next events, all answered."""
    found = []
    for _ in range(count):
        found.append(driver.wait(5))
        driver.answer()
    return found


def go_on(driver: Driver, timeout_s: float, meanwhile: Callable[[], object] = lambda: None) -> None:
    """From a held event on: answer and wait, again and again, until something is raised."""
    for _ in range(1000):
        meanwhile()
        driver.answer()
        driver.wait(timeout_s)


def until(driver: Driver, wanted: Callable[[Event], bool], at_most: int = 1000) -> Event:
    """The next event that is `wanted`, unanswered; those before it are answered."""
    for _ in range(at_most):
        event = driver.wait(5)
        if wanted(event):
            return event
        assert isinstance(event, Connected | Step | Checkpoint | Lap | Frame)
        driver.answer()
    raise AssertionError(f"it did not come within {at_most} events")
