"""The telemetry of a captured run, for the gear."""

from __future__ import annotations

from tmxdb.arrays.telemetry import Telemetry, telemetry_of
from tmxdb.capture.output.reader import read_metadata
from tmxdb.errors import InvalidInput
from tmxdb.storage import Storage


def captured_telemetry(storage: Storage, folder_path: str | None) -> Telemetry | None:
    """Return the telemetry of a captured folder; None without one, or if it is damaged: `tmxdb verify` names that."""
    if folder_path is None:
        return None
    folder = storage.absolute(folder_path)
    try:
        return telemetry_of(folder, read_metadata(folder))
    except (InvalidInput, OSError):
        return None
