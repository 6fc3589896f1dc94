"""Measured lags of the games of this installation: a file in the game's folder, so any database on the machine uses it.

A lag holds for one set-up only: another version, plugin, size or speed may have another lag.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tmxdb.capture.output.picture_lag import CERTAIN
from tmxdb.errors import InvalidInput
from tmxdb.game.advice import SET_GAME_FOLDER
from tmxdb.game.locks.folder_lock import folder_lock
from tmxdb.storage import NewFile, disk_errors

FILE = "tmxdb-calibration.json"
_FORMAT = 1
_MAX_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class GameFacts:
    """What the lag of pictures may depend on. `plugin`: its name and version. `speed`: of the game."""

    driver: str
    plugin: str
    tminterface_version: str | None
    frame_source: str
    width: int
    height: int
    speed: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A measured lag. `method`: how the ticks of the pictures that it was compared with were known."""

    facts: GameFacts
    lag_ticks: int
    method: str
    confidence: float
    measured_at_utc: str


def find_calibration(game_folder: Path, facts: GameFacts) -> Calibration | None:
    """Return the calibration of this set-up, or None. A file that is not ours counts as none."""
    found = [one for one in _read(game_folder / FILE) if one.facts == facts]
    return found[-1] if found else None


def lag_warning(facts: GameFacts, calibration: Calibration | None) -> str | None:
    """Return what is wrong with the lag of this set-up, with the command that measures it; None if it is known."""
    if calibration is not None and calibration.confidence >= CERTAIN:
        return None
    words = f"--width {facts.width} --height {facts.height}"
    words += "" if facts.speed == 1 else f" --running-speed {facts.speed:g}"
    words += "" if facts.frame_source == "plugin" else f" --frame-source {facts.frame_source}"
    if calibration is None:
        return (
            "Which tick a picture of this game shows was not measured for this set-up; labels assume the last step."
            f" To measure it, run `tmxdb game calibrate {words}`."
        )
    return (
        "Which tick a picture of this game shows was measured with a confidence of only"
        f" {calibration.confidence:g}; labels may be a tick off."
        f" To measure it again, run `tmxdb game calibrate {words}`."
    )


def store_calibration(game_folder: Path, calibration: Calibration) -> Path:
    """Store a calibration in place of an older one of the same set-up, and return the path of the file.

    Raise DiskError, or InvalidInput if another program wrote the file.
    """
    path = game_folder / FILE
    with disk_errors(str(path), instead=SET_GAME_FOLDER), folder_lock(game_folder):
        kept = [one for one in _read(path) if one.facts != calibration.facts]
        if path.exists() and not _is_ours(path):
            raise InvalidInput(
                f"{path}: not written by tmxdb. Move it to another folder, then calibrate again.",
                code="input.exists",
            )
        entries = [asdict(one) for one in (*kept, calibration)]
        text = json.dumps({"format": _FORMAT, "calibrations": entries}, indent=2) + "\n"
        partial = path.with_name(f"{FILE}.partial")
        file = NewFile(str(partial), str(path), str(path), make_folders=lambda: None, instead=SET_GAME_FOLDER)
        try:
            file.write(text.encode())
            file.publish()
        finally:
            file.discard()
    return path


def _is_ours(path: Path) -> bool:
    return isinstance(_document(path).get("calibrations"), list)


def _read(path: Path) -> list[Calibration]:
    entries = _document(path).get("calibrations")
    found = (_calibration(entry) for entry in (entries if isinstance(entries, list) else []))
    return [one for one in found if one is not None]


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and document.get("format") == _FORMAT else {}


def _calibration(entry: Any) -> Calibration | None:
    try:
        one = Calibration(**{**entry, "facts": GameFacts(**entry["facts"])})
        is_valid = (
            type(one.lag_ticks) is int
            and 0 <= one.lag_ticks <= 100
            and isinstance(one.confidence, int | float)
            and isinstance(one.method, str)
        )
    except (TypeError, KeyError):
        return None
    return one if is_valid else None
