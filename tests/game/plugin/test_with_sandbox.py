"""One client gets the same messages from the plugin in its engine and from the stand-in of Python_Link.

Intended differences (docs/reference/game-protocol.md#differences-from-python-link) are not compared.
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.game.plugin.conftest import Start
from tests.game.plugin.raw import CHECKPOINT, FRAME, GREETING, LAP, STEP, RawClient
from tests.sandbox.game.conftest import Folders, folders
from tmxdb_sandbox.game import running_game

__all__ = ["folders"]

REWIND, STATE, GIVE_UP, SHUTDOWN, COMMAND, TIMEOUT, FINISHED, REQUEST = 8, 9, 11, 13, 14, 15, 16, 17
CAMERA, PERIOD, UNREQUEST, INTERFACE, MENUS = 18, 19, 20, 21, 22
RACE = "1000 2000 3050"  # of the sandbox's made replay
PAYLOAD = {STEP: 1, CHECKPOINT: 2, LAP: 2, GREETING: 0}

Port = int
StartGame = Callable[..., Port]


@pytest.fixture
def plugin(start: Start) -> StartGame:
    """Start a game with the plugin, in its menus, whose only map is driven in 3.05 s."""

    def begin(*, step_first: bool = False) -> Port:
        return start(f"step-first {int(step_first)}", "frozen 200", f"race {RACE}", "menus").port

    return begin


@pytest.fixture
def sandbox(folders: Folders) -> Iterator[StartGame]:
    """Start the same game as a stand-in."""
    with ExitStack() as running:

        def begin(*, step_first: bool = False) -> Port:
            settings = {**folders.settings, "checkpoint_first": not step_first, "rewind_loses_inputs": False}
            return running.enter_context(running_game(**settings)).port

        yield begin


def into_race(client: RawClient) -> RawClient:
    """Go from the greeting to the first step of a race that the script drives, unanswered."""
    client.greet()
    for line in (b"set skip_map_load_screens true", b"set countdown_speed 1", b"map First.Challenge.Gbx"):
        client.send(COMMAND, len(line), line)
    client.send(GREETING)
    client.step()
    client.send(COMMAND, 12, b"load run.txt", REQUEST, 8, 8, STEP)
    client.frame(8, 8)
    client.send(FRAME)
    client.step()
    client.send(GIVE_UP, STEP)
    assert client.step() == -2600
    return client


class RandomClient:
    """A client that sends random messages while it holds the game, and records what it receives."""

    def __init__(self, client: RawClient, seed: int) -> None:
        self.client, self.chance = client, random.Random(seed)
        self.received: list[tuple[object, ...]] = []
        self.size = (0, 0)
        self.finished = False
        self.gave_up = 0

    def drive(self, steps_after_finish: int) -> list[tuple[object, ...]]:
        """Drive from an unanswered step until some steps after the finish."""
        held = STEP
        while steps_after_finish:
            self.act(held)
            self.client.send(held)
            held = self.client.number()
            if held == FRAME:
                self.client.read(self.size[0] * self.size[1] * 4)
                self.received.append((FRAME, *self.size))
            else:
                self.received.append((held, *self.client.numbers(PAYLOAD[held])))
            if self.finished and held == STEP:
                steps_after_finish -= 1
        return self.received

    def act(self, held: int) -> None:
        client, chance = self.client, self.chance
        for _ in range(chance.choice([0, 0, 0, 0, 1, 2, 4])):
            match chance.randrange(9):
                case 0:
                    client.send(MENUS, FINISHED)
                    self.received.append(("menus, finished", *client.numbers(2)))
                case 1:
                    state = client.ask(STATE)
                    self.received.append(("state", len(state), *struct.unpack_from("<i", state, 7892), state[8344:]))
                case 2:
                    self.size = chance.randrange(1, 9), chance.randrange(1, 9)
                    client.send(REQUEST, *self.size)
                case 3:
                    client.send(UNREQUEST)
                case 4:
                    client.send(PERIOD, chance.choice([10, 10, 10, 10, 20, 50]))
                case 5:
                    client.send(*[other for other in (STEP, CHECKPOINT, FRAME, GREETING) if other != held])
                case 6:
                    client.send(TIMEOUT, 9000, INTERFACE, chance.randrange(2), CAMERA, COMMAND, 5, b"cam 1")
                case 7 if not self.finished and self.gave_up < 2 and chance.random() < 0.02:
                    self.gave_up += 1
                    client.send(GIVE_UP)
                    return  # questions about a race that was given up are not established
                case 8 if not self.finished and chance.random() < 0.2:
                    client.send(REWIND)
        client.send(FINISHED)
        self.finished = client.number() == 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step_first", [False, True])
def test_both_send_the_same_messages_to_a_random_client(
    plugin: StartGame, sandbox: StartGame, seed: int, step_first: bool
) -> None:
    received = []
    for begin in (plugin, sandbox):
        with RawClient(begin(step_first=step_first)) as client:
            received.append(RandomClient(into_race(client), seed).drive(30))
    ours, theirs = received
    first = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    around = slice(max(0, first - 3), first + 3)
    assert ours[around] == theirs[around]
    assert len(ours) > 100
    assert {message for message, *_ in ours} >= {STEP, CHECKPOINT, LAP, FRAME, "state", "menus, finished"}


@pytest.fixture(params=["plugin", "sandbox"])
def port(request: pytest.FixtureRequest) -> Port:
    """The port of a game in a race without a script."""
    begin: StartGame = request.getfixturevalue(request.param)
    port = begin()
    with RawClient(port) as client:
        into_race(client).send(SHUTDOWN)
        assert client.is_closed()
    return port


@contextmanager
def holding(port: Port) -> Iterator[RawClient]:
    """A client that holds a step."""
    with RawClient(port) as client:
        client.greet_and_answer()
        client.step()
        yield client


def test_a_silent_client_is_dropped_and_the_next_one_has_two_seconds(port: Port) -> None:
    with holding(port) as client:
        client.send(TIMEOUT, 200)
        assert client.is_closed()
    with holding(port) as client:
        assert client.is_silent(1)
        client.send(STEP)
        client.step()
        assert client.is_closed()


def test_shutdown_frees_the_game_and_cancels_the_requested_frame(port: Port) -> None:
    with holding(port) as client:
        client.send(TIMEOUT, 600_000_000, REQUEST, 8, 8, SHUTDOWN)
        assert client.is_closed()
    with holding(port) as client:
        client.send(STEP)
        client.steps(10)


def test_each_waiting_client_is_greeted_and_the_last_one_stays(port: Port) -> None:
    with holding(port) as client, RawClient(port) as second, RawClient(port) as third:
        assert second.is_silent()
        client.send(STEP)
        second.greet_and_answer()
        second.steps(1)
        assert second.is_closed()
        third.greet_and_answer()
        third.steps(10)
        assert client.is_closed()


def test_the_step_period_stays_for_the_next_client(port: Port) -> None:
    with holding(port) as client:
        client.send(PERIOD, 50, SHUTDOWN)
        assert client.is_closed()
    with RawClient(port) as client:
        client.greet_and_answer()
        assert [at % 50 for at in client.steps(4)] == [0] * 4


def test_a_second_answer_skips_the_next_message(port: Port) -> None:
    with holding(port) as client:
        client.send(STEP, STEP)
        at = client.step()
        assert client.step() == at + 10
        client.send(STEP)
        assert client.step() == at + 20


def test_a_frame_requested_in_the_greeting_comes_before_the_next_step(port: Port) -> None:
    with RawClient(port) as client:
        client.greet_and_answer(REQUEST, 8, 8)
        client.frame(8, 8)
        client.send(FRAME)
        client.steps(2)


def test_a_message_can_arrive_byte_by_byte(port: Port) -> None:
    with holding(port) as client:
        for byte in struct.pack("<ii5sii", COMMAND, 5, b"cam 1", PERIOD, 100):
            client.send(bytes([byte]))
        client.send(MENUS)
        assert client.number() == 0
        client.send(STEP)
        assert [at % 100 for at in client.steps(3)] == [0] * 3


def test_half_a_message_is_waited_for_until_the_timeout(port: Port) -> None:
    with holding(port) as client:
        client.send(TIMEOUT, 200, COMMAND, 100, b"map ")
        assert client.is_closed()
    with holding(port):
        pass


def test_endless_questions_do_not_extend_the_timeout(port: Port) -> None:
    with holding(port) as client:
        client.send(TIMEOUT, 300)
        with pytest.raises((AssertionError, ConnectionError)):  # closed
            ask_without_end(client)
    with holding(port):
        pass


def ask_without_end(client: RawClient) -> None:
    """Ask until the game closes the connection, with a hundred questions in flight."""
    client.send(*[MENUS] * 100)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        client.send(*[MENUS] * 100)
        client.numbers(100)
