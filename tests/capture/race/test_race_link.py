"""What a race does with TmxdbLink: the script is confirmed, the end dialog is seen, input events are compared."""

from __future__ import annotations

import pytest

from tests.capture.conftest import Player
from tests.capture.race.simulated_game import RIGHT_MAP, SimulatedGame
from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race.outcome import CompletedRace, FailedRace
from tmxdb.capture.settings import CaptureSettings
from tmxdb.game.state import GameInput

EVERY_TICK = list(range(0, 501, 10))


@pytest.fixture
def game() -> SimulatedGame:
    game = SimulatedGame()
    game.linked = True
    return game


def driven(result: object) -> CompletedRace:
    assert isinstance(result, CompletedRace), result
    return result


def test_the_script_is_loaded_from_its_text_and_no_file(play: Player, game: SimulatedGame) -> None:
    result = driven(play(game))
    assert (play.recorded.times, result.inputs_match) == (EVERY_TICK, True)
    assert "text" in game.calls
    assert not [call for call in game.calls if call.startswith("load")]


def test_the_race_starts_only_when_the_game_says_that_the_script_is_loaded(play: Player, game: SimulatedGame) -> None:
    game.script_takes = 20
    driven(play(game))
    assert game.calls.count("script?") == 21
    armed = len(game.calls) - 1 - game.calls[::-1].index("script?")
    assert "give up" not in game.calls[:armed]


def test_a_text_without_effect_is_followed_by_the_file(play: Player, game: SimulatedGame) -> None:
    game.takes_texts = False
    driven(play(game))
    assert play.recorded.times == EVERY_TICK
    assert "load run.txt" in game.calls
    assert any("loading it from its file" in note for note in play.notes)


def test_a_text_that_is_never_confirmed_is_followed_by_the_file(play: Player, game: SimulatedGame) -> None:
    game.script_takes = 10**9
    driven(play(game))
    assert "load run.txt" in game.calls


def test_a_text_with_which_the_car_stands_still_is_followed_by_the_file(play: Player, game: SimulatedGame) -> None:
    game.texts_drive = False
    driven(play(game))
    assert play.recorded.times == EVERY_TICK
    assert game.calls.count("text") == 1
    assert "load run.txt" in game.calls


@pytest.mark.parametrize("lag", [0, 1, 2])
@pytest.mark.parametrize("fps", [10, 100])
@pytest.mark.parametrize("checkpoint_first", [True, False])
def test_every_frame_has_the_camera_of_its_picture(
    play: Player, game: SimulatedGame, lag: int, fps: int, checkpoint_first: bool
) -> None:
    """The game reports the camera of the last rendered frame, and a picture may show an earlier one."""
    game.picture_lag, game.checkpoint_first = lag, checkpoint_first
    driven(play(game, settings=CaptureSettings(fps=fps), lag=lag))
    assert len(play.recorded.kept) == 5 * fps // 10 + 1
    for kept in play.recorded.kept:
        assert kept.camera is not None
        x, y, z = kept.state.position
        assert kept.camera.position == (x, y + 2, z)


def test_the_events_of_the_game_are_compared_with_the_script(play: Player, game: SimulatedGame) -> None:
    start, press = GameInput(69_000, "running", 1), GameInput(69_010, "up", 1)
    game.events = (start, press, GameInput(69_310, "up", 0))
    result = driven(play(game))
    assert result.inputs_match is False
    assert "inputs?" not in game.calls
    assert any("key up 0 ms" in note for note in play.notes)


def test_the_end_dialog_is_seen_when_it_comes_and_not_waited_for(play: Player, game: SimulatedGame) -> None:
    game.dialog_after = 0
    game.checkpoint_first = False
    game.finished_says_late = True
    begin_to_end = game.race_ms / 1000 + 2.6 * 2 + game.load_s
    driven(play(game))
    assert game.now < begin_to_end + assumed.ENDING_S / 2
    assert any("the end dialog came" in note for note in play.notes)


def test_leaving_another_race_waits_for_the_menus_without_a_new_connection(play: Player) -> None:
    game = SimulatedGame(place="race")
    game.linked = True
    connects = []
    connect = game.connect
    game.connect = lambda patience_s: (connects.append(1), connect(patience_s))[1]  # type: ignore[method-assign]
    driven(play(game))
    assert play.recorded.times == EVERY_TICK
    assert len(connects) == 1


def test_menus_that_never_come_are_left_by_a_new_connection(play: Player) -> None:
    game = SimulatedGame(place="dialog")
    game.linked = True
    game.exit_works_at = 3
    driven(play(game))
    assert play.recorded.times == EVERY_TICK


def test_a_map_that_returns_to_the_menus_has_not_started(play: Player, game: SimulatedGame) -> None:
    game.uids = None
    game.maps = {RIGHT_MAP: (0.0, 0.0, 0.0)}
    game.bounces = True
    result = play(game)
    assert isinstance(result, FailedRace)
    assert result.code == "capture.map_did_not_start"
    assert game.now < assumed.LOADING_S
