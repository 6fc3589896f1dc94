"""Clients that come, go, die or stay silent, in every state of the game: it goes on, and the next one is served."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from .conftest import Start
from .host import Host, free_port
from .raw import GREETING, STEP, Raw, served

SHUTDOWN, TIMEOUT, REQUEST, PERIOD, MENUS = 13, 15, 17, 19, 22

HOLD = """
import socket, struct, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
assert client.recv(4, socket.MSG_WAITALL) == struct.pack("<i", 5)
client.sendall(struct.pack("<ii", 15, int(sys.argv[2])))
print("holding", flush=True)
time.sleep(60)
"""


def holder(host: Host, timeout_ms: int) -> subprocess.Popen[str]:
    """A client in a process of its own, which holds the game and does nothing."""
    host.hears("Port set")
    client = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(host.port), str(timeout_ms)], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout
    assert client.stdout.readline() == "holding\n"
    return client


def ask_without_end(client: Raw) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        client.send(MENUS)
        client.number()


def test_a_client_that_does_not_answer_is_dropped_after_its_time(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go(TIMEOUT, 300)
        client.step()
        assert client.hung_up()
    host.hears("no answer for 300 ms")
    with Raw(host.port) as client:  # the time limit of the one before is not that of the next
        client.greeted()
        assert client.hung_up()
    host.hears("no answer for 2000 ms")
    assert served(host.port)


def test_questions_do_not_make_the_time_longer(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go(TIMEOUT, 400)
        client.step()
        with pytest.raises((AssertionError, ConnectionError)):  # hung up
            ask_without_end(client)
    host.hears("no answer for 400 ms")
    assert served(host.port)


def test_another_time_limit_counts_for_the_running_wait_too(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go(TIMEOUT, 60_000)
        client.step()
        client.send(TIMEOUT, 100)
        assert client.hung_up()


@pytest.mark.parametrize("in_the_middle_of", [True, False])
def test_a_killed_client_holds_the_game_no_longer_than_its_time(start: Start, in_the_middle_of: bool) -> None:
    host = start("race")
    client = holder(host, 600)
    if in_the_middle_of:
        os.kill(client.pid, signal.SIGKILL)
    else:
        os.kill(client.pid, signal.SIGSTOP)  # alive, but gone for good
    host.hears("client dropped")
    assert served(host.port)
    client.kill()
    client.communicate()


def test_the_next_client_need_not_wait_for_the_time_of_a_dead_one(start: Start) -> None:
    host = start("race")
    client = holder(host, 600_000_000)
    client.kill()
    client.communicate()
    assert served(host.port)


def test_a_line_that_was_cut_is_noticed_at_the_next_word(start: Start) -> None:
    host = start("menus")
    with Raw(host.port) as client:
        client.go(MENUS)
        client.number()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as a crash does
    host.do("race")
    host.hears("it has closed the line")
    assert served(host.port)


def test_leaving_in_the_middle_of_a_wait_frees_the_game_at_once(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go(TIMEOUT, 600_000_000)
        client.step()
        client.send(SHUTDOWN)
        assert client.hung_up()
    assert served(host.port)


def test_leaving_cancels_what_was_asked_for(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go()
        client.step()
        client.send(REQUEST, 64, 64, SHUTDOWN)
        assert client.hung_up()
    assert served(host.port)


def test_the_newest_client_has_the_game(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as first, Raw(host.port) as second:
        first.go()
        second.go()
        second.steps(50)
        assert first.hung_up()


def test_of_several_at_the_door_the_last_one_stays(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as holding:
        holding.go()
        holding.step()
        waiting = [Raw(host.port) for _ in range(3)]
        holding.send(STEP)
        for client in waiting[:-1]:
            client.go()
            client.steps(1)
            assert client.hung_up()
        waiting[-1].go()
        waiting[-1].steps(20)
        for client in waiting:
            client.socket.close()


def test_everybody_who_waited_behind_a_silent_one_is_greeted(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as silent:
        silent.go(TIMEOUT, 60_000)
        silent.step()
        with Raw(host.port) as first, Raw(host.port) as second:
            first.go()
            first.steps(1)
            assert first.hung_up()
            second.go()
            second.steps(3)


def test_nobody_is_spoken_to_while_another_one_holds_the_game(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as first, Raw(host.port) as second:
        first.greeted()
        assert second.silent(0.3)
        first.send(GREETING)
        second.go()
        second.steps(2)


def test_a_client_that_thinks_for_long_keeps_the_game_if_nobody_waits(start: Start) -> None:
    with Raw(start("race").port) as client:
        client.go(TIMEOUT, 60_000)
        at = client.step()
        assert client.silent(1.5)
        client.send(STEP)
        assert client.step() == at + 10


def test_the_game_goes_on_when_nobody_is_there(start: Start) -> None:
    host = start("frozen 2", "race 100")
    with Raw(host.port) as client:
        client.go()
        client.step_at(50)
        client.send(SHUTDOWN)
        assert client.hung_up()
    host.hears("end dialog")  # the race has ended without us
    with Raw(host.port) as client:
        client.go()
        assert client.silent()
        host.order("race 100")
        client.steps(2)


def test_the_period_survives_a_new_connection(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go(PERIOD, 100)
        client.step()
        client.send(SHUTDOWN)
    with Raw(host.port) as client:
        client.go()
        assert [at % 100 for at in client.steps(3)] == [0, 0, 0]


def test_during_the_start_up_screens_the_greeting_waits_for_the_menus(start: Start) -> None:
    host = start("startup")
    host.hears("Port set")
    with Raw(host.port) as first:
        assert first.silent()
        with Raw(host.port) as last:
            host.do("menus")
            last.greeted().send(MENUS)
            assert last.number() == 1
            assert first.hung_up()


def test_a_race_before_the_menus_is_told_and_the_greeting_comes_after_it(start: Start) -> None:
    host = start("startup")
    host.hears("Port set")
    with Raw(host.port) as client:
        assert client.silent()
        host.order("race")
        client.steps(3)
        host.order("menus")
        while (message := client.number()) == STEP:
            client.number()
            client.send(STEP)
        assert message == GREETING


def test_before_the_port_is_set_frames_are_drawn_without_an_error(start: Start) -> None:
    host = start("race")  # `start` looks that no script has thrown
    host.hears("Port set to " + str(host.port))
    assert served(host.port)


def test_a_port_that_is_taken_is_tried_again(start: Start) -> None:
    port = free_port()
    first = start("race", port=port)
    first.hears("Port set")
    second = start("race", port=port)
    assert "is taken" in second.hears("log error")
    first.kill()
    second.hears("Port set")
    assert served(second.port)
    assert len([line for line in second.said if "is taken" in line]) == 1


def test_the_port_can_be_opened_again_from_the_console(start: Start) -> None:
    host = start("race")
    with Raw(host.port) as client:
        client.go()
        another = free_port()
        host.order(f"console set custom_port {another}")
        client.steps(5)
        host.order("console tmxdb_link")
        client.steps(5)  # the link stays
        host.hears(f"Port set to {another}")
    with Raw(another) as client:
        client.go()


def test_when_the_plugin_is_switched_off_its_client_hears_of_it(start: Start) -> None:
    host = start("menus")
    with Raw(host.port) as client:
        client.go()
        host.do("disable")
        assert client.hung_up()
