"""Connections: timeouts, replaced clients, and the settings that survive them."""

from __future__ import annotations

import time

import pytest

from tests.sandbox.game.conftest import Folders, console_shows, events, wait_until
from tests.sandbox.game.wire_client import FRAME, GREETING, STEP, WireClient
from tmxdb_sandbox.game import RunningGame, running_game

MAP = "First.Challenge.Gbx"


def test_without_an_answer_the_client_is_dropped_and_the_game_goes_on(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.send("2i", 15, 100)
    assert client.is_closed()
    assert console_shows(game, "Client disconnected due to timeout (100ms)")
    assert game.screen() == "race"


def test_a_timeout_set_in_a_wait_counts_from_the_beginning_of_that_wait(game: RunningGame, client: WireClient) -> None:
    client.send("2i", 15, 60_000)
    client.start_race(MAP)
    began_s = time.monotonic()
    time.sleep(0.3)
    client.send("2i", 15, 60_000)
    time.sleep(0.9)
    passed_ms = 1000 * (time.monotonic() - began_s)
    client.send("2i", 15, 1200)
    assert client.is_closed()
    wait_until(lambda: events(game, "step"))
    steps = events(game, "step")
    assert 1200 < steps[-1]["held_ms"] < passed_ms + 1200  # counted from the message, it would be longer


def ask_repeatedly(client: WireClient) -> None:
    for _ in range(1000):
        client.ask(22)
        time.sleep(0.02)


def test_questions_do_not_extend_the_timeout(client: WireClient) -> None:
    client.start_race(MAP)
    client.send("2i", 15, 300)
    with pytest.raises((EOFError, ConnectionError)):
        ask_repeatedly(client)


def test_the_timeout_is_back_to_two_seconds_after_a_client_was_dropped(game: RunningGame, client: WireClient) -> None:
    client.send("2i", 15, 60)
    client.answer(GREETING)
    client.request_frame(4, 4)  # sent between messages: read in the next wait
    client.close()
    with WireClient(game.port) as other:
        other.greet()
        time.sleep(0.2)  # longer than 60 ms, the timeout that the replaced client left
        assert other.is_closed()
    with WireClient(game.port) as third:
        third.greet()
        time.sleep(0.2)
        assert third.ask(22) == 1


def test_a_closed_connection_is_not_noticed(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.send("2i", 15, 400)
    client.close()
    wait_until(lambda: any(row["end"] == "timeout" for row in events(game, "step")))
    assert events(game, "disconnect")[0]["why"] == "timeout"
    held_ms = [row["held_ms"] for row in events(game, "step") if row["end"] == "timeout"]
    assert held_ms[0] > 380


def test_message_13_frees_the_game_immediately(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.send("i", 13)
    assert client.is_closed()
    assert events(game, "disconnect")[0]["why"] == "shutdown"
    assert game.screen() == "race"


def test_the_newest_connection_replaces_the_old_one_silently(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    with WireClient(game.port) as other:
        assert other.is_silent()  # held: no connection is accepted
        client.answer(STEP)
        while True:  # the remaining steps of this frame go to the old client
            message = client.receive() if not client.is_silent(0.05) else None
            if message is None or message.number != STEP:
                break
            client.answer(STEP)
        other.expect(GREETING)
        assert client.is_closed()


def test_each_client_in_the_backlog_is_greeted_and_replaced(game: RunningGame, client: WireClient) -> None:
    others = [WireClient(game.port) for _ in range(3)]
    client.answer(GREETING)
    for other in others:
        other.expect(GREETING)
        other.answer(GREETING)
    assert [row["number"] for row in events(game, "connect")[-3:]] == [
        events(game, "connect")[0]["number"] + n for n in (1, 2, 3)
    ]
    assert others[0].is_closed()
    assert others[1].is_closed()
    assert others[2].is_silent()
    for other in others:
        other.close()


def test_a_port_probe_replaces_the_client(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    WireClient(game.port).close()
    client.answer(STEP)
    try:
        while True:
            client.answer(client.receive().number)
    except (EOFError, ConnectionError):
        pass
    assert events(game, "connect")[-1]["replaces"] == events(game, "connect")[0]["number"]


def test_a_connection_is_greeted_in_a_race_too(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.send("i", 13)
    client.is_closed()
    with WireClient(game.port) as other:
        other.greet()
        assert other.ask(22) == 0
        other.answer(GREETING)
        other.expect(STEP)


def test_the_period_and_the_frame_request_of_a_replaced_client_survive(game: RunningGame, client: WireClient) -> None:
    client.send("2i", 19, 500)
    client.answer(GREETING)
    with WireClient(game.port) as second:
        second.greet()
        second.request_frame(4, 4)
        # Answered after the third connects: its greeting and this frame come in one rendered frame.
        third = WireClient(game.port)
        third.size = (4, 4)
        second.answer(GREETING)
        assert second.receive().number == FRAME  # requested in a greeting: in the same rendered frame
        second.answer(FRAME)
    third.greet()
    first = third.start_race(MAP).time_ms
    third.answer(STEP)
    assert (first, third.expect(STEP).time_ms) == (-2500, -2000)
    third.close()


def test_during_start_up_only_the_last_client_is_greeted_when_the_menus_appear(folders: Folders) -> None:
    with (
        running_game(**folders.settings, start_ms=1500) as game,
        WireClient(game.port) as first,
        WireClient(game.port) as second,
    ):
        assert first.is_closed()
        assert second.is_silent(0.1)
        second.expect(GREETING)
        assert second.ask(22) == 1
        assert len(events(game, "greeting")) == 0  # logged when it ends
        second.answer(GREETING)
        wait_until(lambda: len(events(game, "greeting")) == 1)


def test_while_a_map_is_loading_connections_wait(folders: Folders) -> None:
    with running_game(**folders.settings, load_ms=1200) as game, WireClient(game.port) as client:
        client.greet()
        client.command("set skip_map_load_screens true", f"map {MAP}")
        client.answer(GREETING)
        wait_until(lambda: game.screen() == "loading")
        with WireClient(game.port) as other:
            assert other.is_silent(0.15)
            other.expect(GREETING)
