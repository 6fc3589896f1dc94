"""The driver of TMInterface 2, which talks to the Python Link plugin, or to tmxdb's own, over a socket.

It has no thread of its own: the thread that uses the driver is the only reader. The game sends nothing between our
answer and its next message, so there is nothing to read ahead, and a hand-over between threads costs up to 5 ms while
other threads encode pictures. For the same reason commands are sent in as few pieces as possible: they wait for the
next question or answer, which the game reads after them anyway. A large receive buffer lets the system take a frame
while our thread is delayed. Users of the driver encode and write no pictures while an event is unanswered
(docs/facts/tminterface.md#frames).
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import socket
import time
from collections.abc import Callable

from tmxdb.errors import GameError, GameExited
from tmxdb.game.buffers import BufferPool
from tmxdb.game.capabilities import CAR, FOCUS, GAME_STATE, NO_CAPABILITIES, RUNNING_MAP, Capabilities, RunningMap
from tmxdb.game.driver import Event
from tmxdb.game.simstate import car_state
from tmxdb.game.state import CarState
from tmxdb.game.tminterface2 import messages
from tmxdb.game.tminterface2.channel import QuestionChannel
from tmxdb.game.tminterface2.connection import SocketConnection
from tmxdb.game.tminterface2.link import LinkQuestions
from tmxdb.game.tminterface2.messages import EVENT_BYTES, ClientMessage, SyncMessage

log = logging.getLogger(__name__)

RECEIVE_BYTES = 4 * 2**20
"""The system's receive buffer: more than a frame of 1000 x 1000 pixels."""
RETRY_S = 0.25
LINGER_S = 3.0
"""How long `close` waits for the game to close the connection. A running game does so in its next tick or frame."""


