"""Who may speak when: the wait after each message of the plugin, byte by byte."""

from __future__ import annotations

import pytest

from tmxdb.sandbox.game import RunningGame

from .conftest import events, says
from .link import CHECKPOINT, FRAME, GREETING, LAP, STEP, Link

MAP = "First.Challenge.Gbx"


def test_the_game_stands_still_until_the_right_number_comes(link: Link) -> None:
    assert link.into_race(MAP).time_ms == -2600
    assert link.is_silent()
    link.answer(STEP)
    assert link.expect(STEP).time_ms == -2590


def test_a_wrong_number_is_swallowed(link: Link) -> None:
    link.into_race(MAP)
    for number in (CHECKPOINT, FRAME, GREETING):
        link.answer(number)
    assert link.is_silent()
    link.answer(STEP)
    assert link.expect(STEP).time_ms == -2590


def test_questions_are_answered_in_order_while_a_message_is_unanswered(link: Link) -> None:
    link.into_race(MAP)
    link.send("4i", 22, 16, 22, 23)
    assert link.numbers("3i") == (0, 0, 0)
    assert link.numbers("i") == (0,)


def test_a_question_after_the_answer_is_answered_behind_the_next_message(link: Link) -> None:
    link.into_race(MAP)
    link.send("2i", STEP, 16)
    assert link.numbers("3i") == (STEP, -2590, 0)


def test_a_second_answer_releases_the_next_step_unseen(link: Link) -> None:
    link.into_race(MAP)
    link.send("2i", STEP, STEP)
    assert link.expect(STEP).time_ms == -2590
    assert link.expect(STEP).time_ms == -2580
    assert link.is_silent()


def test_what_is_written_before_the_greeting_is_obeyed_in_its_wait(game: RunningGame) -> None:
    with Link(game.port) as link:
        link.send("2i", 22, GREETING)
        assert link.numbers("2i") == (GREETING, 1)
        assert link.is_silent()
    assert events(game, "greeting")[0]["ids"] == [22, GREETING]


def test_of_an_unknown_message_nothing_but_the_number_is_skipped(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.send("2i", 99, 22)  # 22 was meant as something that belongs to 99
    assert link.numbers("i") == (0,)
    assert says(game, "got unknown message 99")
    link.answer(STEP)
    link.expect(STEP)


def test_a_miscounted_command_is_taken_for_messages(link: Link) -> None:
    """Characters counted instead of bytes: the last byte and the answer become a number that nobody knows."""
    link.into_race(MAP)
    data = "set x ä".encode()
    link.send(f"2i{len(data)}si", 14, len(data) - 1, data, STEP)
    assert link.is_silent()


def test_the_answer_to_a_lap_counts_although_the_console_complains(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.answer(STEP)
    while (said := link.hear()).number != LAP:
        link.answer(said.number)
    link.answer(LAP)
    assert link.expect(STEP).time_ms == 3050
    assert says(game, "got unknown message 3")


def test_half_a_message_holds_the_game_until_the_rest_is_there(link: Link) -> None:
    link.into_race(MAP)
    link.send("ih", 14, 6)
    assert link.is_silent()
    link.send("h6si", 0, b"unload", STEP)
    link.expect(STEP)


@pytest.mark.parametrize("size", [-1, 1 << 30])
def test_a_string_of_impossible_length_ends_the_callback(game: RunningGame, link: Link, size: int) -> None:
    link.into_race(MAP)
    link.send("2i", 14, size)
    assert link.expect(STEP).time_ms == -2590
    assert events(game, "script_error")


def test_orders_of_a_race_do_nothing_in_the_menus(link: Link) -> None:
    link.send("3i", 11, 12, 8)
    link.send("i4B", 10, 1, 0, 1, 0)
    link.send("i", 18)
    link.send("2i", 21, 0)
    assert link.ask(22) == 1
    assert link.ask(16) == 0


def test_after_an_error_in_a_frame_the_same_frame_is_sent_again(link: Link) -> None:
    link.ask_frame(8, 8)
    link.answer(GREETING)
    for _ in range(3):
        link.expect(FRAME)
        link.send("i", 9)  # nothing answers it, and nobody waits for the answer to the frame
    link.expect(FRAME)
    link.answer(FRAME)
    assert link.is_silent()


def test_after_an_error_in_a_greeting_its_frame_comes_one_frame_later(game: RunningGame, link: Link) -> None:
    link.ask_frame(8, 8)
    link.send("i", 9)
    link.expect(FRAME)
    assert [row["end"] for row in events(game, "greeting")] == ["error"]


def test_a_state_in_the_menus_is_never_answered_and_the_link_stays_up(game: RunningGame, link: Link) -> None:
    link.send("i", 9)
    assert link.is_silent()
    assert events(game, "script_error")
    with Link(game.port) as other:
        other.greeted()
    assert events(game, "connect")[-1]["replaces"] is not None
