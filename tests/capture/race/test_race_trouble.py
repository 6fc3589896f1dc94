"""Every trouble in docs/facts/tminterface.md#problems has a deadline and a stable code, and the run continues."""

from __future__ import annotations

import pytest

from tests.capture.conftest import Player, Result
from tests.capture.race.simulated_game import RIGHT_MAP, SimulatedGame
from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race.outcome import CompletedRace, FailedRace
from tmxdb.capture.settings import CaptureSettings

EVERY_TICK = list(range(0, 501, 10))


def whole(play: Player, result: Result) -> CompletedRace:
    """Return the result of a race that reached its end with every frame."""
    assert isinstance(result, CompletedRace), result
    assert result.missed == 0
    assert play.recorded.times == EVERY_TICK
    return result


def failed(result: Result, code: str) -> FailedRace:
    assert isinstance(result, FailedRace), result
    assert result.code == code
    return result


# The map does not start: missing, "press any key", an intro


def test_a_map_that_does_not_start_fails_after_its_deadlines(play: Player, game: SimulatedGame) -> None:
    game.maps = {}
    failed(play(game), "capture.map_did_not_start")
    assert game.now < 2 * assumed.LOADING_S + 15
    assert not game.connected


def test_a_map_that_the_game_finds_only_at_its_start_is_captured_after_a_restart(
    play: Player, game: SimulatedGame
) -> None:
    game.maps = {}
    game.on_restart = lambda game: game.maps.update({RIGHT_MAP: (0.0, 0.0, 0.0)})
    whole(play, play(game, launcher=True))
    assert game.restarts == 1


def test_a_game_is_restarted_at_most_once_per_replay(play: Player, game: SimulatedGame) -> None:
    game.maps = {}
    failed(play(game, launcher=True), "capture.map_did_not_start")
    assert game.restarts == 1


def test_a_map_that_takes_long_to_load_is_waited_for(play: Player, game: SimulatedGame) -> None:
    game.load_s = 20
    whole(play, play(game))


def test_an_intro_of_known_length_is_waited_for(play: Player, game: SimulatedGame) -> None:
    game.load_s = assumed.LOADING_S + 19
    whole(play, play(game, intro_ms=20_000))
    assert game.calls.count("menus?") == 1


def test_no_intro_is_waited_for_longer_than_a_minute(play: Player, game: SimulatedGame) -> None:
    game.load_s = 10**6
    failed(play(game, intro_ms=10**9), "capture.map_did_not_start")
    assert game.now < 2 * (assumed.LOADING_S + assumed.MAX_INTRO_S) + 15


# The end dialog, and the previous race


@pytest.mark.parametrize("place", ["dialog", "race"])
@pytest.mark.parametrize("tries", [1, 3])
def test_a_game_in_a_race_or_dialog_is_brought_back_to_its_menus(play: Player, place: str, tries: int) -> None:
    game = SimulatedGame(place=place)
    game.exit_works_at = tries
    whole(play, play(game))
    assert game.calls.count("exit_map") == tries


def test_a_game_that_never_returns_to_its_menus_fails_the_replay(play: Player) -> None:
    game = SimulatedGame(place="dialog")
    game.exit_works_at = 1000
    failed(play(game), "game.stuck")


def test_a_game_that_never_returns_to_its_menus_is_restarted_if_possible(play: Player) -> None:
    game = SimulatedGame(place="dialog")
    game.exit_works_at = 1000
    whole(play, play(game, launcher=True))
    assert game.restarts == 1


def test_stale_steps_of_the_previous_map_are_ignored(play: Player, game: SimulatedGame) -> None:
    game.stale_steps = 40
    whole(play, play(game))


def test_endless_stale_steps_do_not_extend_the_deadline(play: Player, game: SimulatedGame) -> None:
    game.stale_steps, game.load_s = 10**6, 10**6
    failed(play(game), "capture.map_did_not_start")
    assert game.now < 100


# The car


@pytest.mark.parametrize("failing", [1, 3])
def test_a_parked_car_gets_its_script_loaded_again(play: Player, game: SimulatedGame, failing: int) -> None:
    game.race_ms, game.failing_loads = 4_000, failing
    result = play(game)
    assert isinstance(result, CompletedRace)
    assert (result.missed, result.restarts, len(play.recorded.kept)) == (0, failing, 401)