class SocketDriver(QuestionChannel):
    """The driver of a game whose plugin listens on `port` of this machine.

    `response_timeout_ms`: set for each connection. It is how long the game stands still if this process dies.
    `reply_s`: limit on each question. A reply that does not come in time never comes, so the connection is given up
    (docs/facts/tminterface.md#who-may-speak-when). `handshake`: ask each connection for its capabilities.
    `is_stopping`: returns whether to give up connecting before its time is over.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        response_timeout_ms: int = 10_100,
        reply_s: float = 3.0,
        handshake: bool = True,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(reply_s)
        self.port, self.host = port, host
        self._handshake, self._is_stopping = handshake, is_stopping
        self._capabilities = NO_CAPABILITIES
        self._link: LinkQuestions | None = None
        self._reports_inputs: bool | None = None  # whether the plugin knows GET_INPUTS; None: not known yet
        self._response_timeout_ms = response_timeout_ms
        self._buffers = BufferPool()
        self._is_set_up = False
        self._frame_size: tuple[int, int] | None = None

    def __repr__(self) -> str:
        return f"the game on port {self.port}"

    # Connecting and leaving

    def connect(self, timeout_s: float) -> None:
        self.close()
        deadline = time.monotonic() + timeout_s
        while True:
            # Connect without probing first: each connection replaces the one before.
            try:
                self._open(min(2.0, max(0.1, deadline - time.monotonic())))
                return
            except OSError as error:
                if time.monotonic() + RETRY_S > deadline or self._is_stopping():
                    raise GameExited(
                        f"{self}: cannot connect ({error.strerror or error}). Start the game with the plugin and with"
                        " custom_port set. `tmxdb game check` says what is missing.",
                        code="game.unreachable",
                    ) from error
            time.sleep(RETRY_S)

    def close(self) -> None:
        """Make the plugin forget us, and keep the socket open until it has.

        Without that the game would stand still until its timeout, because it does not notice a closed connection
        (docs/facts/tminterface.md#timeouts-and-connections).
        """
        connection, self._connection, self._trouble = self._connection, None, "it was closed"
        if connection is None:
            return
        shutdown = messages.bare(ClientMessage.SHUTDOWN)
        with contextlib.suppress(OSError):
            connection.close(shutdown if connection.trouble else self._unsent + shutdown, LINGER_S)

    def _open(self, timeout_s: float) -> None:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # Set before connecting: the window offered to the other side depends on it.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(timeout_s)
            connection.connect((self.host, self.port))
            if connection.getsockname() == connection.getpeername():
                # With no listener, the system may choose our target port as our own and connect us to ourselves.
                raise ConnectionRefusedError("nothing listens")
        except BaseException:
            connection.close()
            raise
        self._connection = SocketConnection(connection, str(self), self._reply_s)
        self._unsent, self._held = b"", 0
        self._is_set_up, self._frame_size = False, None
        self._capabilities, self._reports_inputs, self._link = NO_CAPABILITIES, None, None

    # Events

    def wait(self, timeout_s: float) -> Event:
        connection = self.connected()
        if self._held:
            raise RuntimeError(f"{self}: the last event is unanswered")
        number = connection.number(time.monotonic() + timeout_s, late=None)
        deadline = time.monotonic() + max(timeout_s, self._reply_s)  # for the rest of a message that has begun
        if number == SyncMessage.FRAME:
            event = self._read_frame(connection, deadline)
        elif number in EVENT_BYTES:
            event = messages.event(number, connection.take(EVENT_BYTES[SyncMessage(number)], deadline))
        else:
            connection.broken(f"sent {number} where a message should begin")
        self._held = number
        if number == SyncMessage.LAP:
            log.debug("%s: %s; its console will log an unknown message 3, which is harmless", self, event)
        if not self._is_set_up or number == SyncMessage.CONNECTED:
            # A client that we replaced may have left its timeout, and a frame request of its size.
            connection.send(
                messages.set_response_timeout(self._response_timeout_ms) + messages.bare(ClientMessage.UNREQUEST_FRAME)
            )
            if self._handshake and not self._is_set_up:
                self._shake_hands()
            self._is_set_up = True
        return event

    def _shake_hands(self) -> None:
        """Ask for the capabilities.

        HELLO goes with a question that every plugin knows: one without HELLO skips it and replies only to that one.
        TmxdbLink 1 drops the connection, so the next one is made without a handshake.
        """
        self._handshake = False
        self.command(messages.bare(ClientMessage.HELLO))
        self.ask(ClientMessage.IN_MENUS)
        first = self.read_number(ClientMessage.HELLO, 0, messages.HELLO_REPLY)
        if first == messages.HELLO_REPLY:
            text = self.read_string(ClientMessage.HELLO, messages.MAX_TEXT_BYTES)
            self._capabilities, self._reports_inputs = Capabilities.parse(text), True
            self._link = LinkQuestions(self, self._capabilities, self._buffers)
            self.read_number(ClientMessage.IN_MENUS, 0, 1)
        elif first > 1:
            self.connected().broken(f"replied {first} to question {ClientMessage.IN_MENUS.value}")
        self._handshake = True

    def answer(self) -> None:
        self._answer()

    def answer_and_get_state(self) -> CarState:
        """Send the question before the answer, so that the game replies for the tick it is held in and goes on."""
        if self._link is None or CAR not in self._capabilities:
            self._answer(messages.bare(ClientMessage.GET_STATE))
            return self._read_state()
        self._answer(messages.bare(ClientMessage.GET_STATE) + messages.bare(ClientMessage.GET_CAR))
        state = self._read_state()
        details = self.read_string(ClientMessage.GET_CAR, messages.MAX_TEXT_BYTES)
        return dataclasses.replace(state, details=self._link.parse_car(details) if details else None)

    def _answer(self, question: bytes = b"") -> None:
        self.connected()
        if not self._held:
            raise RuntimeError(f"{self}: no event to answer; a second answer would skip the next event")
        number, self._held = self._held, 0
        self.flush(question + messages.answer(number))

    def _read_frame(self, connection: SocketConnection, deadline: float) -> Event:
        if self._frame_size is None:
            connection.broken("sent a picture that was not requested, so its size is not known")
        width, height = self._frame_size
        pixels = connection.take_from_pool(self._buffers, messages.frame_bytes(width, height), deadline)
        return messages.frame(width, height, pixels, pool=self._buffers)

    # Commands and questions

    def execute(self, command: str) -> None:
        self.command(messages.execute(command))

    def give_up(self) -> None:
        self.command(messages.bare(ClientMessage.GIVE_UP))

    def set_speed(self, speed: float) -> None:
        self.command(messages.set_speed(speed))

    def set_response_timeout(self, timeout_ms: int) -> None:
        self.command(messages.set_response_timeout(timeout_ms))

    def set_step_period(self, period_ms: int) -> None:
        self.command(messages.set_step_period(period_ms))

    def request_frame(self, width: int, height: int) -> None:
        if self._held == SyncMessage.FRAME:
            raise RuntimeError(f"{self} would forget a frame that is requested while one is unanswered")
        self.command(messages.request_frame(width, height))
        self._frame_size = width, height

    def unrequest_frame(self) -> None:
        self.command(messages.bare(ClientMessage.UNREQUEST_FRAME))
        self._frame_size = None

    def show_hud(self, shown: bool) -> None:
        self.command(messages.show_hud(shown))

    def state(self) -> CarState:
        self.ask(ClientMessage.GET_STATE)
        return self._read_state()

    def in_menus(self) -> bool:
        return self._ask_flag(ClientMessage.IN_MENUS)

    def race_finished(self) -> bool:
        return self._ask_flag(ClientMessage.RACE_FINISHED)

    def capabilities(self) -> Capabilities:
        return self._capabilities

    def game_state(self) -> int | None:
        if GAME_STATE not in self._capabilities:
            return None
        self.ask(ClientMessage.GET_GAME_STATE)
        return self.read_number(ClientMessage.GET_GAME_STATE, 0, 2**31 - 1)

    def running_map(self) -> RunningMap | None:
        if RUNNING_MAP not in self._capabilities:
            return None
        self.ask(ClientMessage.GET_MAP)
        text = self.read_string(ClientMessage.GET_MAP, messages.MAX_TEXT_BYTES)
        uid, _, name = text.partition("\n")
        return RunningMap(uid, name)

    def focus_window(self) -> None:
        if FOCUS in self._capabilities:
            self.command(messages.bare(ClientMessage.FOCUS_WINDOW))

    def link(self) -> LinkQuestions | None:
        self.connected()
        return self._link

    def inputs(self) -> str | None:
        if self._reports_inputs is None:
            return self._probe_inputs()
        if not self._reports_inputs:
            return None
        self.ask(ClientMessage.GET_INPUTS)
        return self.read_string(ClientMessage.GET_INPUTS, messages.MAX_INPUTS_BYTES)

    def _probe_inputs(self) -> str | None:
        """Ask for the inputs a plugin that may not know the question: older copies of Python Link skip it.

        The state is asked for with them. Only its reply comes from such a plugin: it has the length of every state of
        this race, and zero bytes, which no script contains.
        """
        self.ask(ClientMessage.GET_STATE)
        state_bytes = len(self.read_text(ClientMessage.GET_STATE, messages.MAX_STATE_BYTES))
        self.command(messages.bare(ClientMessage.GET_INPUTS))
        self.ask(ClientMessage.GET_STATE)
        reply = bytes(self.read_text(ClientMessage.GET_INPUTS, messages.MAX_INPUTS_BYTES))
        self._reports_inputs = not (len(reply) == state_bytes and b"\0" in reply)
        if not self._reports_inputs:
            log.info("%s: its plugin is an older Python Link without the inputs of a race", self)
            return None
        self.read_text(ClientMessage.GET_STATE, messages.MAX_STATE_BYTES)
        return reply.decode("utf-8", "replace")

    def _ask_flag(self, question: ClientMessage) -> bool:
        self.ask(question)
        return self.read_number(question, 0, 1) == 1

    def _read_state(self) -> CarState:
        data = self.read_text(ClientMessage.GET_STATE, messages.MAX_STATE_BYTES)
        try:
            return car_state(data)
        except GameError as error:
            self.connected().broken(str(error))
