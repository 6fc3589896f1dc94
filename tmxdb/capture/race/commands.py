"""Commands that a race issues: plain values, so that the race needs neither a game nor a clock."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from tmxdb.game.capabilities import RunningMap
from tmxdb.game.driver import Frame
from tmxdb.game.state import Camera, CarState, GameInput


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a line in the game's console."""

    command: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Restart the race."""


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Set the game speed: game seconds in a second of wall time."""

    speed: float


@dataclass(frozen=True, slots=True)
class SetTimeout:
    """Set how long the game waits for an answer before it drops the connection."""

    timeout_ms: int


@dataclass(frozen=True, slots=True)
class SetPeriod:
    """Set the on-step period."""

    period_ms: int


@dataclass(frozen=True, slots=True)
class RequestFrame:
    """Request one frame of this size in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CancelFrame:
    """Cancel a frame request that is still pending."""


@dataclass(frozen=True, slots=True)
class ShowHud:
    """Show or hide the race's own display."""

    shown: bool


@dataclass(frozen=True, slots=True)
class QueryMenus:
    """Ask whether the game is in its menus. The reply is a bool, or None if this game cannot say."""


@dataclass(frozen=True, slots=True)
class QueryFinished:
    """Ask whether the race is finished. The reply is a bool."""


@dataclass(frozen=True, slots=True)
class QueryState:
    """Ask for the state of the car. The reply is a CarState."""


@dataclass(frozen=True, slots=True)
class AnswerWithState:
    """Answer the current event with a request for the car's state. It is passed to `Race.set_state` before any other
    event."""


@dataclass(frozen=True, slots=True)
class QueryMap:
    """Answered with a RunningMap, or None if the game cannot say."""


@dataclass(frozen=True, slots=True)
class FocusWindow:
    """Give the game's window the focus, if the game can."""


@dataclass(frozen=True, slots=True)
class QueryPictureLag:
    """Ask how many ticks the pictures of this game lag behind its steps at this speed. The reply is an int."""

    speed: float


@dataclass(frozen=True, slots=True)
class PressEnter:
    """Press Enter in the game's window, with the calls of the desktop."""


@dataclass(frozen=True, slots=True)
class QueryInputs:
    """Ask for the inputs of this race. The reply is a script, or None if this game cannot say."""


@dataclass(frozen=True, slots=True)
class HoldFrame:
    """Take a picture that shows this tick for certain. The reply is a HeldFrame.

    Stop the race for `pause_s` seconds, take the picture, and let it go on at `speed`. Or, with `is_rendered`, have the
    game render the picture now, which only some plugins can.
    """

    width: int
    height: int
    pause_s: float
    speed: float
    is_rendered: bool = False


@dataclass(frozen=True, slots=True)
class HeldFrame:
    """A picture whose tick is certain, and the car in it."""

    state: CarState
    frame: Frame


@dataclass(frozen=True, slots=True)
class QueryEvents:
    """Ask for the input events of this race. The reply is a tuple, or None if this game cannot say."""


@dataclass(frozen=True, slots=True)
class QueryCamera:
    """Ask for the camera of the frame that was just rendered. The reply is a Camera, or None."""


@dataclass(frozen=True, slots=True)
class ReportStates:
    """Have the game report changes of its state. The reply is True, or None if this game cannot."""


@dataclass(frozen=True, slots=True)
class LoadScript:
    """Make a text the current script. The reply is True, or None if this game cannot."""

    text: str


@dataclass(frozen=True, slots=True)
class QueryScript:
    """Ask how many inputs that script has. The reply is -1 without a script, -2 while it is processed."""


@dataclass(frozen=True, slots=True)
class StoreFrame:
    """Store this frame under its label."""

    step: int
    time_ms: int
    state: CarState
    frame: Frame
    camera: Camera | None = None


@dataclass(frozen=True, slots=True)
class StoreTick:
    """Store the car at a tick as telemetry. Returned by `Race.set_state`, not yielded."""

    time_ms: int
    state: CarState


@dataclass(frozen=True, slots=True)
class DiscardFrames:
    """Discard all frames and ticks stored so far: the race starts over."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Disconnect, wait `pause_s`, and connect again within `timeout_s`. Events held so far need no answer."""

    pause_s: float
    timeout_s: float


@dataclass(frozen=True, slots=True)
class RestartGame:
    """Stop the game, start it again, and connect within `timeout_s`."""

    timeout_s: float


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Release the game, whatever state it is in."""


@dataclass(frozen=True, slots=True)
class Note:
    """Report something that a person may want to know."""

    text: str


Command = (
    Execute
    | GiveUp
    | SetSpeed
    | SetTimeout
    | SetPeriod
    | RequestFrame
    | CancelFrame
    | ShowHud
    | QueryMenus
    | QueryFinished
    | QueryState
    | AnswerWithState
    | QueryMap
    | FocusWindow
    | PressEnter
    | QueryPictureLag
    | QueryInputs
    | HoldFrame
    | QueryEvents
    | QueryCamera
    | ReportStates
    | LoadScript
    | QueryScript
    | StoreFrame
    | DiscardFrames
    | Reconnect
    | RestartGame
    | Disconnect
    | Note
)
Reply = bool | int | CarState | HeldFrame | RunningMap | Camera | tuple[GameInput, ...] | str | None
Commands = Generator[Command, Reply, None]
"""Yields commands and receives their replies."""
