"""Reads a folder of captured frames, for exports, pictures and `tmxdb verify`.

Users may have changed files since, so every deviation from what a capture writes becomes one sentence.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tmxdb.capture.output.manifest import MANIFEST, METADATA
from tmxdb.capture.store import tar, video
from tmxdb.capture.unreadable_file import unreadable_file
from tmxdb.errors import InvalidInput

MAX_METADATA = 2**20
VIDEO_JPEG_QUALITY = 95
MAX_ENTRY = 2**20
"""Characters. Real entries have about 900, and 8 more for each checkpoint."""
_BEGINS = ("[", '{"entries":[')
_NAME = re.compile(r"frame_\d{5,10}_\d{1,10}ms\.jpeg", re.ASCII)


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """One entry of a manifest. `entry` is the whole entry, as in its schema."""

    file: str
    step: int
    time_ms: int
    entry: Mapping[str, Any]
    number: int = 0
    """Among the stored frames: the number of the frame in a video."""

    @property
    def position(self) -> tuple[float, float, float]:
        """Position in metres; y is up."""
        x, y, z = self.entry["state"]["position"]
        return x, y, z

    @property
    def speed_kmh(self) -> float:
        """Displayed speed."""
        return float(self.entry["state"]["speed_kmh"])


def read_metadata(folder: Path) -> dict[str, Any]:
    """Return the facts of the whole run. Raise InvalidInput if they are missing or unreadable."""
    path = folder / METADATA
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(MAX_METADATA))
        if not isinstance(document, dict):
            raise ValueError
    except OSError as error:
        raise unreadable_file(path, error) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "is not what a capture writes") from error
    return document


def store_of(folder: Path, metadata: Mapping[str, Any]) -> Any:
    """Return `store` of the metadata, which describes the one file with the pictures.

    A conversion from one kind of video to the other that was killed leaves two descriptions, because both videos have
    the same name: the size of the file tells which one is there. Raise OSError if it cannot be read.
    """
    store = metadata.get("store")
    if not isinstance(store, dict) or not isinstance(store.get("next"), dict):
        return store
    with suppress(FileNotFoundError):
        if (folder / video.VIDEO).stat().st_size == store["next"].get("bytes"):
            return store["next"]
    return {name: value for name, value in store.items() if name != "next"}


def shows_ghost(folder: Path) -> bool:
    """Return whether the pictures of a captured folder show a watched ghost (`--drive ghost`).

    The inputs and states in its files are then those of the user's own car, which stands still: they label nothing.
    Raise InvalidInput as `read_metadata` does.
    """
    settings = read_metadata(folder).get("settings")
    return isinstance(settings, dict) and settings.get("drive") == "ghost"


def unlabelled(capture_id: int) -> InvalidInput:
    """Return the error for labels of a capture that shows a watched ghost."""
    return InvalidInput(
        f"capture {capture_id} shows a watched ghost (--drive ghost), so its frames have no inputs and no state of the"
        " car. Use its pictures only, or capture the replay with --drive script.",
        code="input.not_captured",
    )


def read_frames(folder: Path) -> Iterator[CapturedFrame]:
    """Yield the frames in order of time. Reads line by line: the manifest of a long run has hundreds of megabytes.

    Raise InvalidInput where the manifest is not what a capture writes: an array with one entry per line, or an object
    that begins with such an array.
    """
    path = folder / MANIFEST
    try:
        with _open_manifest(folder) as file:
            yield from _entries(path, file)
    except OSError as error:
        raise unreadable_file(path, error) from error
    except UnicodeDecodeError as error:
        raise _damaged(path, "is not text") from error


def read_jpeg(folder: Path, frame: CapturedFrame) -> bytes:
    """Return the JPEG of a frame, unchanged; from a video, its picture as a JPEG of quality 95, gray if the run is.

    Raise InvalidInput unless it starts and ends as a JPEG does.
    """
    path = folder / frame.file
    try:
        data = _stored_jpeg(folder, frame)
    except OSError as error:
        raise unreadable_file(path, error) from error
    if not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        raise _damaged(path, "is not a complete JPEG")
    return data


def read_image(folder: Path, frame: CapturedFrame) -> Any:
    """Return the picture of a frame as an image of Pillow, RGB. Raise InvalidInput if it is damaged."""
    if is_video(folder):
        try:
            return video.read_image(folder, frame.number)
        except OSError as error:
            raise unreadable_file(folder / video.VIDEO, error) from error
    return decode_jpeg(read_jpeg(folder, frame), folder / frame.file)


def decode_jpeg(data: bytes, path: Path) -> Any:
    """Return a JPEG as an image of Pillow, RGB. Raise InvalidInput, which names `path`, if it is damaged."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise _damaged(path, "cannot be decoded") from error


