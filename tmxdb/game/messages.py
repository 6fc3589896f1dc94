"""The bytes of the Python Link plugin of TMInterface 2, both ways: pure, for whoever holds the socket.

Every fact is from the fact sheet of TMInterface, section (a) "socket protocol of the Python Link plugin", which has it
from the plugin's script (PL) and its reference client (T2). All numbers are 4 bytes, little-endian; there is no framing
and no length in front: one number too few or too many, and all that follows is read as something else.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from tmxdb.errors import BadInput
from tmxdb.game.buffers import Buffers
from tmxdb.game.driver import Checkpoint, Connected, Event, Frame, Lap, Step


class Sync(IntEnum):
    """Messages of the game (table in (a), ids 1-5). It stands still until the same number comes back."""

    STEP = 1
    CHECKPOINT = 2
    LAP = 3
    FRAME = 4
    CONNECTED = 5


class Order(IntEnum):
    """Messages to the game (table in (a), ids 6-23). It reads them only while it waits for an answer to a Sync."""

    SET_SPEED = 6
    REWIND_TO_STATE = 7
    REWIND_TO_CURRENT_STATE = 8
    GET_STATE = 9
    SET_INPUTS = 10
    GIVE_UP = 11
    PREVENT_FINISH = 12
    SHUTDOWN = 13
    EXECUTE = 14
    SET_RESPONSE_TIMEOUT = 15
    RACE_FINISHED = 16
    REQUEST_FRAME = 17
    RESET_CAMERA = 18
    SET_STEP_PERIOD = 19
    UNREQUEST_FRAME = 20
    SHOW_HUD = 21
    IN_MENUS = 22
    GET_INPUTS = 23


NUMBER = struct.Struct("<i")
EVENT_BYTES = {Sync.STEP: 4, Sync.CHECKPOINT: 8, Sync.LAP: 8, Sync.CONNECTED: 0}
"""How much follows the number; a frame has as much as was asked for."""

MAX_STATE_BYTES = 2**20
"""A state has 8356 bytes and 12 for each checkpoint of each lap (sheet (c)): this is 80 000 of them."""
MAX_INPUTS_BYTES = 2**24
"""The inputs as text: a line of some 30 bytes for each change; half a million of them."""
MAX_SIDE = 16384
"""Pixels of a frame's side; no window is larger."""

_PAIR = struct.Struct("<ii")


def event(number: int, payload: bytes | bytearray | memoryview) -> Event:
    """What the game says. `payload`: EVENT_BYTES of it; `frame` makes a Frame. Raises KeyError for other numbers."""
    if number == Sync.STEP:
        return Step(NUMBER.unpack_from(payload)[0])
    if number == Sync.CHECKPOINT:
        return Checkpoint(*_PAIR.unpack_from(payload))
    if number == Sync.LAP:
        return Lap(*_PAIR.unpack_from(payload))
    if number == Sync.CONNECTED:
        return Connected()
    raise KeyError(number)


def frame(
    width: int,
    height: int,
    pixels: bytes | bytearray,
    *,
    grabbed: tuple[int, int] | None = None,
    home: Buffers | None = None,
) -> Frame:
    """A picture. Blue, green, red, no alpha; row order: used from the top without a flip (sheet "Frames", T2 GIM CAP).

    The row order was never seen on the real game: this is the one place to turn it over.
    """
    return Frame(width, height, pixels, grabbed, home)


def frame_bytes(width: int, height: int) -> int:
    """How long a frame of this size is: W*4 bytes a row, no size in front (sheet "Frames")."""
    return width * height * 4


def answer(number: int) -> bytes:
    """Lets the game go on after the Sync of this number."""
    return NUMBER.pack(number)


def set_speed(speed: float) -> bytes:
    """Game seconds in a second of the wall: f32."""
    return struct.pack("<if", Order.SET_SPEED, speed)


def rewind_to_state(state: bytes) -> bytes:
    """Back to a state that GET_STATE gave; the next step is 10 ms later. In a race only."""
    return struct.pack("<ii", Order.REWIND_TO_STATE, len(state)) + state


def set_inputs(*, left: bool, right: bool, accelerate: bool, brake: bool) -> bytes:
    """Press these keys from now on: 4 bytes. In a race only; not while a script drives (that crashed for GEN)."""
    return struct.pack("<i4B", Order.SET_INPUTS, left, right, accelerate, brake)


def execute(command: str) -> bytes:
    """A line for the console: encoded first, then counted, for the count is of bytes.

    The reference client counts characters, and one letter beyond ASCII loses the link; how the game decodes such
    bytes is not known either. So: ASCII only, one line. Raises BadInput with the command in it.
    """
    try:
        line = command.encode("ascii")
    except UnicodeEncodeError as error:
        raise BadInput(
            f"console command {command!r}: {command[error.start]!r} is not ASCII, and the game can not be told it."
            " Rename what it names.",
            code="input.command",
        ) from error
    if not command.isprintable():
        raise BadInput(f"console command {command!r}: has control characters in it", code="input.command")
    return struct.pack("<ii", Order.EXECUTE, len(line)) + line


def set_response_timeout(timeout_ms: int) -> bytes:
    """How long the game stands still for an answer, counted from the Sync that it waits on now: u32."""
    return struct.pack("<iI", Order.SET_RESPONSE_TIMEOUT, timeout_ms)


def request_frame(width: int, height: int) -> bytes:
    """One picture of this size, soon. Raises ValueError for one that no window has: 0 would still be a capture."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ValueError(f"a frame of {width} x {height} pixels can not be asked for")
    return struct.pack("<iii", Order.REQUEST_FRAME, width, height)


def set_step_period(period_ms: int) -> bytes:
    """A Step whenever the race time is a multiple of this. Raises ValueError below 1: 0 is a script error each tick."""
    if period_ms < 1:
        raise ValueError(f"a step period of {period_ms} ms would stop all steps")
    return struct.pack("<ii", Order.SET_STEP_PERIOD, period_ms)


def show_hud(shown: bool) -> bytes:
    """The race's own display on or off: i32 0/1."""
    return struct.pack("<ii", Order.SHOW_HUD, shown)


def bare(order: Order) -> bytes:
    """An order without a payload."""
    return NUMBER.pack(order)
