"""The part of the conformance suite about TmxdbLink: what each capability tells, and what is left without it.

`capabilities` of a game: the optional ones that its plugin has.
"""

from __future__ import annotations

from collections.abc import Set
from math import isfinite
from typing import Protocol

from tests.game.drivers.conformance import GameUnderTest, RaceFixtures, next_step, until
from tmxdb.game.capabilities import GameState
from tmxdb.game.driver import ConnectedEvent, Driver, Frame, GameStateEvent, PluginLink, StepEvent

SCRIPT = "0.00-0.50 press up\n0.60 steer 100\n"


class LinkedGame(GameUnderTest, Protocol):
    """A game whose plugin may be TmxdbLink."""

    capabilities: Set[str]
    has_link: bool

    def to_menus(self) -> None:
        """Leave the race for the menus."""


def link_of(driver: Driver) -> PluginLink:
    link = driver.link()
    assert link is not None
    return link


class LinkConformance(RaceFixtures):
    """Runs for plugins with all capabilities, without one of them, and without all."""

    def test_every_question_is_answered_or_declined_and_the_connection_stays_in_step(
        self, game: LinkedGame, driver: Driver
    ) -> None:
        first = next_step(driver)
        has = game.capabilities
        assert (driver.running_map() is not None) is ("map" in has)
        driver.focus_window()
        assert (driver.capabilities().process_id is not None) is ("process" in has)
        if game.has_link:
            link = link_of(driver)
            assert (link.camera() is not None) is ("camera" in has)
            assert (link.car_details() is not None) is ("car" in has)
            assert (link.input_events() is not None) is ("events" in has)
            assert (link.load_script(SCRIPT) is True) is ("script" in has)
            assert (link.script_inputs() is not None) is ("script" in has)
            assert (link.user_folder() is not None) is ("folder" in has)
            assert (link.force_frame(32, 16) is not None) is ("render" in has)
        else:
            assert driver.link() is None
        assert (driver.answer_and_get_state().details is not None) is ("car" in has)
        assert next_step(driver).race_time_ms == first.race_time_ms + 10


class LinkUseConformance(RaceFixtures):
    """Runs for TmxdbLink with all capabilities."""

    def test_the_camera_is_near_the_car(self, driver: Driver) -> None:
        next_step(driver)
        camera = link_of(driver).camera()
        assert camera is not None
        assert 20 < camera.fov < 140
        assert all(isfinite(number) for row in (*camera.rotation, camera.position) for number in row)

    def test_the_details_of_the_car_have_four_wheels(self, driver: Driver) -> None:
        next_step(driver)
        details = link_of(driver).car_details()
        assert details is not None
        assert len(details.wheels) == 4
        assert details.wheels[0].contacts >= 0
        assert details.gear >= 0
        driver.answer()
        until(driver, lambda event: isinstance(event, StepEvent))
        assert driver.answer_and_get_state().details is not None

    def test_a_script_counts_as_loaded_when_the_game_says_so(self, driver: Driver) -> None:
        next_step(driver)
        link = link_of(driver)
        assert link.script_inputs() == -1
        assert link.load_script(SCRIPT)
        driver.answer()
        for _ in range(50):
            next_step(driver)
            if link.script_inputs() == -2:  # being processed
                driver.answer()
                continue
            assert (link.script_inputs() or 0) > 0
            return
        raise AssertionError("the script was never processed")

    def test_a_forced_frame_shows_the_tick_at_which_it_is_asked_for(self, game: LinkedGame, driver: Driver) -> None:
        for _ in range(3):
            step = next_step(driver)
            frame = link_of(driver).force_frame(64, 48)
            assert frame is not None
            assert game.shown_ms(frame) == step.race_time_ms
            driver.answer()
        assert isinstance(driver.wait(5), StepEvent)  # no frame that was not requested

    def test_a_forced_frame_leaves_the_requested_one_alone(self, game: LinkedGame, driver: Driver) -> None:
        step = next_step(driver)
        driver.request_frame(32, 16)
        assert link_of(driver).force_frame(64, 48) is not None
        driver.answer()
        frame = until(driver, lambda event: isinstance(event, Frame))
        assert isinstance(frame, Frame)
        assert (frame.width, frame.height) == (32, 16)
        shown = game.shown_ms(frame)
        assert shown is not None
        assert shown >= step.race_time_ms

    def test_changes_of_the_games_state_are_events(self, game: LinkedGame, driver: Driver) -> None:
        next_step(driver)
        assert driver.game_state() == GameState.RACE
        assert link_of(driver).report_states()
        driver.answer()
        next_step(driver)
        driver.execute("exit_map")
        driver.answer()
        game.to_menus()
        assert until(driver, lambda event: isinstance(event, GameStateEvent)) == GameStateEvent(GameState.MENUS)
        assert driver.in_menus()
        driver.answer()

    def test_a_new_connection_gets_no_such_events_until_it_asks(self, game: LinkedGame, driver: Driver) -> None:
        next_step(driver)
        link_of(driver).report_states()
        driver.close()
        other = game.driver()
        other.connect(5)
        until(other, lambda event: isinstance(event, ConnectedEvent))
        other.execute("exit_map")
        other.request_frame(8, 8)
        other.answer()
        game.to_menus()
        assert isinstance(until(other, lambda event: isinstance(event, Frame | GameStateEvent)), Frame)
        other.answer()
        other.close()

    def test_input_events_have_times_controls_and_values(self, driver: Driver) -> None:
        next_step(driver)
        events = link_of(driver).input_events()
        assert events is not None
        assert all(event.time_ms >= 0 and event.control for event in events)
