"""A race that goes as it should: the order of calls, and which pictures are kept under which names."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.capture.outcome import Driven
from tmxdb.capture.settings import CaptureSettings

from .conftest import Player
from .pretend import PretendGame


def driven(result: object) -> Driven:
    assert isinstance(result, Driven), result
    return result


def late(*ticks: int) -> Callable[[], int]:
    """How many ticks each picture comes late; those behind the last come at once. The first one is the small one."""
    return chain(ticks, repeat(0)).__next__


def test_every_tick_from_the_start_to_the_finish_is_captured(play: Player, game: PretendGame) -> None:
    result = driven(play(game))
    assert play.pictures.times == list(range(0, 501, 10))
    assert result == Driven(
        finish_ms=500, ended_unseen=False, frames=51, missed=0, late=0, dropped=0, restarts=0, inputs_match=True
    )  # fmt: skip


def test_the_finish_is_captured_between_due_times_too(play: Player, game: PretendGame) -> None:
    game.race_ms = 430
    driven(play(game, settings=CaptureSettings(fps=10)))
    assert play.pictures.times == [0, 100, 200, 300, 400, 430]
    assert [kept.step for kept in play.pictures.kept] == [0, 1, 2, 3, 4, 5]


def test_calls_come_in_the_order_of_the_fact_sheet(play: Player, game: PretendGame) -> None:
    driven(play(game))
    said = game.said
    assert said[:4] == ["timeout 5000", "no frame", "period 10", "speed 1"]
    loading = ["set disable_forced_camera true", "menus?", "map tmxdb/1.Challenge.Gbx", "hud False"]
    assert sorted(loading, key=said.index) == loading
    arming = ["hud False", "cam 1", "load run.txt", "frame 16x16", "speed 1", "give up"]
    begin = said.index("hud False")
    assert said[begin : begin + len(arming)] == arming
    assert said[-4:] == ["inputs?", "no frame", "unload", "give up"]


def test_the_variables_are_set_before_any_map(play: Player, game: PretendGame) -> None:
    driven(play(game))
    sets = [line for line in game.said if line.startswith("set ")]
    assert {"set skip_map_load_screens true", "set use_valseed false", "set autorewind false"} <= set(sets)


def test_the_next_replay_of_the_map_begins_without_loading_it_again(play: Player, game: PretendGame) -> None:
    driven(play(game))
    game.said.clear()
    second = Player()
    assert driven(second(game, returns=True)).missed == 0
    assert second.pictures.times == list(range(0, 501, 10))
    assert not [line for line in game.said if line.startswith(("map", "exit_map"))]


def test_a_race_that_was_going_on_is_left_for_the_menus_first(play: Player) -> None:
    game = PretendGame(place="race")
    assert driven(play(game)).missed == 0
    assert game.said.index("exit_map") < game.said.index("map tmxdb/1.Challenge.Gbx")


@pytest.mark.parametrize("checkpoint_first", [True, False])
def test_the_checkpoint_may_come_before_or_after_its_step(
    play: Player, game: PretendGame, checkpoint_first: bool
) -> None:
    game.checkpoint_first = checkpoint_first
    assert driven(play(game)).missed == 0


def test_the_finish_has_its_frame_although_the_game_admits_it_one_tick_later(play: Player, game: PretendGame) -> None:
    game.race_ms, game.finished_says_late = 430, True
    result = driven(play(game, settings=CaptureSettings(fps=10)))
    assert (play.pictures.times[-1], result.missed, result.dropped) == (430, 0, 0)


def test_an_offset_of_the_camera_of_0_leaves_the_games_own(play: Player, game: PretendGame) -> None:
    driven(play(game, settings=CaptureSettings(camera=0)))
    assert not [line for line in game.said if line.startswith("cam")]


def test_speed_is_set_for_the_race_and_not_for_loading(play: Player, game: PretendGame) -> None:
    driven(play(game, settings=CaptureSettings(running_speed=2)))
    assert [line for line in game.said if line.startswith("speed")] == ["speed 1", "speed 2"]


def test_a_ghost_drives_without_a_script_to_the_time_of_the_replay(play: Player, game: PretendGame) -> None:
    result = driven(play(game, ghost=True))
    assert play.pictures.times == list(range(0, 501, 10))
    assert result.inputs_match is None
    assert not [line for line in game.said if line.startswith(("load", "unload"))]


# Pictures that come late, or not at all


def test_a_late_picture_is_named_by_the_tick_that_it_shows(play: Player, game: PretendGame) -> None:
    game.picture_delay = late(0, 0, 3, 0, 0, 0, 0)  # the small frame, then those at 0, 100, 200 …
    result = driven(play(game, settings=CaptureSettings(fps=10)))
    assert play.pictures.times == [0, 130, 200, 300, 400, 500]
    assert (result.late, result.missed) == (1, 0)
    assert play.pictures.kept[1].step == 1


def test_a_picture_that_comes_after_the_next_due_time_stands_for_that_one(play: Player, game: PretendGame) -> None:
    game.picture_delay = late(0, 0, 12, 0, 0, 0, 0)
    result = driven(play(game, settings=CaptureSettings(fps=10)))
    assert play.pictures.times == [0, 220, 300, 400, 500]
    assert [kept.step for kept in play.pictures.kept] == [0, 2, 3, 4, 5]
    assert (result.missed, result.frames) == (1, 5)


def test_a_picture_that_is_lost_is_asked_for_again_at_the_next_tick(play: Player, game: PretendGame) -> None:
    game.picture_delay = late(0, 0, -1, 0, 0, 0, 0)
    result = driven(play(game, settings=CaptureSettings(fps=10)))
    assert play.pictures.times == [0, 110, 200, 300, 400, 500]
    assert (result.late, result.missed) == (1, 0)


def test_pictures_are_dropped_while_steps_are_further_apart_than_a_tick(play: Player, game: PretendGame) -> None:
    game.at_tick[200] = lambda game: game.jump_to(220)
    result = driven(play(game))
    assert 220 not in play.pictures.times
    assert result.missed == 3
    assert result.dropped == 1


def test_a_period_that_is_not_10_gives_no_frame_rather_than_a_wrong_one(play: Player, game: PretendGame) -> None:
    game.at_tick[100] = lambda game: setattr(game, "period_ms", 50)
    result = driven(play(game))
    assert play.pictures.times == [*range(0, 101, 10), 500]
    assert result.frames + result.missed == 51


def test_without_any_picture_a_race_ends_all_the_same(play: Player, game: PretendGame) -> None:
    game.picture_delay = iter([0, *[-1] * 1000]).__next__
    result = driven(play(game))
    assert (result.frames, result.missed) == (0, 51)


def test_the_end_dialog_before_the_frame_of_the_finish_costs_that_frame_only(play: Player, game: PretendGame) -> None:
    game.dialog_after = 1
    game.at_tick[490] = lambda game: setattr(game, "picture_delay", lambda: 5)
    result = driven(play(game))
    assert result.missed in (1, 2)
    assert not game.connected


@given(delays=st.lists(st.integers(-1, 30), min_size=60, max_size=60), fps=st.sampled_from([10, 30, 50, 100]))
def test_whatever_comes_late_every_label_is_true_and_every_frame_is_accounted_for(delays: list[int], fps: int) -> None:
    game, play = PretendGame(), Player()
    game.picture_delay = iter([0, *delays, *[0] * 1000]).__next__
    settings = CaptureSettings(fps=fps)
    result = driven(play(game, settings=settings))
    assert result.frames == len(play.pictures.kept)
    assert result.frames + result.missed == {10: 6, 30: 16, 50: 26, 100: 51}[fps]