def is_complete_jpeg(file: Path) -> bool:
    """Return whether a file begins and ends with the JPEG markers SOI and EOI (ITU T.81, table B.1). Raise OSError."""
    with open(file, "rb") as opened:
        begins = opened.read(2)
        opened.seek(-2, os.SEEK_END)
        return begins == b"\xff\xd8" and opened.read(2) == b"\xff\xd9"


def is_video(folder: Path) -> bool:
    """Return whether the pictures of a captured folder are in a video."""
    return (folder / video.VIDEO).exists()


def _stored_jpeg(folder: Path, frame: CapturedFrame) -> bytes:
    try:
        return (folder / frame.file).read_bytes()
    except FileNotFoundError:
        if (folder / tar.TAR).exists():
            return tar.read_member(folder, frame.file)
        if not is_video(folder):
            raise
    image, out = video.read_image(folder, frame.number), io.BytesIO()
    if _is_gray(folder, (folder / METADATA).stat().st_mtime_ns):
        image = image.convert("L")
    image.save(out, "JPEG", quality=VIDEO_JPEG_QUALITY)
    return out.getvalue()


@lru_cache(maxsize=16)
def _is_gray(folder: Path, modified_ns: int) -> bool:
    """Return whether a run was captured in gray. A video always has three channels, so only the settings tell."""
    settings = read_metadata(folder).get("settings")
    return isinstance(settings, dict) and settings.get("color") == "gray"


def read_manifest(folder: Path) -> bytes:
    """Return the bytes of the manifest, from its file or from the tar. Raise OSError or InvalidInput."""
    try:
        return (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        if not (folder / tar.TAR).exists():
            raise
        return tar.read_member(folder, tar.MANIFEST_MEMBER)


def _open_manifest(folder: Path) -> Any:
    if not (folder / MANIFEST).exists() and (folder / tar.TAR).exists():
        return io.TextIOWrapper(io.BytesIO(read_manifest(folder)), encoding="utf-8")
    return (folder / MANIFEST).open(encoding="utf-8")


def _entries(path: Path, file: Any) -> Iterator[CapturedFrame]:
    last, closed, is_object, count = -1, False, False, 0
    for number, line in enumerate(iter(lambda: file.readline(MAX_ENTRY), "")):
        text = line.strip()
        if number == 0:
            begin = next((begin for begin in _BEGINS if text.startswith(begin)), None)
            if begin is None:
                raise _damaged(path, "does not start like a manifest")
            is_object, text = begin != "[", text[len(begin) :].strip()
        if is_object and text == "],":
            closed = _ends_like_an_object(file)
            break
        if text.endswith("]") and not text.endswith("}]"):
            text, closed = text[:-1].strip(), True
        elif text.endswith("}]"):
            text, closed = text[:-1], True
        if text:
            frame = _frame(path, number + 1, text.removesuffix(","), count)
            if frame.step <= last:
                raise _damaged(path, f"has step {frame.step} twice or out of order (line {number + 1})")
            last, count = frame.step, count + 1
            yield frame
    if not closed:
        raise _damaged(path, "is cut short")


def _ends_like_an_object(file: Any) -> bool:
    """Read the rest of the file. Return whether it ends with the last line of a manifest."""
    end = ""
    for text in iter(lambda: file.read(MAX_ENTRY), ""):
        end = (end + text)[-4:]
    return end.rstrip().endswith("]}")


def _frame(path: Path, line: int, text: str, number: int) -> CapturedFrame:
    try:
        entry = json.loads(text)
        file, step, time_ms = entry["file"], entry["step"], entry["time_ms"]
        if not (isinstance(step, int) and isinstance(time_ms, int) and len(entry["state"]["position"]) == 3):
            raise ValueError
        if not _NAME.fullmatch(file):  # it becomes part of a path, so nothing else may pass
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, f"has no frame in line {line}") from error
    return CapturedFrame(file, step, time_ms, entry, number)


def _damaged(path: Path, what: str) -> InvalidInput:
    return InvalidInput(
        f"{path}: {what}. Run `tmxdb verify --repair` to capture it again.",
        code="capture.damaged",
    )
