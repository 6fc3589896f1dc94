"""One tar per run: `KEY.jpg`, `KEY.json` and `KEY.cls` (the action) for each frame, so that WebDataset reads it.

KEY is the id of the replay, a slash, and the name of the frame. Manifest, metadata and telemetry are members whose
names have no dot, which WebDataset and the library `datasets` skip: docs/facts/training.md#webdataset.
"""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from tmxdb.errors import InvalidInput
from tmxdb.storage.hashing_file import HashingFile
from tmxdb.storage.new_file import write_all

TAR = "frames.tar"
MANIFEST_MEMBER, METADATA_MEMBER, TELEMETRY_MEMBER = "__manifest__", "__metadata__", "__telemetry__"


class TarWriter:
    """Appends frames to the tar of a run. Used by one thread."""

    def __init__(self, folder: Path, replay_id: int) -> None:
        self._replay_id = replay_id
        self.file: BinaryIO = open(folder / TAR, "x+b", buffering=0)  # noqa: SIM115 (closed by its owner)
        self._scratch: Any = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._hashing = HashingFile(partial(write_all, self.file))
        target: Any = self._hashing
        self._tar = tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115

    def add(self, stem: str, entry: bytes, action_idx: int, write: Callable[[BinaryIO], object]) -> None:
        """Append a frame. `write` writes its JPEG to a file of the system, which lets other threads run meanwhile."""
        scratch = self._scratch
        scratch.seek(0)
        scratch.truncate()
        write(scratch)
        scratch.seek(0)
        self.add_jpeg(stem, entry, action_idx, scratch.read())

    def add_jpeg(self, stem: str, entry: bytes, action_idx: int, jpeg: bytes) -> None:
        """Append a frame whose JPEG is known."""
        key = f"{self._replay_id}/{stem}"
        self._member(f"{key}.jpg", jpeg)
        self._member(f"{key}.json", entry)
        self._member(f"{key}.cls", str(action_idx).encode())

    def finish(self, members: Mapping[str, bytes]) -> dict[str, Any]:
        """Append the members without a dot, and end the tar. Return `store` of metadata.json."""
        for name, data in members.items():
            self._member(name, data)
        self._tar.close()
        self._scratch.close()
        return {"kind": "tar", "file": TAR, "bytes": self._hashing.size, "sha256": self._hashing.sha256}

    def close(self) -> None:
        """Close the files. A tar that was not finished is incomplete."""
        self._scratch.close()
        self.file.close()

    def _member(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o644
        self._tar.addfile(member, io.BytesIO(data))


def read_member(folder: Path, name: str) -> bytes:
    """Return a member by its name: that of a frame's JPEG in the manifest, or one without a dot.

    Raise InvalidInput if the tar is damaged or has no such member, OSError if it cannot be read.
    """
    path = folder / TAR
    found = path.stat()
    begin, size = _places(str(path), found.st_size, found.st_mtime_ns).get(name, (0, -1))
    if size < 0:
        raise InvalidInput(
            f"{path}: has no {name}. Run `tmxdb verify --repair` to capture it again.", code="capture.damaged"
        )
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(size)


@lru_cache(maxsize=64)
def _places(path: str, size: int, changed_ns: int) -> dict[str, tuple[int, int]]:
    """Return offset and size of each member, by the name that the manifest has for it."""
    places = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                name = os.path.basename(member.name)
                if name.endswith(".jpg"):
                    places[name.removesuffix(".jpg") + ".jpeg"] = (member.offset_data, member.size)
                elif "." not in name:
                    places[name] = (member.offset_data, member.size)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise InvalidInput(
            f"{path}: is no complete tar. Run `tmxdb verify --repair` to capture it again.", code="capture.damaged"
        ) from error
    return places
