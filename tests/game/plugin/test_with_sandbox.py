"""The plugin in its engine and the sandbox's stand-in of Python_Link: what must be equal, asked of both by one client.

Where our plugin is better on purpose (docs/game-protocol.md) nothing is compared.
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tmxdb.sandbox.game import running_game

from ...sandbox.game.conftest import Folders, folders
from .conftest import Start
from .raw import CHECKPOINT, FRAME, GREETING, LAP, STEP, Raw

__all__ = ["folders"]

REWIND, STATE, GIVE_UP, SHUTDOWN, COMMAND, TIMEOUT, FINISHED, REQUEST = 8, 9, 11, 13, 14, 15, 16, 17
CAMERA, PERIOD, UNREQUEST, INTERFACE, MENUS = 18, 19, 20, 21, 22
RACE = "1000 2000 3050"  # of the sandbox's made replay
PAYLOAD = {STEP: 1, CHECKPOINT: 2, LAP: 2, GREETING: 0}

Port = int
Open = Callable[..., Port]


@pytest.fixture
def plugin(start: Start) -> Open:
    """A game in its menus whose only map is driven in 3.05 s, with our plugin."""

    def begin(*, step_first: bool = False) -> Port:
        return start(f"step-first {int(step_first)}", "frozen 200", f"race {RACE}", "menus").port

    return begin


@pytest.fixture
def sandbox(folders: Folders) -> Iterator[Open]:
    """The same from the sandbox."""
    with ExitStack() as running:

        def begin(*, step_first: bool = False) -> Port:
            settings = {**folders.settings, "checkpoint_first": not step_first, "rewind_loses_inputs": False}
            return running.enter_context(running_game(**settings)).port

        yield begin


def into_race(client: Raw) -> Raw:
    """From the greeting to the first step of a race that the script drives, held."""
    client.greeted()
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


class Reckless:
    """A client that does something by chance while it holds the game, and writes down what the game says to it."""

    def __init__(self, client: Raw, seed: int) -> None:
        self.client, self.chance = client, random.Random(seed)
        self.heard: list[tuple[object, ...]] = []
        self.size = (0, 0)
        self.finished = False
        self.gave_up = 0

    def drive(self, steps_after_finish: int) -> list[tuple[object, ...]]:
        """From a held step to some way behind the finish."""
        held = STEP
        while steps_after_finish:
            self.act(held)
            self.client.send(held)
            held = self.client.number()
            if held == FRAME:
                self.client.read(self.size[0] * self.size[1] * 4)
                self.heard.append((FRAME, *self.size))
            else:
                self.heard.append((held, *self.client.numbers(PAYLOAD[held])))
            if self.finished and held == STEP:
                steps_after_finish -= 1
        return self.heard

    def act(self, held: int) -> None:
        client, chance = self.client, self.chance
        for _ in range(chance.choice([0, 0, 0, 0, 1, 2, 4])):
            match chance.randrange(9):
                case 0:
                    client.send(MENUS, FINISHED)
                    self.heard.append(("menus, finished", *client.numbers(2)))
                case 1:
                    state = client.ask(STATE)
                    self.heard.append(("state", len(state), *struct.unpack_from("<i", state, 7892), state[8344:]))
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
                    return  # what is asked now of a race that is over nobody knows
                case 8 if not self.finished and chance.random() < 0.2:
                    client.send(REWIND)
        client.send(FINISHED)
        self.finished = client.number() == 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step_first", [False, True])
def test_both_say_the_same_word_for_word_to_a_reckless_client(
    plugin: Open, sandbox: Open, seed: int, step_first: bool
) -> None:
    heard = []
    for begin in (plugin, sandbox):
        with Raw(begin(step_first=step_first)) as client:
            heard.append(Reckless(into_race(client), seed).drive(30))
    ours, theirs = heard
    first = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    around = slice(max(0, first - 3), first + 3)
    assert ours[around] == theirs[around]
    assert len(ours) > 100
    assert {message for message, *_ in ours} >= {STEP, CHECKPOINT, LAP, FRAME, "state", "menus, finished"}


@pytest.fixture(params=["plugin", "sandbox"])
def port(request: pytest.FixtureRequest) -> Port:
    """Of a game in a race that nobody drives."""
    begin: Open = request.getfixturevalue(request.param)
    port = begin()
    with Raw(port) as client:
        into_race(client).send(SHUTDOWN)
        assert client.hung_up()
    return port


@contextmanager
def holding(port: Port) -> Iterator[Raw]:
    """A client that holds a step."""
    with Raw(port) as client:
        client.go()
        client.step()
        yield client


def test_a_client_that_says_nothing_is_dropped_and_the_next_one_has_two_seconds(port: Port) -> None:
    with holding(port) as client:
        client.send(TIMEOUT, 200)
        assert client.hung_up()
    with holding(port) as client:
        assert client.silent(1)
        client.send(STEP)
        client.step()
        assert client.hung_up()


def test_a_goodbye_frees_the_game_and_takes_the_request_for_a_picture_along(port: Port) -> None:
    with holding(port) as client:
        client.send(TIMEOUT, 600_000_000, REQUEST, 8, 8, SHUTDOWN)
        assert client.hung_up()
    with holding(port) as client:
        client.send(STEP)
        client.steps(10)


def test_each_of_several_at_the_door_is_greeted_and_the_last_one_stays(port: Port) -> None:
    with holding(port) as client, Raw(port) as second, Raw(port) as third:
        assert second.silent()
        client.send(STEP)
        second.go()
        second.steps(1)
        assert second.hung_up()
        third.go()
        third.steps(10)
        assert client.hung_up()


def test_the_period_stays_for_the_next_client(port: Port) -> None:
    with holding(port) as client:
        client.send(PERIOD, 50, SHUTDOWN)
        assert client.hung_up()
    with Raw(port) as client:
        client.go()
        assert [at % 50 for at in client.steps(4)] == [0] * 4


def test_an_answer_too_many_lets_the_next_message_pass_unseen(port: Port) -> None:
    with holding(port) as client:
        client.send(STEP, STEP)
        at = client.step()
        assert client.step() == at + 10
        client.send(STEP)
        assert client.step() == at + 20


def test_a_picture_asked_for_in_the_greeting_comes_before_the_next_step(port: Port) -> None:
    with Raw(port) as client:
        client.go(REQUEST, 8, 8)
        client.frame(8, 8)
        client.send(FRAME)
        client.steps(2)


def test_every_byte_of_a_message_may_come_alone(port: Port) -> None:
    with holding(port) as client:
        for byte in struct.pack("<ii5sii", COMMAND, 5, b"cam 1", PERIOD, 100):
            client.send(bytes([byte]))
        client.send(MENUS)
        assert client.number() == 0
        client.send(STEP)
        assert [at % 100 for at in client.steps(3)] == [0] * 3


def test_half_a_message_is_waited_for_no_longer_than_the_time_allows(port: Port) -> None:
    with holding(port) as client:
        client.send(TIMEOUT, 200, COMMAND, 100, b"map ")
        assert client.hung_up()
    with holding(port):
        pass


def test_questions_without_end_buy_no_time(port: Port) -> None:
    with holding(port) as client:
        client.send(TIMEOUT, 300)
        with pytest.raises((AssertionError, ConnectionError)):  # hung up
            ask_without_end(client)
    with holding(port):
        pass


def ask_without_end(client: Raw) -> None:
    """For 8 s, with a hundred questions always on their way."""
    client.send(*[MENUS] * 100)
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        client.send(*[MENUS] * 100)
        client.numbers(100)
