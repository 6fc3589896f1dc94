"""What a race wants done: plain values, so that the race itself needs neither a game nor a clock."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.game.driver import Frame
from tmxdb.game.state import CarState


@dataclass(frozen=True, slots=True)
class Execute:
    """A line for the game's console."""

    command: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Restart the race."""


@dataclass(frozen=True, slots=True)
class SetSpeed:
    speed: float


@dataclass(frozen=True, slots=True)
class SetTimeout:
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class SetPeriod:
    period_ms: int


@dataclass(frozen=True, slots=True)
class RequestFrame:
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Unrequest:
    pass


@dataclass(frozen=True, slots=True)
class ShowHud:
    shown: bool


@dataclass(frozen=True, slots=True)
class AskMenus:
    """Answered with a bool, or None from a game that can not tell."""


@dataclass(frozen=True, slots=True)
class AskFinished:
    """Answered with a bool."""


@dataclass(frozen=True, slots=True)
class AskState:
    """Answered with a CarState."""


@dataclass(frozen=True, slots=True)
class TellState:
    """Let the car be told with the answer to this event: to `told`, before anything else comes."""


@dataclass(frozen=True, slots=True)
class AskInputs:
    """Answered with a script, or None from a game that can not tell."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Store this picture."""

    step: int
    time_ms: int
    state: CarState
    frame: Frame


@dataclass(frozen=True, slots=True)
class Discard:
    """Forget all pictures kept so far: the race begins anew."""


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Leave the game, wait `pause_s`, reach it again within `patience_s`. Held events need no answer any more."""

    pause_s: float
    patience_s: float


@dataclass(frozen=True, slots=True)
class Restart:
    """End the game, start it anew, and reach it within `patience_s`."""

    patience_s: float


@dataclass(frozen=True, slots=True)
class Leave:
    """Let go of the game, in whatever state it is."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person may want to know."""

    text: str


Order = (
    Execute
    | GiveUp
    | SetSpeed
    | SetTimeout
    | SetPeriod
    | RequestFrame
    | Unrequest
    | ShowHud
    | AskMenus
    | AskFinished
    | AskState
    | TellState
    | AskInputs
    | Keep
    | Discard
    | Reconnect
    | Restart
    | Leave
    | Note
)
Reply = bool | CarState | str | None
