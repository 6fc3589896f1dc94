"""TMInterface 2 over the socket of its Python Link plugin: one connection, spoken in order, with a limit on everything.

No thread of its own: the thread that uses the driver is the link's one reader. The game says nothing between our
answer and its next message, so there is nothing to read ahead; and a hand-over between threads costs up to 5 ms while
other threads encode pictures. A large receive buffer lets the system take a frame while our thread is kept waiting.
Whoever uses it writes no pictures and encodes none while an event is held (sheet of TMInterface, "never write JPEGs").
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from typing import NoReturn

from tmxdb.errors import GameGone, GameSilent, GameTrouble
from tmxdb.game import messages
from tmxdb.game.driver import Event
from tmxdb.game.messages import EVENT_BYTES, NUMBER, Order, Sync
from tmxdb.game.simstate import car_state
from tmxdb.game.state import CarState

log = logging.getLogger(__name__)

RECEIVE_BYTES = 4 * 2**20
"""What the system may take for us: more than a frame of 1000 x 1000 (64 KB lose frames, sheet (g), GEN)."""
RETRY_S = 0.25
LINGER_S = 3.0
"""How long `close` waits for the game to hang up; it does so in its next tick or frame if it runs."""
_HEAD_BYTES = 16 * 1024
"""Read at once: an event, a reply, or the first part of a frame."""
_CUT = "stopped in the middle of a message"


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
        self._socket: socket.socket | None = None
        self._trouble = "it was never reached"
        self._head = memoryview(bytearray(_HEAD_BYTES))
        self._from = self._to = 0  # what of `_head` was received and not used yet
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
        link, self._socket, self._trouble = self._socket, None, "it was left"
        if link is None:
            return
        with contextlib.suppress(OSError), link:
            deadline = time.monotonic() + LINGER_S
            link.settimeout(LINGER_S)
            link.sendall(messages.bare(Order.SHUTDOWN))
            while (left := deadline - time.monotonic()) > 0:
                link.settimeout(left)
                # Read, or closing would reset the connection and throw our 13 away with what was not read.
                if not link.recv_into(self._head):
                    break

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
        self._socket, self._trouble = link, ""
        self._from = self._to = self._held = 0
        self._greeted, self._frame = False, None

    # Listening

    def wait(self, timeout_s: float) -> Event:
        link = self._link()
        if self._held:
            raise RuntimeError(f"{self} still waits for an answer")
        self._fill(link, 4, time.monotonic() + timeout_s, late=None)
        number = self._number()
        deadline = time.monotonic() + max(timeout_s, self._reply_s)  # what has begun may end
        if number == Sync.FRAME:
            event = self._read_frame(link, deadline)
        elif number in EVENT_BYTES:
            event = messages.event(number, self._take(link, EVENT_BYTES[Sync(number)], deadline))
        else:
            self._broken(f"said {number} where a message should begin")
        self._held = number
        if number == Sync.LAP:
            log.debug("%s: %s; its console will log an unknown message 3, which is harmless", self, event)
        if not self._greeted or number == Sync.CONNECTED:
            # A client that we replaced may have left its timeout and a request for a frame of its size behind.
            self._greeted = True
            self._send(messages.set_response_timeout(self._response_timeout_ms) + messages.bare(Order.UNREQUEST_FRAME))
        return event

    def answer(self) -> None:
        self._link()
        if not self._held:
            raise RuntimeError(f"{self} waits for no answer: a second one would let the next event pass unseen")
        number, self._held = self._held, 0
        self._send(messages.answer(number))

    def _read_frame(self, link: socket.socket, deadline: float) -> Event:
        if self._frame is None:
            self._broken("sent a picture that nobody asked for, so its size is not known")
        width, height = self._frame
        return messages.frame(width, height, self._read_long(link, messages.frame_bytes(width, height), deadline))

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
        data = self._ask_text(Order.GET_STATE, messages.MAX_STATE_BYTES)
        try:
            return car_state(data)
        except GameTrouble as error:
            self._broken(str(error))

    def in_menus(self) -> bool:
        return self._ask_whether(Order.IN_MENUS)

    def race_finished(self) -> bool:
        return self._ask_whether(Order.RACE_FINISHED)

    def inputs(self) -> str:
        return bytes(self._ask_text(Order.GET_INPUTS, messages.MAX_INPUTS_BYTES)).decode("utf-8", "replace")

    def _order(self, message: bytes) -> None:
        self._link()
        if not self._held:
            raise RuntimeError(f"{self} listens only while an event is held")
        self._send(message)

    def _ask_whether(self, order: Order) -> bool:
        return self._ask(order, 0, 1) == 1

    def _ask_text(self, order: Order, at_most: int) -> memoryview:
        """A reply with its length in front; valid until something else is read."""
        size = self._ask(order, 0, at_most)
        return self._take(self._link(), size, time.monotonic() + self._reply_s)

    def _ask(self, order: Order, lowest: int, highest: int) -> int:
        """The number that a question is answered with."""
        self._order(messages.bare(order))
        late = f"gave no reply to question {order.value} within {self._reply_s:g} s"
        self._fill(self._link(), 4, time.monotonic() + self._reply_s, late=late)
        number = self._number()
        if not lowest <= number <= highest:
            self._broken(f"replied {number} to question {order.value}")
        return number

    # Bytes

    def _send(self, message: bytes) -> None:
        """In one piece: the plugin begins to read as soon as one byte is there (sheet, "Who may speak when")."""
        link = self._link()
        try:
            link.settimeout(self._reply_s)
            link.sendall(message)
        except OSError as error:
            self._broken(f"takes no more messages ({error.strerror or error})", error)

    def _number(self) -> int:
        (number,) = NUMBER.unpack_from(self._head, self._from)
        self._from += 4
        return int(number)

    def _take(self, link: socket.socket, size: int, deadline: float) -> memoryview:
        """The next `size` bytes, valid until something else is read."""
        if size > len(self._head):
            return memoryview(self._read_long(link, size, deadline))
        self._fill(link, size, deadline)
        taken = self._head[self._from : self._from + size]
        self._from += size
        return taken

    def _read_long(self, link: socket.socket, size: int, deadline: float) -> bytearray:
        """Straight from the socket to where it stays, but for what came along with the number."""
        whole = bytearray(size)
        at = min(size, self._to - self._from)
        whole[:at] = self._head[self._from : self._from + at]
        self._from += at
        with memoryview(whole) as rest:
            while at < size:
                at += self._receive(link, rest[at:], deadline)
        return whole

    def _fill(self, link: socket.socket, size: int, deadline: float, late: str | None = _CUT) -> None:
        """Have `size` bytes at hand; `late` as in `_receive`."""
        there = self._to - self._from
        if there >= size:
            return
        if not there or self._from + size > len(self._head):
            self._head[:there] = bytes(self._head[self._from : self._to])
            self._from, self._to = 0, there
        while self._to - self._from < size:
            self._to += self._receive(link, self._head[self._to :], deadline, late)
            late = late or _CUT

    def _receive(self, link: socket.socket, into: memoryview, deadline: float, late: str | None = _CUT) -> int:
        """At least one byte. `late`: what it means if none comes in time; None: that the game is silent."""
        try:
            link.settimeout(max(deadline - time.monotonic(), 0.0))  # 0: only what is there already
            count = link.recv_into(into)
        except (TimeoutError, BlockingIOError):
            if late:
                self._broken(late)
            raise GameSilent(f"{self} has said nothing in the time it had.") from None
        except OSError as error:
            self._broken(f"is gone ({error.strerror or error})", error)
        if not count:
            self._broken("hung up")
        return count

    def _link(self) -> socket.socket:
        if self._socket is None or self._trouble:
            raise GameGone(f"{self} can not be spoken to: {self._trouble}.")
        return self._socket

    def _broken(self, trouble: str, cause: BaseException | None = None) -> NoReturn:
        """What comes now can not be told apart any more; `close` is all that is left."""
        self._trouble = f"it {trouble}"
        raise GameGone(f"{self} {trouble}.") from cause
