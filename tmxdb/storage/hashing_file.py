"""SHA-256 of files: of one that exists, and of one while it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits. Raise OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class HashingFile:
    """A file for appending only, as pyarrow and `tarfile` write it. `write` takes all of each piece."""

    closed = False

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write, self._sha256 = write, hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The digest of everything written, in hexadecimal digits."""
        return self._sha256.hexdigest()

    def write(self, data: bytes) -> int:
        """Pass `data` on."""
        piece = bytes(data)
        self._sha256.update(piece)
        self.size += len(piece)
        self._write(piece)
        return len(piece)

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self.size

    def flush(self) -> None:
        """Do nothing: no data is buffered here."""

    def close(self) -> None:
        """Do nothing: the owner publishes the file."""
