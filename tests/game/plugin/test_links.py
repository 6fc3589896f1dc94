"""Clients connect, leave, die or stay silent in every state: the game goes on and accepts the next one."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from tests.game.plugin.conftest import Start
from tests.game.plugin.host import Host
from tests.game.plugin.raw import GREETING, STEP, RawClient, accepts_clients
from tests.ports import free_port

SHUTDOWN, TIMEOUT, REQUEST, PERIOD, MENUS = 13, 15, 17, 19, 22

HOLD = """
import socket, struct, sys, time
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
assert client.recv(4, socket.MSG_WAITALL) == struct.pack("<i", 5)
client.sendall(struct.pack("<ii", 15, int(sys.argv[2])))
print("holding", flush=True)
time.sleep(60)
"""


def client_process(host: Host, timeout_ms: int) -> subprocess.Popen[str]:
    """Start a client process that holds the game and does nothing."""
    host.wait_for_line("Port set")
    client = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(host.port), str(timeout_ms)], stdout=subprocess.PIPE, text=True
    )
    assert client.stdout
    assert client.stdout.readline() == "holding\n"
    return client


def ask_without_end(client: RawClient) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        client.send(MENUS)
        client.number()


def test_a_client_that_does_not_answer_is_dropped_after_its_timeout(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer(TIMEOUT, 300)
        client.step()
        assert client.is_closed()
    host.wait_for_line("no answer for 300 ms")
    with RawClient(host.port) as client:  # the timeout of the first client does not apply to the next
        client.greet()
        assert client.is_closed()
    host.wait_for_line("no answer for 2000 ms")
    assert accepts_clients(host.port)


def test_questions_do_not_extend_the_timeout(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer(TIMEOUT, 400)
        client.step()
        with pytest.raises((AssertionError, ConnectionError)):  # closed
            ask_without_end(client)
    host.wait_for_line("no answer for 400 ms")
    assert accepts_clients(host.port)


def test_a_changed_timeout_applies_to_the_wait_in_progress(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer(TIMEOUT, 60_000)
        client.step()
        client.send(TIMEOUT, 100)
        assert client.is_closed()


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_dead_or_stopped_client_holds_the_game_at_most_for_its_timeout(start: Start, is_killed: bool) -> None:
    host = start("race")
    client = client_process(host, 600)
    if is_killed:
        os.kill(client.pid, signal.SIGKILL)
    else:
        os.kill(client.pid, signal.SIGSTOP)  # alive, but stopped
    host.wait_for_line("client dropped")
    assert accepts_clients(host.port)
    client.kill()
    client.communicate()


def test_the_next_client_does_not_wait_for_the_timeout_of_a_dead_one(start: Start) -> None:
    host = start("race")
    client = client_process(host, 600_000_000)
    client.kill()
    client.communicate()
    assert accepts_clients(host.port)


def test_a_reset_connection_is_noticed_at_the_next_message(start: Start) -> None:
    host = start("menus")
    with RawClient(host.port) as client:
        client.greet_and_answer(MENUS)
        client.number()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # as a crash does
    host.do("race")
    host.wait_for_line("it closed the connection")
    assert accepts_clients(host.port)


def test_shutdown_during_a_wait_frees_the_game_immediately(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer(TIMEOUT, 600_000_000)
        client.step()
        client.send(SHUTDOWN)
        assert client.is_closed()
    assert accepts_clients(host.port)


def test_shutdown_cancels_a_requested_frame(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step()
        client.send(REQUEST, 64, 64, SHUTDOWN)
        assert client.is_closed()
    assert accepts_clients(host.port)


def test_the_newest_client_replaces_the_one_before(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as first, RawClient(host.port) as second:
        first.greet_and_answer()
        second.greet_and_answer()
        second.steps(50)
        assert first.is_closed()


def test_of_several_waiting_clients_the_last_one_stays(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as holding:
        holding.greet_and_answer()
        holding.step()
        waiting = [RawClient(host.port) for _ in range(3)]
        holding.send(STEP)
        for client in waiting[:-1]:
            client.greet_and_answer()
            client.steps(1)
            assert client.is_closed()
        waiting[-1].greet_and_answer()
        waiting[-1].steps(20)
        for client in waiting:
            client.socket.close()


def test_clients_that_wait_behind_a_silent_one_are_greeted(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as silent:
        silent.greet_and_answer(TIMEOUT, 60_000)
        silent.step()
        with RawClient(host.port) as first, RawClient(host.port) as second:
            first.greet_and_answer()
            first.steps(1)
            assert first.is_closed()
            second.greet_and_answer()
            second.steps(3)


def test_a_second_client_gets_nothing_while_the_first_holds_the_game(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as first, RawClient(host.port) as second:
        first.greet()
        assert second.is_silent(0.3)
        first.send(GREETING)
        second.greet_and_answer()
        second.steps(2)


def test_a_slow_client_keeps_the_game_if_no_other_waits(start: Start) -> None:
    with RawClient(start("race").port) as client:
        client.greet_and_answer(TIMEOUT, 60_000)
        at = client.step()
        assert client.is_silent(1.5)
        client.send(STEP)
        assert client.step() == at + 10


def test_the_game_goes_on_without_a_client(start: Start) -> None:
    host = start("frozen 2", "race 100")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        client.step_at(50)
        client.send(SHUTDOWN)
        assert client.is_closed()
    host.wait_for_line("end dialog")  # the race ended without a client
    with RawClient(host.port) as client:
        client.greet_and_answer()
        assert client.is_silent()
        host.send("race 100")
        client.steps(2)


def test_the_step_period_survives_a_reconnect(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer(PERIOD, 100)
        client.step()
        client.send(SHUTDOWN)
    with RawClient(host.port) as client:
        client.greet_and_answer()
        assert [at % 100 for at in client.steps(3)] == [0, 0, 0]


def test_during_the_start_up_screens_the_greeting_waits_for_the_menus(start: Start) -> None:
    host = start("startup")
    host.wait_for_line("Port set")
    with RawClient(host.port) as first:
        assert first.is_silent()
        with RawClient(host.port) as last:
            host.do("menus")
            last.greet().send(MENUS)
            assert last.number() == 1
            assert first.is_closed()


def test_steps_of_a_race_before_the_menus_come_before_the_greeting(start: Start) -> None:
    host = start("startup")
    host.wait_for_line("Port set")
    with RawClient(host.port) as client:
        assert client.is_silent()
        host.send("race")
        client.steps(3)
        host.send("menus")
        while (message := client.number()) == STEP:
            client.number()
            client.send(STEP)
        assert message == GREETING


def test_frames_before_the_port_is_set_cause_no_error(start: Start) -> None:
    host = start("race")  # the fixture checks for script errors
    host.wait_for_line("Port set to " + str(host.port))
    assert accepts_clients(host.port)


def test_a_port_in_use_is_tried_again(start: Start) -> None:
    port = free_port()
    first = start("race", port=port)
    first.wait_for_line("Port set")
    second = start("race", port=port)
    assert "is taken" in second.wait_for_line("log error")
    first.kill()
    second.wait_for_line("Port set")
    assert accepts_clients(second.port)
    assert len([line for line in second.lines if "is taken" in line]) == 1


def test_the_port_can_be_opened_again_from_the_console(start: Start) -> None:
    host = start("race")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        another = free_port()
        host.send(f"console set custom_port {another}")
        client.steps(5)
        host.send("console tmxdb_link")
        client.steps(5)  # the connection stays
        host.wait_for_line(f"Port set to {another}")
    with RawClient(another) as client:
        client.greet_and_answer()


def test_disabling_the_plugin_closes_the_connection(start: Start) -> None:
    host = start("menus")
    with RawClient(host.port) as client:
        client.greet_and_answer()
        host.do("disable")
        assert client.is_closed()
