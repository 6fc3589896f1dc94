"""The words between a game and whoever drives it: events in, commands out. Every way to reach a game speaks them.

A game stands still from the moment `wait` has handed out an event until `answer` lets it go on: physics, picture and
clock. So a driver asks and commands only in between, and answers as the last thing (TMInterface fact sheet, "who may
speak when").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from tmxdb.game.buffers import Buffers
from tmxdb.game.state import CarState


@dataclass(frozen=True, slots=True)
class Connected:
    """The game greets a new connection, in whatever state it is: menus, intro, race, end dialog."""


@dataclass(frozen=True, slots=True)
class Step:
    """A tick of the race clock. `race_time_ms` is negative in the countdown and frozen after the finish."""

    race_time_ms: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The number of passed checkpoints has changed. Whether it comes before or after the tick's Step is not known."""

    current: int
    target: int


@dataclass(frozen=True, slots=True)
class Lap:
    """The number of finished laps has changed. `target`: -1 if this game does not tell it (TMInterface 1.4)."""

    current: int
    target: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture that was asked for. It carries no time: it shows the tick of the last Step before it.

    `width`, `height`: as asked for. `pixels`: rows, top row first, of four bytes for each pixel: blue, green, red, and
    one without meaning. `grabbed`: the width and height of `pixels` where they are not those asked for: to make a
    picture smaller takes milliseconds, in which the game would stand still, so that is for whoever stores it.
    """

    width: int
    height: int
    pixels: bytes | bytearray
    grabbed: tuple[int, int] | None = None
    home: Buffers | None = field(default=None, compare=False, repr=False)

    def release(self) -> None:
        """Its pixels are not looked at any more: the next picture may have their memory. Who does not say so only
        makes that slower."""
        if self.home is not None and isinstance(self.pixels, bytearray):
            self.home.give_back(self.pixels)

    @property
    def pixels_size(self) -> tuple[int, int]:
        """Width and height of `pixels`."""
        return self.grabbed or (self.width, self.height)


Event = Connected | Step | Checkpoint | Lap | Frame


class Driver(Protocol):
    """One running game. All but `connect`, `wait` and `close` only while an event is unanswered.

    Raises GameGone when the link is broken (closed, reset, or nonsense came), GameSilent when nothing comes in time;
    after either of them the only thing to do is `close`. Used by one thread at a time.
    """

    def connect(self, patience_s: float) -> None:
        """Reach the game, trying again for `patience_s` seconds: a game takes a minute to start. The first event
        need not be Connected. Raises GameGone."""

    def wait(self, timeout_s: float) -> Event:
        """The next event; the game stands still now. Raises GameSilent, GameGone."""

    def answer(self) -> None:
        """Let the game go on: exactly once for each event."""

    def answer_and_tell(self) -> CarState:
        """`answer`, and the car at the tick that is answered, as `state` tells it: the game waits for one message
        less. Only in a race."""

    def close(self) -> None:
        """Leave the game to itself, in whatever state the link is: it must not go on waiting for us. Never raises."""

    def execute(self, command: str) -> None:
        """A line for the game's console. Queued there; nothing ever comes back. ASCII only: raises BadInput else."""

    def give_up(self) -> None:
        """Restart the race: the next Step is the first of a new countdown. Only in a race."""

    def set_speed(self, speed: float) -> None:
        """Game seconds in a second of the wall."""

    def set_response_timeout(self, timeout_ms: int) -> None:
        """How long the game stands still for us before it drops us."""

    def set_step_period(self, period_ms: int) -> None:
        """A Step for each tick whose race time is a multiple of this; > 0."""

    def request_frame(self, width: int, height: int) -> None:
        """Ask for one Frame, in this or a later tick; the last size asked for counts. Not while a Frame is held:
        the game would forget it."""

    def unrequest_frame(self) -> None:
        """Forget what was asked for."""

    def show_hud(self, shown: bool) -> None:
        """The race's own display, on the pictures."""

    def state(self) -> CarState:
        """The car at this tick. Only in a race."""

    def in_menus(self) -> bool | None:
        """Whether the game is in its menus; False in a race, an intro, an end dialog. None: this game can not tell."""

    def race_finished(self) -> bool:
        """Whether the finish has been crossed."""

    def inputs(self) -> str | None:
        """The inputs of this race so far, as script text. None: this game can not tell."""
