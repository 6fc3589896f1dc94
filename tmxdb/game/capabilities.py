"""What a game can say beyond the common protocol, and the values that it says it with.

TmxdbLink reports its capabilities when a driver connects. Python Link and TMInterface 1.4 have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

GAME_STATE, RUNNING_MAP, FOCUS = "game_state", "map", "focus"
STATE_EVENTS, CAMERA, CAR, EVENTS = "state_events", "camera", "car", "events"
SCRIPT, FOLDER, RENDER = "script", "folder", "render"


class GameState(IntEnum):
    """The state of the game: `TM::GameState` in docs/facts/tminterface.md#plugin-api. Other values exist."""

    STARTING = 16
    MENUS = 32
    LOADING = 128
    RACE = 512
    END_DIALOG = 1024
    REPLAY = 4096


@dataclass(frozen=True, slots=True)
class RunningMap:
    """The map that the game has loaded. Both are empty if it has none."""

    uid: str
    name: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the plugin of a game supports. `plugin_version` is None for other plugins than TmxdbLink.

    `process_id`: of the game, as its own system counts it: under Wine it is Wine's number.
    """

    plugin_version: str | None = None
    names: frozenset[str] = frozenset()
    process_id: int | None = None

    def __contains__(self, name: str) -> bool:
        return name in self.names

    @classmethod
    def parse(cls, text: str) -> Capabilities:
        """Read the reply to HELLO: a line for each capability, some with a value after a space."""
        values: dict[str, str] = {}
        for line in text.splitlines():
            name, _, value = line.partition(" ")
            values[name] = value
        process = values.get("process", "")
        return cls(
            values.get("version") or None,
            frozenset(values) - {"version", "process", ""},
            int(process) if process.isdecimal() else None,
        )


NO_CAPABILITIES = Capabilities()
