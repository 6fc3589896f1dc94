"""TMInterface 2 over the socket of its Python Link plugin: one connection, spoken in order, with a limit on everything.

No thread of its own: the thread that uses the driver is the link's one reader. The game says nothing between our
answer and its next message, so there is nothing to read ahead; and a hand-over between threads costs up to 5 ms while
other threads encode pictures. For the same reason what we say is sent in as few pieces as can be: orders wait for the
question or the answer that they go with, for the game obeys them in its order all the same. A large receive buffer lets
the system take a frame while our thread is kept waiting.
Whoever uses it writes no pictures and encodes none while an event is held (sheet of TMInterface, "never write JPEGs").
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time

from tmxdb.errors import GameGone, GameTrouble
from tmxdb.game import messages
from tmxdb.game.buffers import Buffers
from tmxdb.game.driver import Event
from tmxdb.game.link import Link
from tmxdb.game.messages import EVENT_BYTES, Order, Sync
from tmxdb.game.simstate import car_state
from tmxdb.game.state import CarState

log = logging.getLogger(__name__)

RECEIVE_BYTES = 4 * 2**20
"""What the system may take for us: more than a frame of 1000 x 1000 (64 KB lose frames, sheet (g), GEN)."""
RETRY_S = 0.25
LINGER_S = 3.0
"""How long `close` waits for the game to hang up; it does so in its next tick or frame if it runs."""


class SocketDriver:
    """Driver of a game whose plugin listens on `port` of this machine.

    `response_timeout_ms`: what each connection begins with; about 5 s, for it is how long the game stands still when
    this process dies. `reply_s`: the limit on each question; a reply that does not come never will (sheet, "if a game
    call inside a wait throws"), so the link is given up.
    """

    def __init__(
        self, port: int, *, host: str = "127.0.0.1", response_timeout_ms: int = 5000, reply_s: float = 3.0
    ) -> None:
        self.port, self.host = port, host
        self._response_timeout_ms, self._reply_s = response_timeout_ms, reply_s
        self._link: Link | None = None
        self._trouble = "it was never reached"
        self._buffers = Buffers()
        self._unsent = b""  # orders that go with the next question or answer
        self._held = 0  # the number to answer with, or 0: the game runs
        self._greeted = False
        self._frame: tuple[int, int] | None = None

    def __repr__(self) -> str:
        return f"the game on port {self.port}"

    # Reaching and leaving it

    def connect(self, patience_s: float) -> None:
        self.close()
        deadline = time.monotonic() + patience_s
        while True:
            # No probe: each connection replaces the one before, so asking whether the port is open costs the line.
            try:
                self._open(min(2.0, max(0.1, deadline - time.monotonic())))
                return
            except OSError as error:
                if time.monotonic() + RETRY_S > deadline:
                    raise GameGone(
                        f"{self} can not be reached ({error.strerror or error})."
                        " Is it started, with the plugin in it and custom_port set? `tmxdb game check` looks."
                    ) from error
            time.sleep(RETRY_S)

    def close(self) -> None:
        """13 tells the plugin to forget us, and the socket stays open until it has: without that the game would stand
        still until its timeout, for it notices no hang-up (sheet, "Timeouts and connections")."""
        link, self._link, self._trouble = self._link, None, "it was left"
        if link is None:
            return
        last_word = messages.bare(Order.SHUTDOWN)
        with contextlib.suppress(OSError):
            link.close(last_word if link.trouble else self._unsent + last_word, LINGER_S)

    def _open(self, timeout_s: float) -> None:
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # Before connecting: the window that is offered then depends on it.
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.settimeout(timeout_s)
            link.connect((self.host, self.port))
            if link.getsockname() == link.getpeername():
                # Where nobody listens, the system may pick the very port we call as ours, and connect us to ourselves.
                raise ConnectionRefusedError("nobody listens")
        except BaseException:
            link.close()
            raise
        self._link = Link(link, str(self), self._reply_s)
        self._unsent, self._held = b"", 0
        self._greeted, self._frame = False, None

    # Listening

    def wait(self, timeout_s: float) -> Event:
        link = self._linked()
        if self._held:
            raise RuntimeError(f"{self} still waits for an answer")
        number = link.number(time.monotonic() + timeout_s, late=None)
        deadline = time.monotonic() + max(timeout_s, self._reply_s)  # what has begun may end
        if number == Sync.FRAME:
            event = self._read_frame(link, deadline)
        elif number in EVENT_BYTES:
            event = messages.event(number, link.take(EVENT_BYTES[Sync(number)], deadline))
        else:
            link.broken(f"said {number} where a message should begin")
        self._held = number
        if number == Sync.LAP:
            log.debug("%s: %s; its console will log an unknown message 3, which is harmless", self, event)
        if not self._greeted or number == Sync.CONNECTED:
            # A client that we replaced may have left its timeout and a request for a frame of its size behind.
            self._greeted = True
            link.send(messages.set_response_timeout(self._response_timeout_ms) + messages.bare(Order.UNREQUEST_FRAME))
        return event

    def answer(self) -> None:
        self._answer()

    def answer_and_tell(self) -> CarState:
        """The question stands before the answer, so the game tells of the tick that it is held in, and goes on."""
        self._answer(messages.bare(Order.GET_STATE))
        return self._read_state()

    def _answer(self, question: bytes = b"") -> None:
        self._linked()
        if not self._held:
            raise RuntimeError(f"{self} waits for no answer: a second one would let the next event pass unseen")
        number, self._held = self._held, 0
        self._flush(question + messages.answer(number))

    def _read_frame(self, link: Link, deadline: float) -> Event:
        if self._frame is None:
            link.broken("sent a picture that nobody asked for, so its size is not known")
        width, height = self._frame
        pixels = link.take_into(self._buffers, messages.frame_bytes(width, height), deadline)
        return messages.frame(width, height, pixels, home=self._buffers)

    # Commands and questions

    def execute(self, command: str) -> None:
        self._order(messages.execute(command))

    def give_up(self) -> None:
        self._order(messages.bare(Order.GIVE_UP))

    def set_speed(self, speed: float) -> None:
        self._order(messages.set_speed(speed))

    def set_response_timeout(self, timeout_ms: int) -> None:
        self._order(messages.set_response_timeout(timeout_ms))

    def set_step_period(self, period_ms: int) -> None:
        self._order(messages.set_step_period(period_ms))

    def request_frame(self, width: int, height: int) -> None:
        if self._held == Sync.FRAME:
            raise RuntimeError(f"{self} would forget a frame that is asked for while one is held")
        self._order(messages.request_frame(width, height))
        self._frame = width, height

    def unrequest_frame(self) -> None:
        self._order(messages.bare(Order.UNREQUEST_FRAME))
        self._frame = None

    def show_hud(self, shown: bool) -> None:
        self._order(messages.show_hud(shown))

    def state(self) -> CarState:
        self._ask(Order.GET_STATE)
        return self._read_state()

    def in_menus(self) -> bool:
        return self._whether(Order.IN_MENUS)

    def race_finished(self) -> bool:
        return self._whether(Order.RACE_FINISHED)

    def inputs(self) -> str:
        self._ask(Order.GET_INPUTS)
        return bytes(self._read_text(Order.GET_INPUTS, messages.MAX_INPUTS_BYTES)).decode("utf-8", "replace")

    def _whether(self, question: Order) -> bool:
        self._ask(question)
        return self._read_number(question, 0, 1) == 1

    def _order(self, message: bytes) -> None:
        self._linked()
        if not self._held:
            raise RuntimeError(f"{self} listens only while an event is held")
        self._unsent += message

    def _ask(self, question: Order) -> None:
        self._order(messages.bare(question))
        self._flush()

    def _read_state(self) -> CarState:
        data = self._read_text(Order.GET_STATE, messages.MAX_STATE_BYTES)
        try:
            return car_state(data)
        except GameTrouble as error:
            self._linked().broken(str(error))

    def _read_text(self, question: Order, at_most: int) -> memoryview:
        """A reply with its length in front; valid until something else is read."""
        size = self._read_number(question, 0, at_most)
        return self._linked().take(size, time.monotonic() + self._reply_s)

    def _read_number(self, question: Order, lowest: int, highest: int) -> int:
        """The number that a question is answered with."""
        link = self._linked()
        late = f"gave no reply to question {question.value} within {self._reply_s:g} s"
        number = link.number(time.monotonic() + self._reply_s, late)
        if not lowest <= number <= highest:
            link.broken(f"replied {number} to question {question.value}")
        return number

    def _flush(self, last: bytes = b"") -> None:
        """What waits to be sent, and `last`, in one piece."""
        message, self._unsent = self._unsent + last, b""
        self._linked().send(message)

    def _linked(self) -> Link:
        if self._link is None or self._link.trouble:
            trouble = self._trouble if self._link is None else self._link.trouble
            raise GameGone(f"{self} can not be spoken to: {trouble}.")
        return self._link
