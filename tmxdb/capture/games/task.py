"""The replay that a game is to drive: everything that the game's files and the race need of it, without a database."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.capture.replay_script import ScriptedRun
from tmxdb.capture.settings import CaptureSettings


@dataclass(frozen=True, slots=True)
class CaptureTask:
    """One replay to drive. `map_key` names the map's file and differs between maps. `replay`: bytes of its file."""

    run: ScriptedRun
    settings: CaptureSettings
    name: str
    map_key: str
    map_data: bytes
    map_name: str
    intro_ms: int
    replay: bytes
    map_uid: str | None = None
