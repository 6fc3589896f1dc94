"""Every trouble of the fact sheet's table (g) has its answer: a deadline and a stable code, and the run goes on."""

from __future__ import annotations

import pytest

from tmxdb.capture import assumptions as assumed
from tmxdb.capture.outcome import Driven, Failed
from tmxdb.capture.settings import CaptureSettings

from .conftest import Player, Result
from .pretend import RIGHT_MAP, PretendGame

EVERY_TICK = list(range(0, 501, 10))


def whole(play: Player, result: Result) -> Driven:
    """The race went through in the end, with every frame."""
    assert isinstance(result, Driven), result
    assert result.missed == 0
    assert play.pictures.times == EVERY_TICK
    return result


def failed(result: Result, code: str) -> Failed:
    assert isinstance(result, Failed), result
    assert result.code == code
    return result


# The map does not begin: missing, "press any key", an intro


def test_a_map_that_does_not_begin_costs_its_deadlines_and_fails(play: Player, game: PretendGame) -> None:
    game.maps = {}
    failed(play(game), "capture.map_did_not_start")
    assert game.now < 2 * assumed.LOADING_S + 15
    assert not game.connected


def test_a_map_that_the_game_learns_of_at_its_start_comes_after_a_restart(play: Player, game: PretendGame) -> None:
    game.maps = {}
    game.on_restart = lambda game: game.maps.update({RIGHT_MAP: (0.0, 0.0, 0.0)})
    whole(play, play(game, launcher=True))
    assert game.restarts == 1


def test_a_game_is_restarted_once_for_a_replay_not_for_ever(play: Player, game: PretendGame) -> None:
    game.maps = {}
    failed(play(game, launcher=True), "capture.map_did_not_start")
    assert game.restarts == 1


def test_a_map_that_takes_long_to_load_is_waited_for(play: Player, game: PretendGame) -> None:
    game.load_s = 20
    whole(play, play(game))


def test_an_intro_of_known_length_is_waited_for(play: Player, game: PretendGame) -> None:
    game.load_s = assumed.LOADING_S + 19
    whole(play, play(game, intro_ms=20_000))
    assert game.said.count("menus?") == 1


def test_no_intro_is_waited_for_longer_than_a_minute(play: Player, game: PretendGame) -> None:
    game.load_s = 10**6
    failed(play(game, intro_ms=10**9), "capture.map_did_not_start")
    assert game.now < 2 * (assumed.LOADING_S + assumed.LONGEST_INTRO_S) + 15


# The end dialog, and the race before


@pytest.mark.parametrize("place", ["dialog", "race"])
@pytest.mark.parametrize("tries", [1, 3])
def test_a_game_that_is_elsewhere_is_led_to_its_menus(play: Player, place: str, tries: int) -> None:
    game = PretendGame(place=place)
    game.exit_works_at = tries
    whole(play, play(game))
    assert game.said.count("exit_map") == tries


def test_a_game_that_never_comes_to_its_menus_is_given_up(play: Player) -> None:
    game = PretendGame(place="dialog")
    game.exit_works_at = 1000
    failed(play(game), "game.stuck")


def test_a_game_that_never_comes_to_its_menus_is_restarted(play: Player) -> None:
    game = PretendGame(place="dialog")
    game.exit_works_at = 1000
    whole(play, play(game, launcher=True))
    assert game.restarts == 1


def test_stale_steps_of_the_map_before_are_not_taken_for_the_race(play: Player, game: PretendGame) -> None:
    game.stale_steps = 40
    whole(play, play(game))


def test_steps_of_another_clock_that_never_end_do_not_keep_a_race_waiting(play: Player, game: PretendGame) -> None:
    game.stale_steps, game.load_s = 10**6, 10**6
    failed(play(game), "capture.map_did_not_start")
    assert game.now < 100


# The car


@pytest.mark.parametrize("in_vain", [1, 3])
def test_a_parked_car_gets_its_script_again(play: Player, game: PretendGame, in_vain: int) -> None:
    game.race_ms, game.loads_in_vain = 4_000, in_vain
    result = play(game)
    assert isinstance(result, Driven)
    assert (result.missed, result.restarts, len(play.pictures.kept)) == (0, in_vain, 401)


def test_a_car_that_never_drives_fails_with_what_to_do(play: Player, game: PretendGame) -> None:
    game.race_ms, game.loads_in_vain = 4_000, 100
    assert "click once" in failed(play(game), "capture.parked").message


def test_a_car_whose_driver_waits_is_not_taken_for_parked(play: Player, game: PretendGame) -> None:
    """The ghost itself stood still for so long."""
    game.race_ms, game.drives_from_ms = 4_000, 3_000
    result = play(game, moving_ms=3_200)
    assert isinstance(result, Driven)
    assert (result.finish_ms, result.restarts) == (4_000, 0)


def test_a_parked_car_is_noticed_in_a_race_of_half_a_second_too(play: Player, game: PretendGame) -> None:
    game.loads_in_vain = 1
    assert whole(play, play(game)).restarts == 1


@pytest.mark.parametrize("back_to", [-2_600, -10, 0, 100])
def test_a_race_that_somebody_restarts_or_rewinds_begins_anew(play: Player, game: PretendGame, back_to: int) -> None:
    game.at_tick[300] = lambda game: game.jump_to(back_to)
    result = whole(play, play(game))
    assert result.restarts == 1
    assert play.pictures.discarded == 1


