"""The bytes of the Python Link plugin of TMInterface 2, in both directions. Pure functions.

Sources: docs/facts/tminterface.md#protocol; the table of messages is docs/reference/game-protocol.md#on-the-wire.
Numbers are 4 bytes, little-endian. Messages have no frame and no length prefix: after one number too few or too many,
everything that follows is misread.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from tmxdb.errors import InvalidInput
from tmxdb.game.buffers import BufferPool
from tmxdb.game.driver import CheckpointEvent, ConnectedEvent, Event, Frame, GameStateEvent, LapEvent, StepEvent


class SyncMessage(IntEnum):
    """Messages from the game. It stands still until the same number comes back."""

    STEP = 1
    CHECKPOINT = 2
    LAP = 3
    FRAME = 4
    CONNECTED = 5
    STATE_CHANGED = 37  # TmxdbLink only, after REPORT_STATES


class ClientMessage(IntEnum):
    """Messages to the game. It reads them only while it waits for the answer to a SyncMessage."""

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
    HELLO = 24  # from here on TmxdbLink only
    GET_GAME_STATE = 25
    GET_MAP = 26
    FOCUS_WINDOW = 27
    GET_CAMERA = 28
    GET_CAR = 29
    GET_EVENTS = 30
    SET_SCRIPT = 31
    GET_SCRIPT = 32
    READ_SCRIPT_FILE = 33
    GET_USER_FOLDER = 34
    FORCE_FRAME = 35
    REPORT_STATES = 36


NUMBER = struct.Struct("<i")
EVENT_BYTES = {
    SyncMessage.STEP: 4,
    SyncMessage.CHECKPOINT: 8,
    SyncMessage.LAP: 8,
    SyncMessage.CONNECTED: 0,
    SyncMessage.STATE_CHANGED: 4,
}
"""How many bytes follow the number. A frame has as many as its requested size needs."""

MAX_STATE_BYTES = 2**20
"""A state has 8356 bytes and 12 for each checkpoint (docs/facts/tminterface.md#simulation-state): room for 80 000."""
MAX_INPUTS_BYTES = 2**24
"""The inputs as text, about 30 bytes for each change: room for half a million."""
MAX_SIDE = 16384
"""The longest side of a frame in pixels; no window is larger."""

HELLO_REPLY = 0x4B4C4D54
"""The first number of the reply to HELLO: "TMLK". Plugins without HELLO skip it and send no reply."""
MAX_TEXT_BYTES = 2**16
"""Capabilities, or the uid and name of a map."""

_PAIR = struct.Struct("<ii")


def event(number: int, payload: bytes | bytearray | memoryview) -> Event:
    """Return the event of a message with EVENT_BYTES of payload. Raise KeyError for other numbers.

    Frames are made by `frame`.
    """
    if number == SyncMessage.STEP:
        return StepEvent(NUMBER.unpack_from(payload)[0])
    if number == SyncMessage.CHECKPOINT:
        return CheckpointEvent(*_PAIR.unpack_from(payload))
    if number == SyncMessage.LAP:
        return LapEvent(*_PAIR.unpack_from(payload))
    if number == SyncMessage.CONNECTED:
        return ConnectedEvent()
    if number == SyncMessage.STATE_CHANGED:
        return GameStateEvent(NUMBER.unpack_from(payload)[0])
    raise KeyError(number)


def frame(
    width: int,
    height: int,
    pixels: bytes | bytearray,
    *,
    source_size: tuple[int, int] | None = None,
    pool: BufferPool | None = None,
) -> Frame:
    """Return a picture: blue, green, red, unused; top row first (docs/facts/tminterface.md#frames).

    The row order was never checked with the real game: this is the one place to flip it.
    """
    return Frame(width, height, pixels, source_size, pool)


def frame_bytes(width: int, height: int) -> int:
    """Return how many bytes a frame of this size has: four per pixel."""
    return width * height * 4


def answer(number: int) -> bytes:
    """Return the answer that lets the game go on after the SyncMessage of this number."""
    return NUMBER.pack(number)


def set_speed(speed: float) -> bytes:
    """Set game seconds per wall second: f32."""
    return struct.pack("<if", ClientMessage.SET_SPEED, speed)


def rewind_to_state(state: bytes) -> bytes:
    """Rewind to a state from GET_STATE; the next step is 10 ms later. Only in a race."""
    return struct.pack("<ii", ClientMessage.REWIND_TO_STATE, len(state)) + state


def set_inputs(*, left: bool, right: bool, accelerate: bool, brake: bool) -> bytes:
    """Press these keys from now on: 4 bytes. Only in a race.

    Do not use it while a script drives: that crashed 2.2.1 (docs/facts/tminterface.md#run-steps).
    """
    return struct.pack("<i4B", ClientMessage.SET_INPUTS, left, right, accelerate, brake)


def execute(command: str) -> bytes:
    """Queue a line for the console. Raise InvalidInput unless it is printable ASCII.

    How the game decodes other bytes is not established.
    """
    try:
        line = command.encode("ascii")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"console command {command!r}: {command[error.start]!r} is not ASCII, and the game takes only ASCII."
            " Rename the file or map that it names.",
            code="input.command",
        ) from error
    if not command.isprintable():
        raise InvalidInput(f"console command {command!r}: has control characters. Remove them.", code="input.command")
    return struct.pack("<ii", ClientMessage.EXECUTE, len(line)) + line


def set_response_timeout(timeout_ms: int) -> bytes:
    """Set how long the game waits for an answer, counted from the SyncMessage in progress: u32."""
    return struct.pack("<iI", ClientMessage.SET_RESPONSE_TIMEOUT, timeout_ms)


def request_frame(width: int, height: int, *, forced: bool = False) -> bytes:
    """Request one picture of this size, or have it rendered now and sent as a reply (`forced`, TmxdbLink only).

    Raise ValueError for sizes that no window has: 0 would still be a capture.
    """
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ValueError(f"cannot request a frame of {width} x {height} pixels")
    return struct.pack("<iii", ClientMessage.FORCE_FRAME if forced else ClientMessage.REQUEST_FRAME, width, height)


def set_step_period(period_ms: int) -> bytes:
    """Report each tick whose race time is a multiple of `period_ms`. Raise ValueError below 1: 0 stops all steps."""
    if period_ms < 1:
        raise ValueError(f"a step period of {period_ms} ms would stop all steps")
    return struct.pack("<ii", ClientMessage.SET_STEP_PERIOD, period_ms)


def show_hud(shown: bool) -> bytes:
    """Show or hide the race display: i32 0 or 1."""
    return struct.pack("<ii", ClientMessage.SHOW_HUD, shown)


def with_text(message: ClientMessage, text: bytes) -> bytes:
    """Return a message whose payload is a text with its length in front."""
    return struct.pack("<ii", message, len(text)) + text


def bare(message: ClientMessage) -> bytes:
    """Return a message without a payload."""
    return NUMBER.pack(message)
