"""The interface of all drivers: events in, commands out.

A game stands still (physics, picture and clock) from the moment `wait` returns an event until `answer`. A driver may
ask and command only in between, and answers last (docs/facts/tminterface.md#who-may-speak-when).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from tmxdb.game.buffers import BufferPool
from tmxdb.game.capabilities import Capabilities, RunningMap
from tmxdb.game.state import Camera, CarDetails, CarState, GameInput


@dataclass(frozen=True, slots=True)
class ConnectedEvent:
    """The game greets a new connection. Its state may be any: menus, intro, race, end dialog."""


@dataclass(frozen=True, slots=True)
class StepEvent:
    """A tick of the race clock. `race_time_ms` is negative in the countdown and frozen after the finish."""

    race_time_ms: int


@dataclass(frozen=True, slots=True)
class CheckpointEvent:
    """The number of passed checkpoints has changed. May come before or after the StepEvent of its tick."""

    current: int
    target: int


@dataclass(frozen=True, slots=True)
class LapEvent:
    """The number of finished laps has changed. `target`: -1 if this game does not report it (TMInterface 1.4)."""

    current: int
    target: int


@dataclass(frozen=True, slots=True)
class GameStateEvent:
    """The state of the game has changed: one of GameState, or another number. Comes only if it was asked for."""

    state: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A requested picture. It carries no time: it shows the tick of the last StepEvent before it.

    `width`, `height`: as requested. `pixels`: rows, top row first, of four bytes a pixel: blue, green, red, unused.
    `source_size`: width and height of `pixels` where they differ from the request. Scaling takes milliseconds in which
    the game would stand still, so it is left to the code that stores the picture.
    """

    width: int
    height: int
    pixels: bytes | bytearray
    source_size: tuple[int, int] | None = None
    pool: BufferPool | None = field(default=None, compare=False, repr=False)

    def release(self) -> None:
        """Let the next picture reuse the memory of this one. Optional: without it, each picture allocates its own."""
        if self.pool is not None and isinstance(self.pixels, bytearray):
            self.pool.release(self.pixels)

    @property
    def pixels_size(self) -> tuple[int, int]:
        """Width and height of `pixels`."""
        return self.source_size or (self.width, self.height)


Event = ConnectedEvent | StepEvent | CheckpointEvent | LapEvent | Frame | GameStateEvent


class PluginLink(Protocol):
    """What only TmxdbLink can tell or do, beyond the protocol that all plugins share.

    Each method needs an unanswered event and returns None if the plugin lacks its capability
    (docs/facts/tminterface.md#plugin-api).
    """

    def report_states(self) -> bool | None:
        """Have the game send a GameStateEvent whenever its state changes. Return True."""

    def camera(self) -> Camera | None:
        """Return the camera of the last rendered frame. Also None outside a race."""

    def car_details(self) -> CarDetails | None:
        """Return wheels, engine and contacts at this tick. Also None outside a race."""

    def input_events(self) -> tuple[GameInput, ...] | None:
        """Return the inputs of this race in the order of the game's buffer."""

    def load_script(self, text: str) -> bool | None:
        """Make a text the current script. Return True; None also if it is too long. `script_inputs` confirms it."""

    def script_inputs(self) -> int | None:
        """Return how many inputs the script of `load_script` has; -1 if there is none, -2 while it is processed."""

    def read_script_file(self, name: str) -> str | None:
        """Return the content of a file in the scripts folder, as the game reads it. It may fail for a missing file."""

    def user_folder(self) -> str | None:
        """Return the folder that the game calls its user's, in the form of its own system."""

    def force_frame(self, width: int, height: int) -> Frame | None:
        """Render this tick and return its picture; None also if the game could not.

        The camera is reset before such a frame is rendered: docs/facts/tminterface.md#frames.
        """


class Driver(Protocol):
    """One running game. All methods but `connect`, `wait` and `close` need an unanswered event.

    Raise GameExited if the connection is broken (closed, reset, or an invalid message), GameTimeout if nothing comes in
    time. After GameExited only `close` and `connect` are allowed. Not thread-safe.
    """

    def connect(self, timeout_s: float) -> None:
        """Connect to the game, trying again for `timeout_s` seconds: a game takes up to a minute to start.

        The first event need not be ConnectedEvent. Raise GameExited.
        """

    def wait(self, timeout_s: float) -> Event:
        """Return the next event; the game now stands still. Raise GameTimeout, GameExited."""

    def answer(self) -> None:
        """Let the game go on. Call it exactly once for each event."""

    def answer_and_get_state(self) -> CarState:
        """Let the game go on, and return the car at the answered tick. Only in a race.

        The same as `state` and `answer`, with one message less for the game to wait for; and with the details of the
        car if the game reports them.
        """

    def close(self) -> None:
        """Leave the game, whatever state the connection is in: it must not go on waiting for us. Never raises."""

    def execute(self, command: str) -> None:
        """Queue a line for the game's console. There is no reply. Raise InvalidInput unless it is printable ASCII.

        Lines that are queued in one frame run in any order (docs/facts/tminterface.md#console).
        """

    def give_up(self) -> None:
        """Restart the race: the next StepEvent is the first of a new countdown. Only in a race."""

    def set_speed(self, speed: float) -> None:
        """Set game seconds per wall second."""

    def set_response_timeout(self, timeout_ms: int) -> None:
        """Set how long the game stands still for an answer before it drops the connection."""

    def set_step_period(self, period_ms: int) -> None:
        """Report each tick whose race time is a multiple of `period_ms`. Raise ValueError if it is below 1."""

    def request_frame(self, width: int, height: int) -> None:
        """Request one Frame, in this tick or a later one; the last requested size counts.

        Not allowed while a Frame is unanswered: the game would forget the request.
        """

    def unrequest_frame(self) -> None:
        """Cancel the requested Frame."""

    def show_hud(self, shown: bool) -> None:
        """Show or hide the race display in pictures."""

    def state(self) -> CarState:
        """Return the car at this tick. Only in a race."""

    def in_menus(self) -> bool | None:
        """Return whether the game shows its menus; None if this game cannot say. False in intro and end dialog."""

    def race_finished(self) -> bool:
        """Return whether the finish has been crossed."""

    def capabilities(self) -> Capabilities:
        """Return what this game can say beyond the common protocol. Known from the first event of a connection on."""

    def game_state(self) -> int | None:
        """Return the state of the game, one of GameState or another number; None if this game cannot say."""

    def running_map(self) -> RunningMap | None:
        """Return the loaded map; None if this game cannot say."""

    def focus_window(self) -> None:
        """Show the game's window and give it the focus, if this game can."""

    def link(self) -> PluginLink | None:
        """Return the questions that only TmxdbLink answers; None for other plugins."""

    def inputs(self) -> str | None:
        """Return the inputs of this race so far as script text; None if this game cannot say."""
