"""The wait after each message of the plugin, byte by byte."""

from __future__ import annotations

import pytest

from tests.sandbox.game.conftest import console_shows, events
from tests.sandbox.game.wire_client import CHECKPOINT, FRAME, GREETING, LAP, STEP, WireClient
from tmxdb_sandbox.game import RunningGame

MAP = "First.Challenge.Gbx"


def test_the_game_stands_still_until_the_right_number_comes(client: WireClient) -> None:
    assert client.start_race(MAP).time_ms == -2600
    assert client.is_silent()
    client.answer(STEP)
    assert client.expect(STEP).time_ms == -2590


def test_a_wrong_number_is_ignored(client: WireClient) -> None:
    client.start_race(MAP)
    for number in (CHECKPOINT, FRAME, GREETING):
        client.answer(number)
    assert client.is_silent()
    client.answer(STEP)
    assert client.expect(STEP).time_ms == -2590


def test_questions_are_answered_in_order_while_a_message_is_unanswered(client: WireClient) -> None:
    client.start_race(MAP)
    client.send("4i", 22, 16, 22, 23)
    assert client.numbers("3i") == (0, 0, 0)
    assert client.numbers("i") == (0,)


def test_the_reply_to_a_question_after_the_answer_follows_the_next_message(client: WireClient) -> None:
    client.start_race(MAP)
    client.send("2i", STEP, 16)
    assert client.numbers("3i") == (STEP, -2590, 0)


def test_a_second_answer_skips_the_next_step(client: WireClient) -> None:
    client.start_race(MAP)
    client.send("2i", STEP, STEP)
    assert client.expect(STEP).time_ms == -2590
    assert client.expect(STEP).time_ms == -2580
    assert client.is_silent()


def test_messages_sent_before_the_greeting_are_handled_in_its_wait(game: RunningGame) -> None:
    with WireClient(game.port) as client:
        client.send("2i", 22, GREETING)
        assert client.numbers("2i") == (GREETING, 1)
        assert client.is_silent()
    assert events(game, "greeting")[0]["ids"] == [22, GREETING]


def test_only_the_number_of_an_unknown_message_is_skipped(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.send("2i", 99, 22)  # 22 was meant as payload of 99
    assert client.numbers("i") == (0,)
    assert console_shows(game, "got unknown message 99")
    client.answer(STEP)
    client.expect(STEP)


def test_a_miscounted_command_is_read_as_messages(client: WireClient) -> None:
    """With characters counted instead of bytes, the last byte and the answer become an unknown number."""
    client.start_race(MAP)
    data = "set x ä".encode()
    client.send(f"2i{len(data)}si", 14, len(data) - 1, data, STEP)
    assert client.is_silent()


def test_the_answer_to_a_lap_counts_although_the_console_reports_it(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.answer(STEP)
    while (message := client.receive()).number != LAP:
        client.answer(message.number)
    client.answer(LAP)
    assert client.expect(STEP).time_ms == 3050
    assert console_shows(game, "got unknown message 3")


def test_half_a_message_holds_the_game_until_the_rest_comes(client: WireClient) -> None:
    client.start_race(MAP)
    client.send("ih", 14, 6)
    assert client.is_silent()
    client.send("h6si", 0, b"unload", STEP)
    client.expect(STEP)


@pytest.mark.parametrize("size", [-1, 1 << 30])
def test_a_string_of_impossible_length_ends_the_callback(game: RunningGame, client: WireClient, size: int) -> None:
    client.start_race(MAP)
    client.send("2i", 14, size)
    assert client.expect(STEP).time_ms == -2590
    assert events(game, "script_error")


def test_race_commands_do_nothing_in_the_menus(client: WireClient) -> None:
    client.send("3i", 11, 12, 8)
    client.send("i4B", 10, 1, 0, 1, 0)
    client.send("i", 18)
    client.send("2i", 21, 0)
    assert client.ask(22) == 1
    assert client.ask(16) == 0


def test_after_an_error_in_a_frame_the_same_frame_is_sent_again(client: WireClient) -> None:
    client.request_frame(8, 8)
    client.answer(GREETING)
    for _ in range(3):
        client.expect(FRAME)
        client.send("i", 9)  # gets no reply, and the answer to the frame is not waited for
    client.expect(FRAME)
    client.answer(FRAME)
    assert client.is_silent()


def test_after_an_error_in_a_greeting_its_frame_comes_one_frame_later(game: RunningGame, client: WireClient) -> None:
    client.request_frame(8, 8)
    client.send("i", 9)
    client.expect(FRAME)
    assert [row["end"] for row in events(game, "greeting")] == ["error"]


def test_a_state_request_in_the_menus_gets_no_reply_and_the_connection_stays(
    game: RunningGame, client: WireClient
) -> None:
    client.send("i", 9)
    assert client.is_silent()
    assert events(game, "script_error")
    with WireClient(game.port) as other:
        other.greet()
    assert events(game, "connect")[-1]["replaces"] is not None
