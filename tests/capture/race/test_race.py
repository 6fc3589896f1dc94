"""A race without trouble: the order of calls, and which frames are stored under which labels."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.conftest import Player
from tests.capture.race.simulated_game import SimulatedGame
from tmxdb.capture.race.driving.pace import slower_speed, speed_for_all
from tmxdb.capture.race.outcome import CompletedRace
from tmxdb.capture.settings import CaptureSettings


def driven(result: object) -> CompletedRace:
    assert isinstance(result, CompletedRace), result
    return result


def late(*ticks: int) -> Callable[[], int]:
    """Return delays in ticks, one per frame; later frames come without delay. The first is the small frame."""
    return chain(ticks, repeat(0)).__next__


def test_every_tick_from_the_start_to_the_finish_is_captured(play: Player, game: SimulatedGame) -> None:
    result = driven(play(game))
    assert play.recorded.times == list(range(0, 501, 10))
    assert result == CompletedRace(
        finish_ms=500, finish_unreported=False, frames=51, missed=0, late=0, dropped=0, restarts=0, inputs_match=True
    )  # fmt: skip


def test_a_finish_between_due_times_is_captured(play: Player, game: SimulatedGame) -> None:
    game.race_ms = 430
    driven(play(game, settings=CaptureSettings(fps=10)))
    assert play.recorded.times == [0, 100, 200, 300, 400, 430]
    assert [kept.step for kept in play.recorded.kept] == [0, 1, 2, 3, 4, 5]


def test_calls_are_made_in_the_documented_order(play: Player, game: SimulatedGame) -> None:
    driven(play(game))
    said = game.calls
    assert said[:4] == ["timeout 10100", "no frame", "period 10", "speed 1"]
    estimate_loading = ["set disable_forced_camera true", "menus?", "map tmxdb/1.Challenge.Gbx", "hud False"]
    assert sorted(estimate_loading, key=said.index) == estimate_loading
    arming = ["hud False", "cam 1", "load run.txt", "frame 16x16", "speed 1", "give up"]
    begin = said.index("hud False")
    assert said[begin : begin + len(arming)] == arming
    assert said[-4:] == ["inputs?", "no frame", "unload", "give up"]


def test_the_variables_are_set_before_any_map(play: Player, game: SimulatedGame) -> None:
    driven(play(game))
    sets = [line for line in game.calls if line.startswith("set ")]
    assert {"set skip_map_load_screens true", "set use_valseed false", "set autorewind false"} <= set(sets)


def test_the_next_replay_of_the_map_starts_without_loading_it_again(play: Player, game: SimulatedGame) -> None:
    driven(play(game))
    game.calls.clear()
    second = Player()
    assert driven(second(game, returns=True)).missed == 0
    assert second.recorded.times == list(range(0, 501, 10))
    assert not [line for line in game.calls if line.startswith(("map", "exit_map"))]


def test_a_running_race_is_left_for_the_menus_first(play: Player) -> None:
    game = SimulatedGame(place="race")
    assert driven(play(game)).missed == 0
    assert game.calls.index("exit_map") < game.calls.index("map tmxdb/1.Challenge.Gbx")


@pytest.mark.parametrize("checkpoint_first", [True, False])
def test_a_checkpoint_may_come_before_or_after_its_step(
    play: Player, game: SimulatedGame, checkpoint_first: bool
) -> None:
    game.checkpoint_first = checkpoint_first
    assert driven(play(game)).missed == 0


def test_the_finish_has_a_frame_although_the_game_reports_it_one_tick_later(play: Player, game: SimulatedGame) -> None:
    game.race_ms, game.finished_says_late = 430, True
    result = driven(play(game, settings=CaptureSettings(fps=10)))
    assert (play.recorded.times[-1], result.missed, result.dropped) == (430, 0, 0)


def test_camera_0_keeps_the_games_own(play: Player, game: SimulatedGame) -> None:
    driven(play(game, settings=CaptureSettings(camera=0)))
    assert not [line for line in game.calls if line.startswith("cam")]


def test_speed_is_set_for_the_race_and_not_for_loading(play: Player, game: SimulatedGame) -> None:
    driven(play(game, settings=CaptureSettings(running_speed=2)))
    assert [line for line in game.calls if line.startswith("speed")] == ["speed 1", "speed 2"]


def test_a_ghost_drives_without_a_script_to_the_time_of_the_replay(play: Player, game: SimulatedGame) -> None:
    result = driven(play(game, ghost=True))
    assert play.recorded.times == list(range(0, 501, 10))
    assert result.inputs_match is None
    assert not [line for line in game.calls if line.startswith(("load", "unload"))]


# Pictures that lag behind the steps


@pytest.mark.parametrize("lag", [1, 2, 3])
@pytest.mark.parametrize("fps", [10, 50, 100])
@pytest.mark.parametrize("checkpoint_first", [True, False])
def test_pictures_of_a_known_lag_are_labelled_with_the_tick_that_they_show(
    play: Player, game: SimulatedGame, lag: int, fps: int, checkpoint_first: bool
) -> None:
    """Every due tick has its frame with the state of that tick, the start and the finish included."""
    game.picture_lag, game.checkpoint_first = lag, checkpoint_first
    result = driven(play(game, settings=CaptureSettings(fps=fps), lag=lag))
    assert play.recorded.times == list(range(0, 501, 1000 // fps))
    assert (result.missed, result.late, result.lag_ticks) == (0, 0, lag)


@pytest.mark.parametrize("finish_shift_ms", [-40, 30])
def test_the_finish_of_a_desync_is_labelled_with_a_lag_too(
    play: Player, game: SimulatedGame, finish_shift_ms: int
) -> None:
    game.picture_lag, game.finish_shift_ms = 2, finish_shift_ms
    assert driven(play(game, lag=2)).missed == 0
    assert play.recorded.times == list(range(0, 501 + finish_shift_ms, 10))


def test_the_finish_has_a_frame_with_a_lag_although_the_game_reports_it_one_tick_later(
    play: Player, game: SimulatedGame
) -> None:
    game.picture_lag, game.race_ms, game.finished_says_late = 1, 430, True
    result = driven(play(game, settings=CaptureSettings(fps=10), lag=1))
    assert (play.recorded.times[-1], result.missed) == (430, 0)


def test_a_ghost_is_captured_to_its_finish_with_a_lag(play: Player, game: SimulatedGame) -> None:
    game.picture_lag = 2
    driven(play(game, ghost=True, lag=2))
    assert play.recorded.times == list(range(0, 501, 10))


# A game that cannot send as many pictures as frames are due


def test_the_speed_is_lowered_until_no_frame_is_missed(play: Player, game: SimulatedGame) -> None:
    """The game sends 47 pictures a second, so 100 frames a second need a speed below 0.5."""
    game.pictures_per_s = 47
    result = driven(play(game, adapt_speed=True))
    assert play.recorded.times == list(range(0, 501, 10))
    assert (result.missed, result.speed) == (0, 0.4)
    assert result.restarts == play.recorded.discarded == 1
    assert "driving again at speed 0.4" in play.notes[-1]


def test_a_speed_is_not_adapted_unless_requested(play: Player, game: SimulatedGame) -> None:
    game.pictures_per_s = 47
    result = driven(play(game))
    assert (result.speed, result.restarts) == (1.0, 0)
    assert 20 < result.missed < 35


def test_at_the_lowest_speed_the_frames_that_come_are_kept(play: Player, game: SimulatedGame) -> None:
    game.pictures_per_s = 5
    result = driven(play(game, adapt_speed=True))
    assert (result.speed, result.frames + result.missed) == (0.1, 51)
    assert result.missed > 0


def test_single_misses_lead_to_another_drive_at_the_end_of_the_race(play: Player, game: SimulatedGame) -> None:
    game.picture_delay = late(0, 0, 12, 0)
    result = driven(play(game, settings=CaptureSettings(fps=10), adapt_speed=True))
    assert (result.missed, result.speed, result.restarts) == (0, 0.75, 1)


@pytest.mark.parametrize(
    ("speed", "stored", "missed", "slower"),
    [(1, 369, 407, 0.45), (1, 99, 1, 0.85), (1, 1, 99, 0.4), (0.45, 50, 5, 0.35), (0.12, 1, 1, 0.1), (0.1, 1, 1, None)],
)
def test_a_slower_speed_follows_from_the_share_that_came(
    speed: float, stored: int, missed: int, slower: float | None
) -> None:
    assert slower_speed(speed, stored, missed) == slower


@pytest.mark.parametrize(
    ("speed", "stored", "missed", "all_at"),
    [
        (1, 251, 1000, 0.15),
        (1, 1401, 941, 0.55),
        (0.5, 80, 120, 0.15),
        (1, 99, 1, 0.85),
        (1, 1, 99, 0.1),
        (0.1, 1, 1, None),
    ],
)
def test_the_speed_for_all_frames_follows_from_a_whole_race(
    speed: float, stored: int, missed: int, all_at: float | None
) -> None:
    assert speed_for_all(speed, stored, missed) == all_at


# Frames that come late, or not at all


def test_a_late_frame_is_labelled_with_the_tick_that_it_shows(play: Player, game: SimulatedGame) -> None:
    game.picture_delay = late(0, 0, 3, 0, 0, 0, 0)  # the small frame, then those at 0, 100, 200 …
    result = driven(play(game, settings=CaptureSettings(fps=10)))
    assert play.recorded.times == [0, 130, 200, 300, 400, 500]
    assert (result.late, result.missed) == (1, 0)
    assert play.recorded.kept[1].step == 1


def test_a_frame_that_comes_after_the_next_due_time_stands_for_that_one(play: Player, game: SimulatedGame) -> None:
    game.picture_delay = late(0, 0, 12, 0, 0, 0, 0)
    result = driven(play(game, settings=CaptureSettings(fps=10)))
    assert play.recorded.times == [0, 220, 300, 400, 500]
    assert [kept.step for kept in play.recorded.kept] == [0, 2, 3, 4, 5]
    assert (result.missed, result.frames) == (1, 5)


def test_a_lost_frame_is_requested_again_at_the_next_tick(play: Player, game: SimulatedGame) -> None:
    game.picture_delay = late(0, 0, -1, 0, 0, 0, 0)
    result = driven(play(game, settings=CaptureSettings(fps=10)))
    assert play.recorded.times == [0, 110, 200, 300, 400, 500]
    assert (result.late, result.missed) == (1, 0)


def test_frames_are_dropped_while_steps_are_more_than_a_tick_apart(play: Player, game: SimulatedGame) -> None:
    game.at_tick[200] = lambda game: game.jump_to(220)
    result = driven(play(game))
    assert 220 not in play.recorded.times
    assert result.missed == 3
    assert result.dropped == 1


def test_a_period_that_is_not_10_gives_no_frame_rather_than_a_wrong_one(play: Player, game: SimulatedGame) -> None:
    game.at_tick[100] = lambda game: setattr(game, "period_ms", 50)
    result = driven(play(game))
    assert play.recorded.times == [*range(0, 101, 10), 500]
    assert result.frames + result.missed == 51


def test_without_any_picture_a_race_ends_all_the_same(play: Player, game: SimulatedGame) -> None:
    game.picture_delay = iter([0, *[-1] * 1000]).__next__
    result = driven(play(game))
    assert (result.frames, result.missed) == (0, 51)


def test_the_end_dialog_before_the_frame_of_the_finish_costs_that_frame_only(play: Player, game: SimulatedGame) -> None:
    game.dialog_after = 1
    game.at_tick[490] = lambda game: setattr(game, "picture_delay", lambda: 5)
    result = driven(play(game))
    assert result.missed in (1, 2)
    assert not game.connected


@given(delays=st.lists(st.integers(-1, 30), min_size=60, max_size=60), fps=st.sampled_from([10, 30, 50, 100]))
def test_with_any_delays_every_label_is_true_and_every_frame_is_accounted_for(delays: list[int], fps: int) -> None:
    game, play = SimulatedGame(), Player()
    game.picture_delay = iter([0, *delays, *[0] * 1000]).__next__
    settings = CaptureSettings(fps=fps)
    result = driven(play(game, settings=settings))
    assert result.frames == len(play.recorded.kept)
    assert result.frames + result.missed == {10: 6, 30: 16, 50: 26, 100: 51}[fps]