def test_a_car_that_never_moves_fails_with_advice(play: Player, game: SimulatedGame) -> None:
    game.race_ms, game.failing_loads = 4_000, 100
    assert "click into" in failed(play(game), "capture.parked").message


def test_a_car_that_stood_still_in_the_replay_too_is_not_parked(play: Player, game: SimulatedGame) -> None:
    """The ghost itself stood still for three seconds."""
    game.race_ms, game.drives_from_ms = 4_000, 3_000
    result = play(game, moving_ms=3_200)
    assert isinstance(result, CompletedRace)
    assert (result.finish_ms, result.restarts) == (4_000, 0)


def test_a_parked_car_is_noticed_even_in_a_race_of_half_a_second(play: Player, game: SimulatedGame) -> None:
    game.failing_loads = 1
    assert whole(play, play(game)).restarts == 1


@pytest.mark.parametrize("back_to", [-2_600, -10, 0, 100])
def test_a_race_that_is_restarted_or_rewound_from_outside_starts_over(
    play: Player, game: SimulatedGame, back_to: int
) -> None:
    game.at_tick[300] = lambda game: game.jump_to(back_to)
    result = whole(play, play(game))
    assert result.restarts == 1
    assert play.recorded.discarded == 1


def test_a_race_that_is_restarted_again_and_again_fails(play: Player, game: SimulatedGame) -> None:
    def back(game: SimulatedGame) -> None:
        game.jump_to(-100)
        game.at_tick[300] = back

    game.at_tick[300] = back
    failed(play(game), "capture.restarted")


# Desync


@pytest.mark.parametrize("shift_ms", [-120, -10, 10, 120])
def test_a_desync_keeps_its_frames_and_reports_when_the_finish_was(
    play: Player, game: SimulatedGame, shift_ms: int
) -> None:
    game.race_ms, game.finish_shift_ms = 430, shift_ms
    result = play(game, settings=CaptureSettings(fps=10))
    assert isinstance(result, CompletedRace)
    assert result.finish_ms == 430 + shift_ms
    assert play.recorded.times == [*range(0, 430 + shift_ms, 100), 430 + shift_ms]
    assert result.missed == 0


def test_a_race_that_never_ends_is_left_some_seconds_after_its_time(play: Player, game: SimulatedGame) -> None:
    game.finish_shift_ms = 10**6
    result = play(game)
    assert isinstance(result, CompletedRace)
    assert result.finish_ms is None
    assert play.recorded.times == list(range(0, 500 + assumed.GUARD_MS + 1, 10))
    assert result.missed == 0


def test_inputs_that_differ_from_the_script_are_reported(play: Player, game: SimulatedGame) -> None:
    game.inputs = lambda: "0.10-0.99 press up\n"  # type: ignore[method-assign]
    result = whole(play, play(game))
    assert result.inputs_match is False
    assert any("key up 0 ms" in note for note in play.notes)


# The wrong map


def test_a_race_on_another_map_is_recognised_by_its_start(play: Player, game: SimulatedGame) -> None:
    game.maps = {RIGHT_MAP: (64.0, 0.0, 0.0)}
    failed(play(game), "capture.wrong_map")
    assert play.recorded.kept == []


def test_a_race_on_another_map_is_recognised_by_its_checkpoints(play: Player, game: SimulatedGame) -> None:
    game.crossings = 3
    failed(play(game), "capture.wrong_map")


def test_a_wrong_map_is_loaded_again(play: Player, game: SimulatedGame) -> None:
    game.crossings = 3
    game.at_tick[-10] = lambda game: None
    game.on_restart = lambda game: setattr(game, "crossings", 2)
    whole(play, play(game, launcher=True))


# The connection, the game, the process


def test_a_freeze_within_the_limit_costs_nothing(play: Player, game: SimulatedGame) -> None:
    game.at_tick[250] = lambda game: setattr(game, "now", game.now + assumed.RACING_S - 1)
    assert whole(play, play(game)).restarts == 0


def test_a_game_that_stops_sending_is_reconnected_and_the_race_starts_over(play: Player, game: SimulatedGame) -> None:
    game.at_tick[250] = lambda game: setattr(game, "silent_for_s", 21.0)
    assert whole(play, play(game)).restarts == 1


