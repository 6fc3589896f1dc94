"""Who is connected, for how long, and what of it survives."""

from __future__ import annotations

import time

import pytest

from tmxdb.sandbox.game import RunningGame, running_game

from .conftest import Folders, events, says, wait_until
from .link import FRAME, GREETING, STEP, Link

MAP = "First.Challenge.Gbx"


def test_without_an_answer_the_client_is_dropped_and_the_game_goes_on(game: RunningGame, link: Link) -> None:
    link.send("2i", 15, 100)
    link.into_race(MAP)
    assert link.hung_up()
    assert says(game, "Client disconnected due to timeout (100ms)")
    assert game.screen() == "race"


def test_a_timeout_set_in_a_wait_counts_from_the_beginning_of_that_wait(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    time.sleep(0.3)
    link.send("2i", 15, 60_000)
    time.sleep(0.7)
    link.send("2i", 15, 1200)
    assert link.hung_up()
    assert 1200 < events(game, "step")[-1]["held_ms"] < 2200  # from the message it would be more


def ask_for_ever(link: Link) -> None:
    for _ in range(1000):
        link.ask(22)
        time.sleep(0.02)


def test_questions_do_not_make_the_wait_longer(link: Link) -> None:
    link.send("2i", 15, 300)
    link.into_race(MAP)
    with pytest.raises((EOFError, ConnectionError)):
        ask_for_ever(link)


def test_the_timeout_is_back_to_two_seconds_after_a_client_was_dropped(game: RunningGame, link: Link) -> None:
    link.send("2i", 15, 60)
    link.answer(GREETING)
    link.ask_frame(4, 4)  # written between messages: kept for the next one
    link.close()
    with Link(game.port) as other:
        other.greeted()
        time.sleep(0.2)  # longer than 60 ms: the old value would still be in force, as nobody was dropped
        assert other.hung_up()
    with Link(game.port) as third:
        third.greeted()
        time.sleep(0.2)
        assert third.ask(22) == 1


def test_an_orderly_close_is_not_noticed(game: RunningGame, link: Link) -> None:
    link.send("2i", 15, 400)
    link.into_race(MAP)
    link.close()
    time.sleep(0.1)
    assert not events(game, "disconnect")
    wait_until(lambda: bool(events(game, "disconnect")))
    assert events(game, "disconnect")[0]["why"] == "timeout"
    held_ms = [row["held_ms"] for row in events(game, "step") if row["end"] == "timeout"]
    assert held_ms[0] > 380


def test_13_frees_the_game_at_once(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.send("i", 13)
    assert link.hung_up()
    assert events(game, "disconnect")[0]["why"] == "shutdown"
    assert game.screen() == "race"


def test_the_newest_connection_replaces_the_old_one_silently(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    with Link(game.port) as other:
        assert other.is_silent()  # held: nobody is accepted
        link.answer(STEP)
        while True:  # the steps of this rendered frame still belong to the old one
            said = link.hear() if not link.is_silent(0.05) else None
            if said is None or said.number != STEP:
                break
            link.answer(STEP)
        other.expect(GREETING)
        assert link.hung_up()


def test_of_several_in_the_backlog_each_is_greeted_and_replaced(game: RunningGame, link: Link) -> None:
    others = [Link(game.port) for _ in range(3)]
    link.answer(GREETING)
    for other in others:
        other.expect(GREETING)
        other.answer(GREETING)
    assert [row["number"] for row in events(game, "connect")[-3:]] == [
        events(game, "connect")[0]["number"] + n for n in (1, 2, 3)
    ]
    assert others[0].hung_up()
    assert others[1].hung_up()
    assert others[2].is_silent()
    for other in others:
        other.close()


def test_a_port_probe_steals_the_line(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    Link(game.port).close()
    link.answer(STEP)
    try:
        while True:
            link.answer(link.hear().number)
    except (EOFError, ConnectionError):
        pass
    assert events(game, "connect")[-1]["replaces"] == events(game, "connect")[0]["number"]


def test_each_connection_is_greeted_in_a_race_too(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.send("i", 13)
    link.hung_up()
    with Link(game.port) as other:
        other.greeted()
        assert other.ask(22) == 0
        other.answer(GREETING)
        other.expect(STEP)


def test_period_survives_a_reconnect_and_so_does_the_frame_of_a_client_that_was_replaced(
    game: RunningGame, link: Link
) -> None:
    link.send("2i", 19, 500)
    link.answer(GREETING)
    with Link(game.port) as second:
        second.greeted()
        second.ask_frame(4, 4)
        # Answered only after a third one knocks: the greeting of the third and this frame share a rendered frame.
        third = Link(game.port)
        third.size = (4, 4)
        second.answer(GREETING)
        assert second.hear().number == FRAME  # asked for in a greeting: the same rendered frame
        second.answer(FRAME)
    third.greeted()
    first = third.into_race(MAP).time_ms
    third.answer(STEP)
    assert (first, third.expect(STEP).time_ms) == (-2500, -2000)
    third.close()


def test_during_start_up_only_the_last_client_is_greeted_when_the_menus_appear(folders: Folders) -> None:
    with (
        running_game(**folders.settings, start_ms=1500) as game,
        Link(game.port) as first,
        Link(game.port) as second,
    ):
        assert first.hung_up()
        assert second.is_silent(0.1)
        second.expect(GREETING)
        assert second.ask(22) == 1
        assert len(events(game, "greeting")) == 0  # noted at its end
        second.answer(GREETING)
        wait_until(lambda: len(events(game, "greeting")) == 1)


def test_while_a_map_is_loading_connections_wait(folders: Folders) -> None:
    with running_game(**folders.settings, load_ms=1200) as game, Link(game.port) as link:
        link.greeted()
        link.command("set skip_map_load_screens true", f"map {MAP}")
        link.answer(GREETING)
        wait_until(lambda: game.screen() == "loading")
        with Link(game.port) as other:
            assert other.is_silent(0.15)
            other.expect(GREETING)
