"""The questions that only TmxdbLink answers, and how its replies are read.

The replies are described in docs/reference/game-protocol.md#replies-of-tmxdblink.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import TypeVar

from tmxdb.errors import GameError
from tmxdb.game.buffers import BufferPool
from tmxdb.game.capabilities import CAMERA, CAR, EVENTS, FOLDER, RENDER, SCRIPT, STATE_EVENTS, Capabilities
from tmxdb.game.driver import Frame
from tmxdb.game.state import Camera, CarDetails, GameInput, WheelState
from tmxdb.game.tminterface2 import messages
from tmxdb.game.tminterface2.channel import QuestionChannel
from tmxdb.game.tminterface2.messages import ClientMessage

T = TypeVar("T")

MAX_SCRIPT_BYTES = 2**24
"""The plugin's limit. Longer scripts are loaded from a file."""
_WHEELS = 4


class LinkQuestions:
    """The PluginLink of one connection."""

    def __init__(self, channel: QuestionChannel, capabilities: Capabilities, buffers: BufferPool) -> None:
        self._channel, self._capabilities, self._buffers = channel, capabilities, buffers

    def report_states(self) -> bool | None:
        if STATE_EVENTS not in self._capabilities:
            return None
        self._channel.command(struct.pack("<ii", ClientMessage.REPORT_STATES, 1))
        return True

    def camera(self) -> Camera | None:
        text = self._text(CAMERA, ClientMessage.GET_CAMERA)
        return self._parsed(parse_camera, text) if text else None

    def car_details(self) -> CarDetails | None:
        text = self._text(CAR, ClientMessage.GET_CAR)
        return self.parse_car(text) if text else None

    def parse_car(self, text: str) -> CarDetails:
        """Return the reply to GET_CAR, or close the connection."""
        return self._parsed(parse_car_details, text)

    def input_events(self) -> tuple[GameInput, ...] | None:
        text = self._text(EVENTS, ClientMessage.GET_EVENTS, messages.MAX_INPUTS_BYTES)
        return None if text is None else self._parsed(parse_events, text)

    def load_script(self, text: str) -> bool | None:
        if SCRIPT not in self._capabilities:
            return None
        data = text.encode("ascii")
        if len(data) > MAX_SCRIPT_BYTES:
            return None
        self._channel.command(messages.with_text(ClientMessage.SET_SCRIPT, data))
        return True

    def script_inputs(self) -> int | None:
        if SCRIPT not in self._capabilities:
            return None
        self._channel.ask(ClientMessage.GET_SCRIPT)
        return self._channel.read_number(ClientMessage.GET_SCRIPT, -2, 2**31 - 1)

    def read_script_file(self, name: str) -> str | None:
        if SCRIPT not in self._capabilities:
            return None
        self._channel.command(messages.with_text(ClientMessage.READ_SCRIPT_FILE, name.encode("ascii")))
        self._channel.flush()
        return self._channel.read_string(ClientMessage.READ_SCRIPT_FILE, MAX_SCRIPT_BYTES)

    def user_folder(self) -> str | None:
        return self._text(FOLDER, ClientMessage.GET_USER_FOLDER)

    def force_frame(self, width: int, height: int) -> Frame | None:
        if RENDER not in self._capabilities:
            return None
        self._channel.command(messages.request_frame(width, height, forced=True))
        self._channel.flush()
        size = messages.frame_bytes(width, height)
        pixels = self._channel.read_pixels(ClientMessage.FORCE_FRAME, size, self._buffers)
        return None if pixels is None else messages.frame(width, height, pixels, pool=self._buffers)

    def _text(self, capability: str, question: ClientMessage, max_bytes: int = messages.MAX_TEXT_BYTES) -> str | None:
        if capability not in self._capabilities:
            return None
        self._channel.ask(question)
        return self._channel.read_string(question, max_bytes)

    def _parsed(self, parse: Callable[[str], T], text: str) -> T:
        try:
            return parse(text)
        except GameError as error:
            self._channel.connected().broken(error.message)


def parse_camera(text: str) -> Camera:
    """Read 13 numbers: three rows of a rotation, a position, and the field of view. Raise GameError."""
    x1, x2, x3, y1, y2, y3, z1, z2, z3, x, y, z, fov = _numbers(text.split(), 13)
    return Camera(((x1, x2, x3), (y1, y2, y3), (z1, z2, z3)), (x, y, z), fov)


def parse_car_details(text: str) -> CarDetails:
    """Read a line for each part of the car: its name, then numbers. Raise GameError."""
    wheels: list[WheelState] = []
    parts: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, *values = line.split()
        if name == "wheel":
            ground, sliding, damper, material, contacts = _numbers(values, 5)
            wheels.append(WheelState(ground != 0, sliding != 0, damper, int(material), int(contacts)))
        else:
            parts[name] = values
    if len(wheels) != _WHEELS:
        raise _unreadable(f"{len(wheels)} wheels")
    rpm, max_rpm, slide_factor, gear, rear_gear, gearbox = _numbers(parts.get("engine", []), 6)
    gas, brake, steer = _numbers(parts.get("inputs", []), 3)
    free_wheeling, sliding, lateral, burnout = _numbers(parts.get("contact", []), 4)
    turbo, boost, last_turbo = _numbers(parts.get("turbo", []), 3)
    right, up, ahead = _numbers(parts.get("speed", []), 3)
    return CarDetails(
        wheels=(wheels[0], wheels[1], wheels[2], wheels[3]),
        rpm=rpm,
        max_rpm=max_rpm,
        slide_factor=slide_factor,
        gear=int(gear),
        rear_gear=int(rear_gear),
        gearbox_state=int(gearbox),
        input_gas=gas,
        input_brake=brake,
        input_steer=steer,
        free_wheeling=free_wheeling != 0,
        sliding=sliding != 0,
        lateral_contact=lateral != 0,
        burnout=int(burnout),
        turbo=int(turbo),
        turbo_boost=boost,
        last_turbo_time=int(last_turbo),
        local_speed=(right, up, ahead),
    )


def parse_events(text: str) -> tuple[GameInput, ...]:
    """Read a line for each event: time, control, value. Raise GameError."""
    events = []
    for line in text.splitlines():
        try:
            time_ms, control, value = line.split()
            events.append(GameInput(int(time_ms), control, int(value)))
        except ValueError:
            raise _unreadable(f"input event {line[:40]!r}") from None
    return tuple(events)


def _numbers(words: list[str], count: int) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise _unreadable(" ".join(words)[:60])
    return numbers


def _unreadable(what: str) -> GameError:
    return GameError(f"sent a reply that cannot be read ({what!r})", code="game.bad_state")