def test_a_race_that_is_restarted_again_and_again_is_given_up(play: Player, game: PretendGame) -> None:
    def back(game: PretendGame) -> None:
        game.jump_to(-100)
        game.at_tick[300] = back

    game.at_tick[300] = back
    failed(play(game), "capture.restarted")


# Desync


@pytest.mark.parametrize("shift_ms", [-120, -10, 10, 120])
def test_a_desync_keeps_its_frames_and_says_when_the_finish_was(play: Player, game: PretendGame, shift_ms: int) -> None:
    game.race_ms, game.finish_shift_ms = 430, shift_ms
    result = play(game, settings=CaptureSettings(fps=10))
    assert isinstance(result, Driven)
    assert result.finish_ms == 430 + shift_ms
    assert play.pictures.times == [*range(0, 430 + shift_ms, 100), 430 + shift_ms]
    assert result.missed == 0


def test_a_race_that_never_ends_is_left_some_seconds_after_its_time(play: Player, game: PretendGame) -> None:
    game.finish_shift_ms = 10**6
    result = play(game)
    assert isinstance(result, Driven)
    assert result.finish_ms is None
    assert play.pictures.times == list(range(0, 500 + assumed.GUARD_MS + 1, 10))
    assert result.missed == 0


def test_other_inputs_than_those_sent_are_told(play: Player, game: PretendGame) -> None:
    game.inputs = lambda: "0.10-0.99 press up\n"  # type: ignore[method-assign]
    result = whole(play, play(game))
    assert result.inputs_match is False
    assert any("key up 0 ms" in note for note in play.notes)


# The wrong map


def test_a_race_on_another_map_is_noticed_by_where_it_begins(play: Player, game: PretendGame) -> None:
    game.maps = {RIGHT_MAP: (64.0, 0.0, 0.0)}
    failed(play(game), "capture.wrong_map")
    assert play.pictures.kept == []


def test_a_race_on_another_map_is_noticed_by_its_checkpoints(play: Player, game: PretendGame) -> None:
    game.crossings = 3
    failed(play(game), "capture.wrong_map")


def test_a_wrong_map_is_mended_by_loading_it_again(play: Player, game: PretendGame) -> None:
    game.crossings = 3
    game.at_tick[-10] = lambda game: None
    game.on_restart = lambda game: setattr(game, "crossings", 2)
    whole(play, play(game, launcher=True))


# The link, the game, the process


def test_a_freeze_shorter_than_the_limit_costs_nothing(play: Player, game: PretendGame) -> None:
    game.at_tick[250] = lambda game: setattr(game, "now", game.now + assumed.RACING_S - 1)
    assert whole(play, play(game)).restarts == 0


def test_a_game_that_falls_silent_is_reached_anew_and_the_race_driven_from_the_start(
    play: Player, game: PretendGame
) -> None:
    game.at_tick[250] = lambda game: setattr(game, "silent_for_s", 21.0)
    assert whole(play, play(game)).restarts == 1


@pytest.mark.parametrize("at_ms", [-1_000, 0, 250, 490])
def test_a_plugin_that_hangs_up_is_reached_anew(play: Player, game: PretendGame, at_ms: int) -> None:
    game.at_tick[at_ms] = PretendGame.hang_up
    whole(play, play(game))


def test_a_plugin_that_hangs_up_after_the_finish_costs_nothing(play: Player, game: PretendGame) -> None:
    def ends(game: PretendGame) -> None:
        game.race_finished = lambda: True  # type: ignore[method-assign]

    game.at_tick[500] = ends
    game.inputs = _gone(game)  # type: ignore[method-assign]
    whole(play, play(game))


def _gone(game: PretendGame):  # type: ignore[no-untyped-def]
    def inputs() -> str:
        from tmxdb.errors import GameGone

        game.hang_up()
        raise GameGone("the game hung up.")

    return inputs


def test_a_game_that_can_not_be_reached_is_tried_again(play: Player, game: PretendGame) -> None:
    game.refuses = 2
    whole(play, play(game))


def test_a_dead_game_fails_the_replay_where_nobody_can_start_it(play: Player, game: PretendGame) -> None:
    game.refuses = 1000
    failed(play(game), "game.unreachable")


def test_a_game_that_dies_in_a_race_fails_the_replay_where_nobody_can_start_it(play: Player, game: PretendGame) -> None:
    def die(game: PretendGame) -> None:
        game.hang_up()
        game.refuses = 1000

    game.at_tick[250] = die
    failed(play(game), "game.gone")


def test_a_dead_game_is_started_anew_where_it_can_be(play: Player, game: PretendGame) -> None:
    game.refuses = 1000
    game.on_restart = lambda game: setattr(game, "refuses", 0)
    whole(play, play(game, launcher=True))
    assert game.restarts == 1


def test_trouble_upon_trouble_ends_in_time(play: Player, game: PretendGame) -> None:
    """Whatever the game does, a replay costs a limited time."""

    def hang_up(game: PretendGame) -> None:
        game.hang_up()
        game.at_tick[250] = hang_up

    game.at_tick[250] = hang_up
    failed(play(game, launcher=True), "game.gone")
    assert game.now < assumed.RACE_S


def test_a_race_that_takes_too_long_is_given_up(play: Player, game: PretendGame) -> None:
    for at_ms in range(0, 500, 10):  # each step comes just in time
        game.at_tick[at_ms] = lambda game: setattr(game, "now", game.now + assumed.RACING_S - 1)
    failed(play(game), "capture.took_too_long")
