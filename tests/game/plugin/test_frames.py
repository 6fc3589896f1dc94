"""Pictures: when they come, what they show, and what a window that is too small does."""

from __future__ import annotations

import pytest

from .conftest import Start
from .raw import CHECKPOINT, FRAME, GREETING, LAP, STEP, Raw, race_time

GIVE_UP, COMMAND, TIMEOUT, REQUEST, UNREQUEST, MENUS = 11, 14, 15, 17, 20, 22


def test_a_frame_comes_in_the_tick_of_the_step_that_asked_and_shows_it(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go()
        at = client.step()
        client.send(REQUEST, 8, 6, STEP)
        assert race_time(client.frame(8, 6)) == at
        client.send(FRAME)
        assert client.step() == at + 10


def test_a_late_frame_shows_the_last_step_before_it(start: Start) -> None:
    with Raw(start("ticks 3", "race").port) as client:
        client.go()
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


def test_the_last_size_asked_for_counts_and_one_request_is_one_frame(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go()
        client.step()
        client.send(REQUEST, 64, 48, REQUEST, 2, 3, STEP)
        client.frame(2, 3)
        client.send(FRAME)
        client.steps(20)


@pytest.mark.parametrize("way", [(UNREQUEST,), (REQUEST, 5, 0), (REQUEST, 0, 5), (REQUEST, -1, -1)])
def test_a_request_can_be_taken_back(start: Start, way: tuple[int, ...]) -> None:
    with Raw(start("race").port) as client:
        client.go()
        client.step()
        client.send(REQUEST, 8, 8, *way, STEP)
        client.steps(20)


def test_what_is_asked_for_while_a_frame_is_held_is_forgotten(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go()
        client.step()
        client.send(REQUEST, 8, 8, STEP)
        client.frame(8, 8)
        client.send(REQUEST, 8, 8, FRAME)
        client.steps(20)


def test_what_is_asked_for_in_the_greeting_comes_right_after_it(start: Start) -> None:
    with Raw(start("menus").port) as client:
        client.go(REQUEST, 16, 16)
        client.frame(16, 16)
        client.send(MENUS)
        assert client.number() == 1
        client.send(FRAME)
        assert client.silent()


@pytest.mark.parametrize("order", ["step-first 0", "step-first 1"])
def test_a_frame_can_be_asked_for_in_every_wait(start: Start, order: str) -> None:
    with Raw(start(order, "race 300").port) as client:
        client.go(REQUEST, 1, 1)
        client.frame(1, 1)
        client.send(FRAME)
        asked = set()
        while asked != {STEP, CHECKPOINT, LAP}:
            message = client.number()
            client.numbers(1 if message == STEP else 2)
            asked.add(message)
            client.send(REQUEST, 3, 3, message)
            while (held := client.number()) != FRAME:
                client.numbers(1 if held == STEP else 2)
                asked.add(held)
                client.send(held)
            client.read(3 * 3 * 4)
            client.send(FRAME)


def test_a_frame_larger_than_all_buffers_comes_whole(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go()
        for _ in range(3):
            at = client.step()
            client.send(REQUEST, 1920, 1080, STEP)
            picture = client.frame(1920, 1080)
            assert (race_time(picture), picture[-1]) == (at, at & 0xFF)
            client.send(FRAME)


def test_a_window_that_is_too_small_gives_no_frame_until_it_has_grown(start: Start) -> None:
    host = start("window 320 240", "race")
    with Raw(host.port) as client:
        client.go()
        client.step()
        client.send(REQUEST, 640, 480, STEP)
        client.steps(5)  # all whole: nothing of another size was sent
        assert "640x480" in host.hears("log warning")
        host.order("window 640 480")
        while client.number() == STEP:
            last = client.number()
            client.send(STEP)
        assert race_time(client.read(640 * 480 * 4)) == last
        client.send(FRAME)
        client.steps(2)
        host.order("window 320 240")
        client.steps(2)
        client.step()
        client.send(REQUEST, 640, 480, STEP)
        client.steps(5)
    host.until(lambda: sum("640x480" in line for line in host.said) == 2, "a word for each request that fails")


@pytest.mark.parametrize("odd", [1, 2])
def test_a_picture_that_is_not_as_it_says_is_not_sent(start: Start, odd: int) -> None:
    host = start(f"odd-pictures {odd}", "race")
    with Raw(host.port) as client:
        client.go()
        client.step()
        client.send(REQUEST, 8, 6, STEP)
        client.steps(5)
        host.order("odd-pictures 0")
        while client.number() == STEP:
            client.number()
            client.send(STEP)
        client.read(8 * 6 * 4)


def test_no_picture_at_all_is_no_script_error(start: Start) -> None:
    host = start("no-pictures 1", "race")
    with Raw(host.port) as client:
        client.go()
        client.step()
        client.send(REQUEST, 4, 4, STEP)
        client.steps(5)
        client.step()
        client.send(REQUEST, 4, 4, UNREQUEST, STEP)
        client.steps(5)
    host.hears("log warning")


def test_a_size_that_no_window_has_ends_the_link_before_it_takes_the_memory(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.greeted().send(REQUEST, 2**31 - 1, 2**31 - 1)
        assert client.hung_up()
    host.hears("was asked for")
    with Raw(host.port) as client:
        client.go()
        client.steps(2)


def test_a_frame_of_one_client_never_reaches_the_next(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as first:
        first.go()
        first.step()
        first.send(REQUEST, 8, 8)
        with Raw(host.port) as second:
            first.send(STEP)  # the next rendered frame has both: a newcomer, and a picture to send
            second.greeted().send(GREETING)
            second.steps(20)
