"""Frames of the plugin: when they come, what they show, and windows that are too small."""

from __future__ import annotations

import pytest

from tests.game.plugin.conftest import Start
from tests.game.plugin.raw import CHECKPOINT, FRAME, GREETING, LAP, STEP, RawClient, race_time

GIVE_UP, COMMAND, TIMEOUT, REQUEST, UNREQUEST, MENUS = 11, 14, 15, 17, 20, 22


def test_a_frame_comes_in_the_tick_of_its_request_and_shows_it(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer()
        at = client.step()
        client.send(REQUEST, 8, 6, STEP)
        assert race_time(client.frame(8, 6)) == at
        client.send(FRAME)
        assert client.step() == at + 10


def test_a_late_frame_shows_the_last_step_before_it(start: Start) -> None:
    with RawClient(start("ticks 3", "race").port) as client:
        client.greet_and_answer()
        seen = []
        for _ in range(30):
            last = client.step()
            client.send(REQUEST, 4, 4, STEP)
            while client.number() == STEP:
                last = client.number()
                client.send(STEP)
            shown = race_time(client.read(4 * 4 * 4))
            assert shown == last
            seen.append(shown)
            client.send(FRAME)
        assert len(set(seen)) == 30


def test_the_last_requested_size_counts_and_one_request_is_one_frame(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer()
        client.step()
        client.send(REQUEST, 64, 48, REQUEST, 2, 3, STEP)
        client.frame(2, 3)
        client.send(FRAME)
        client.steps(20)


@pytest.mark.parametrize("way", [(UNREQUEST,), (REQUEST, 5, 0), (REQUEST, 0, 5), (REQUEST, -1, -1)])
def test_a_request_can_be_cancelled(start: Start, way: tuple[int, ...]) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer()
        client.step()
        client.send(REQUEST, 8, 8, *way, STEP)
        client.steps(20)


def test_a_request_while_a_frame_is_unanswered_is_forgotten(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer()
        client.step()
        client.send(REQUEST, 8, 8, STEP)
        client.frame(8, 8)
        client.send(REQUEST, 8, 8, FRAME)
        client.steps(20)


def test_a_frame_requested_in_the_greeting_comes_right_after_it(start: Start) -> None:
    with RawClient(start("menus").port) as client:
        client.greet_and_answer(REQUEST, 16, 16)
        client.frame(16, 16)
        client.send(MENUS)
        assert client.number() == 1
        client.send(FRAME)
        assert client.is_silent()


@pytest.mark.parametrize("order", ["step-first 0", "step-first 1"])
def test_a_frame_can_be_requested_in_every_wait(start: Start, order: str) -> None:
    with RawClient(start(order, "race 300").port) as client:
        client.greet_and_answer(REQUEST, 1, 1)
        client.frame(1, 1)
        client.send(FRAME)
        answered = set()
        while answered != {STEP, CHECKPOINT, LAP}:
            message = client.number()
            client.numbers(1 if message == STEP else 2)
            answered.add(message)
            client.send(REQUEST, 3, 3, message)
            while (held := client.number()) != FRAME:
                client.numbers(1 if held == STEP else 2)
                answered.add(held)
                client.send(held)
            client.read(3 * 3 * 4)
            client.send(FRAME)


def test_a_frame_larger_than_all_buffers_is_complete(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer()
        for _ in range(3):
            at = client.step()
            client.send(REQUEST, 1920, 1080, STEP)
            picture = client.frame(1920, 1080)
            assert (race_time(picture), picture[-1]) == (at, at & 0xFF)
            client.send(FRAME)


def test_a_window_that_is_too_small_gives_no_frame_until_it_grows(start: Start) -> None:
    host = start("window 320 240", "race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        client.send(REQUEST, 640, 480, STEP)
        client.steps(5)  # all valid: nothing of another size was sent
        assert "640x480" in host.wait_for_line("log warning")
        host.send("window 640 480")
        while client.number() == STEP:
            last = client.number()
            client.send(STEP)
        assert race_time(client.read(640 * 480 * 4)) == last
        client.send(FRAME)
        client.steps(2)
        host.send("window 320 240")
        client.steps(2)
        client.step()
        client.send(REQUEST, 640, 480, STEP)
        client.steps(5)
    host.until(lambda: sum("640x480" in line for line in host.lines) == 2, "a warning for each failed request")


@pytest.mark.parametrize("variant", [1, 2])
def test_a_picture_with_the_wrong_size_is_not_sent(start: Start, variant: int) -> None:
    host = start(f"bad-pictures {variant}", "race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        client.send(REQUEST, 8, 6, STEP)
        client.steps(5)
        host.send("bad-pictures 0")
        while client.number() == STEP:
            client.number()
            client.send(STEP)
        client.read(8 * 6 * 4)


def test_a_missing_picture_causes_no_script_error(start: Start) -> None:
    host = start("no-pictures 1", "race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        client.send(REQUEST, 4, 4, STEP)
        client.steps(5)
        client.step()
        client.send(REQUEST, 4, 4, UNREQUEST, STEP)
        client.steps(5)
    host.wait_for_line("log warning")


def test_an_impossible_size_closes_the_connection_before_memory_is_allocated(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet().send(REQUEST, 2**31 - 1, 2**31 - 1)
        assert client.is_closed()
    host.wait_for_line("requested a frame")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.steps(2)


def test_a_frame_of_one_client_never_reaches_the_next(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as first:
        first.greet_and_answer()
        first.step()
        first.send(REQUEST, 8, 8)
        with RawClient(host.port) as second:
            first.send(STEP)  # in the next rendered frame a client connects and a picture is due
            second.greet().send(GREETING)
            second.steps(20)
