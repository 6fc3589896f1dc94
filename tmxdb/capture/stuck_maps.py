"""The list of maps that never start, as a text file of track ids: `--write-stuck-maps` and `--exclude-maps`."""

from __future__ import annotations

import threading
from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb.storage import id_in_name, id_name
from tmxdb.storage.user_files import check_user_file, write_user_file

_MAX_BYTES = 64_000_000
_HEAD = "# Tracks whose maps did not start. Leave them out with: tmxdb add-captures --exclude-maps FILE\n"


class StuckMaps:
    """Adds track ids to a file. Its other lines are kept. Thread-safe."""

    def __init__(self, path: str) -> None:
        """Raise InvalidInput if `path` is a database or not a text file of moderate size."""
        self._path = path
        self._lock = threading.Lock()
        check_user_file(path, force=True)
        self._known = _ids(self._read())

    def create(self) -> None:
        """Write the file without ids if it does not exist: it can be read also if all maps start. Raise DiskError."""
        if not Path(self._path).exists():
            write_user_file(self._path, _HEAD.encode(), force=True)

    def add(self, track_id: int, map_name: str) -> None:
        """Add a track, once. Raise DiskError if the file cannot be written."""
        with self._lock:
            if track_id in self._known:
                return
            text = self._read() or _HEAD
            text += "" if text.endswith("\n") else "\n"
            name = "".join(character if character.isprintable() else " " for character in map_name)
            write_user_file(self._path, f"{text}{id_name(track_id)}  # {name}\n".encode(), force=True)
            self._known.add(track_id)

    def _read(self) -> str:
        path = Path(self._path)
        try:
            if not path.exists():
                return ""
            data = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else b"\0"
            if b"\0" in data:
                raise ValueError
            return data.decode("utf-8")
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"{path}: not a text file of track ids. Choose another file for --write-stuck-maps.", code="input.file"
            ) from error


def _ids(text: str) -> set[int]:
    words = (line.partition("#")[0].strip() for line in text.splitlines())
    return {track_id for word in words if (track_id := id_in_name(word)) is not None}
