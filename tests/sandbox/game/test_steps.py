"""Run steps, restarts, rewinds and the finish, as the clock of the race tells them."""

from __future__ import annotations

import struct

import pytest

from tmxdb.sandbox.game import RunningGame, running_game
from tmxdb.sandbox.game.picture import read_back

from .conftest import Folders, events, wait_until
from .link import CHECKPOINT, FRAME, GREETING, LAP, STEP, Link

MAP = "First.Challenge.Gbx"


def steps(link: Link, count: int) -> list[int]:
    """The times of so many steps, each answered; whatever else comes is answered, too."""
    times: list[int] = []
    while len(times) < count:
        said = link.hear()
        if said.number == STEP:
            times.append(said.time_ms)
        link.answer(said.number)
    return times


@pytest.mark.parametrize(
    ("period_ms", "expected"), [(10, [-2590, -2580]), (100, [-2500, -2400]), (-50, [-2550, -2500])]
)
def test_a_step_comes_for_each_multiple_of_the_period(link: Link, period_ms: int, expected: list[int]) -> None:
    link.into_race(MAP)
    link.send("3i", 19, period_ms, STEP)
    assert steps(link, 2) == expected


def test_with_period_0_no_step_comes_but_frames_do_and_there_it_can_be_mended(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.ask_frame(4, 4)
    link.send("3i", 19, 0, STEP)
    link.expect(FRAME)
    link.send("3i", 19, 10, FRAME)
    assert steps(link, 1)[0] > -2600
    link.send("3i", 19, 0, STEP)
    wait_until(lambda: "division by zero" in str(events(game, "script_error")))


def test_after_the_finish_every_tick_is_told_with_the_time_frozen_whatever_the_period(link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.send("3i", 19, 1000, STEP)
    assert steps(link, 9) == [-2000, -1000, 0, 1000, 2000, 3000, 3050, 3050, 3050]


def test_race_finished_says_so_from_the_finish_on(link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.to(3040)
    assert link.ask(16) == 0
    link.to(3050)
    assert link.ask(16) == 1


def test_after_the_frozen_steps_nothing_comes_any_more(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.to(3050)
    link.answer(STEP)
    assert steps(link, 200) == [3050] * 200
    assert link.is_silent()
    assert game.screen() == "end"


def test_give_up_makes_the_next_step_the_first_of_a_countdown(link: Link) -> None:
    link.into_race(MAP)
    link.to(500)
    link.send("2i", 11, STEP)
    assert steps(link, 2) == [-2600, -2590]


def test_give_up_works_in_a_frozen_step_and_so_does_map(link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.to(3050)
    link.send("2i", 11, STEP)
    assert link.expect(STEP).time_ms == -2600
    link.to(3050)
    link.command(f"map {MAP}")
    link.answer(STEP)
    assert -2600 in steps(link, 5)


def test_press_delete_restarts_too(link: Link) -> None:
    link.into_race(MAP)
    link.command("press delete")
    link.answer(STEP)
    assert -2600 in steps(link, 3)


def test_rewinding_to_a_kept_state_goes_on_with_the_tick_after_it(link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.to(900)
    kept = link.ask_bytes(9)
    link.to(1500)
    assert struct.unpack_from("<i", link.ask_bytes(9), 7204 + 820) == (1,)
    link.send(f"2i{len(kept)}si", 7, len(kept), kept, STEP)
    assert link.expect(STEP).time_ms == 910
    link.answer(STEP)
    passed = 900
    while (said := link.hear()).number != CHECKPOINT:
        passed = said.time_ms
        link.answer(STEP)
    assert (passed, said.values) == (990, (1, 3))


def test_rewinding_to_the_present_state_loses_what_is_pressed_in_this_tick(link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.to(1500)
    link.send("2i", 8, STEP)
    assert link.expect(STEP).time_ms == 1510
    link.to(1600)
    assert link.ask_bytes(23) == b"0.00 press up\n"


def test_a_frame_at_speed_0_shows_the_very_tick_of_its_step(link: Link) -> None:
    """As Linesight takes them: rewind to the present state, stop, ask for the frame, go on in its message."""
    link.send("if", 6, 5.0)
    link.into_race(MAP)
    link.to(70)
    link.send("i", 8)
    link.send("if", 6, 0.0)
    link.ask_frame(64, 64)
    link.answer(STEP)
    assert read_back(link.expect(FRAME).pixels, 64, 64).race_time_ms == 70
    link.send("if", 6, 5.0)
    link.answer(FRAME)
    assert link.expect(STEP).time_ms == 80


def test_prevent_finish_takes_the_finish_back(link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.to(3040)
    link.answer(STEP)
    said = link.expect(CHECKPOINT)
    assert said.values == (3, 3)
    link.send("2i", 12, CHECKPOINT)
    assert steps(link, 3) == [3050, 3060, 3070]


def test_keys_by_hand_drive_the_car_as_a_script_does(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.to(0)
    for at_ms, left in ((0, 0), (1500, 1), (1800, 0)):
        if at_ms:
            link.to(at_ms)
        link.send("i4B", 10, left, 0, 1, 0)
    link.to(3050)
    assert link.ask(16) == 1


def test_checkpoints_can_come_behind_the_step_and_a_restart_can_report_none(folders: Folders) -> None:
    settings = {**folders.settings, "checkpoint_first": False, "restart_reports": True, "lap_message_at_finish": False}
    with running_game(**settings) as game, Link(game.port) as link:
        link.greeted().into_race(MAP)
        link.command("load run.txt")
        link.ask_frame(4, 4)
        link.answer(STEP)
        link.expect(FRAME)
        link.answer(FRAME)
        link.expect(STEP)
        link.send("2i", 11, STEP)
        assert link.expect(CHECKPOINT).values == (0, 3)
        link.answer(CHECKPOINT)
        told = []
        while (said := link.hear()).number != LAP and told[-2:] != [3050, 3050]:
            told.append(said.time_ms if said.number == STEP else said.values)
            link.answer(said.number)
        assert told[told.index((1, 3)) - 1] == 1000
        assert told[told.index((3, 3)) - 1] == 3050
        assert said.number == STEP


def test_a_map_without_a_replay_has_a_parked_car_and_its_own_checkpoints(game: RunningGame, link: Link) -> None:
    link.into_race("sub/Second Map.Challenge.Gbx")
    link.armed("run.txt")
    link.to(4000)
    state = link.ask_bytes(9)
    assert len(state) == 8356 + 4 * 3 + 8 * 3
    assert struct.unpack_from("<3f", state, 224 + 268 + 180 + 52) == (512, 9, 512)
    assert events(game, "race")[-1]["follows"] is None


def test_connecting_in_the_end_dialog_gives_an_ear_and_exit_map_a_way_out(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.to(3050)
    link.answer(STEP)
    steps(link, 200)
    wait_until(lambda: game.screen() == "end")
    with Link(game.port) as other:
        other.greeted()
        assert other.ask(22) == 0
        other.command(f"map {MAP}")
        other.answer(GREETING)
        assert other.is_silent()  # the map waits
    with Link(game.port) as third:
        third.greeted()
        third.command("exit_map")
        third.answer(GREETING)
        assert third.expect(STEP).time_ms == -2600