@pytest.mark.parametrize("at_ms", [-1_000, 0, 250, 490])
def test_a_plugin_that_hangs_up_is_reconnected(play: Player, game: SimulatedGame, at_ms: int) -> None:
    game.at_tick[at_ms] = SimulatedGame.hang_up
    whole(play, play(game))


def test_a_plugin_that_hangs_up_after_the_finish_costs_nothing(play: Player, game: SimulatedGame) -> None:
    def ends(game: SimulatedGame) -> None:
        game.race_finished = lambda: True  # type: ignore[method-assign]

    game.at_tick[500] = ends
    game.inputs = _gone(game)  # type: ignore[method-assign]
    whole(play, play(game))


def _gone(game: SimulatedGame):  # type: ignore[no-untyped-def]
    def inputs() -> str:
        from tmxdb.errors import GameExited

        game.hang_up()
        raise GameExited("the game hung up.")

    return inputs


def test_connecting_to_a_game_that_was_just_restarted_is_retried(play: Player, game: SimulatedGame) -> None:
    game.refuses = 3
    whole(play, play(game, launcher=True))
    assert game.restarts == 1


def test_a_game_that_is_not_running_fails_the_replay_after_one_try_to_connect(
    play: Player, game: SimulatedGame
) -> None:
    game.refuses = 1000
    failed(play(game), "game.unreachable")
    assert game.refuses == 999


def test_a_game_that_was_closed_between_two_replays_is_not_running(play: Player, game: SimulatedGame) -> None:
    """So the second replay is not charged for it."""
    whole(play, play(game))
    game.hang_up()
    game.refuses = 1000
    failed(play(game, returns=True), "game.unreachable")


def test_a_game_that_dies_in_a_race_fails_the_replay_if_it_cannot_be_restarted(
    play: Player, game: SimulatedGame
) -> None:
    def die(game: SimulatedGame) -> None:
        game.hang_up()
        game.refuses = 1000

    game.at_tick[250] = die
    failed(play(game), "game.gone")


def test_a_dead_game_is_restarted_if_possible(play: Player, game: SimulatedGame) -> None:
    game.refuses = 1000
    game.on_restart = lambda game: setattr(game, "refuses", 0)
    whole(play, play(game, launcher=True))
    assert game.restarts == 1


def test_repeated_trouble_ends_within_the_time_limit(play: Player, game: SimulatedGame) -> None:
    """Whatever the game does, a replay takes a limited time."""

    def hang_up(game: SimulatedGame) -> None:
        game.hang_up()
        game.at_tick[250] = hang_up

    game.at_tick[250] = hang_up
    failed(play(game, launcher=True), "game.gone")
    assert game.now < assumed.RACE_S


def test_a_race_that_takes_too_long_fails(play: Player, game: SimulatedGame) -> None:
    for at_ms in range(0, 500, 10):  # each step comes just in time
        game.at_tick[at_ms] = lambda game: setattr(game, "now", game.now + assumed.RACING_S - 1)
    failed(play(game), "capture.took_too_long")


def test_enter_is_pressed_while_a_map_waits_for_a_key(play: Player, game: SimulatedGame) -> None:
    game.needs_enter = True
    whole(play, play(game, press_enter=True))
    assert game.calls.count("enter") == 1
    assert game.now < assumed.LOADING_S


def test_no_key_is_pressed_without_being_asked_for(play: Player, game: SimulatedGame) -> None:
    game.needs_enter = True
    failed(play(game), "capture.map_did_not_start")
    assert "enter" not in game.calls


def test_pressing_enter_gives_a_map_no_more_time(play: Player, game: SimulatedGame) -> None:
    game.maps = {}
    failed(play(game, press_enter=True), "capture.map_did_not_start")
    assert game.now < 2 * assumed.LOADING_S + 15
    assert 5 <= game.calls.count("enter") <= 2 * assumed.LOADING_S / assumed.PRESS_EVERY_S


def test_the_window_gets_the_focus_from_the_desktop_if_the_plugin_cannot(play: Player, game: SimulatedGame) -> None:
    whole(play, play(game))
    assert game.calls.index("focus") < game.calls.index(f"map {RIGHT_MAP}")
