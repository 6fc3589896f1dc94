"""One MP4 per run, at a constant rate. Frame k of the video is entry k of the manifest, which says what tick it shows.

H.264 without B-frames, with a key frame every 10 frames: docs/facts/training.md#video. It changes the
pictures, unless it is lossless. Then they are those that were encoded, but the bytes of their JPEGs are lost.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any

from tmxdb.errors import InvalidInput
from tmxdb.storage.hashing_file import file_sha256

VIDEO = "frames.mp4"
GOP = 10
CRF = 18
_MAX_OPEN = 4
_AHEAD = 4 * GOP
"""Frames that are decoded in passing rather than sought."""


def require_av() -> Any:
    """Return PyAV. Raise InvalidInput if it is not installed."""
    try:
        import av
    except ModuleNotFoundError:
        raise InvalidInput(
            'PyAV, which reads and writes videos, is not installed. Install it: pip install "tmxdb[video]"',
            code="input.extra",
        ) from None
    return av


class VideoWriter:
    """Encodes pictures as a video, in order. Used by one thread. Raise InvalidInput if PyAV is not installed."""

    def __init__(self, path: Path, *, fps: int, width: int, height: int, lossless: bool) -> None:
        av = require_av()
        self._av, self._fps, self._path = av, fps, path
        self._container = av.open(str(self._path), "w", format="mp4", options={"movflags": "faststart"})
        self._stream = self._container.add_stream("libx264rgb" if lossless else "libx264", rate=fps)
        even = width % 2 == 0 and height % 2 == 0
        self._format = "rgb24" if lossless else "yuv420p" if even else "yuv444p"
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, self._format
        self._stream.codec_context.gop_size = GOP
        self._stream.codec_context.max_b_frames = 0
        self._stream.codec_context.thread_count = 1  # the same frames give the same bytes
        quality = {"qp": "0"} if lossless else {"crf": str(CRF)}
        self._stream.options = {**quality, "preset": "veryfast", "keyint_min": str(GOP), "sc_threshold": "0"}
        self._lossless = lossless
        self.frames = 0

    def add(self, image: Any) -> None:
        """Append a picture: an image of Pillow in the size of the video."""
        frame = self._av.VideoFrame.from_image(image.convert("RGB"))
        frame.pts, frame.time_base = self.frames, Fraction(1, self._fps)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self.frames += 1

    def finish(self) -> dict[str, Any]:
        """End the video. Return `store` of metadata.json."""
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()
        return {
            "kind": "video",
            "file": self._path.name,
            "bytes": self._path.stat().st_size,
            "sha256": file_sha256(self._path),
            "codec": "h264",
            "pix_fmt": "gbrp" if self._lossless else self._format,
            "fps": self._fps,
            "gop": GOP,
            "crf": None if self._lossless else CRF,
            "lossless": self._lossless,
        }

    def close(self) -> None:
        """Close the file. A video that was not finished is incomplete."""
        self._container.close()


class _VideoReader:
    """Decodes frames of one file by their numbers: the next one quickly, any other one from the key frame before it."""

    def __init__(self, path: Path) -> None:
        self._av, self._process_id = require_av(), os.getpid()
        self.lock = threading.Lock()
        self._container = self._av.open(str(path))
        self._stream = self._container.streams.video[0]
        self.frames = int(self._stream.frames)
        self._rate, self._time_base = self._stream.average_rate, self._stream.time_base
        self._decoded: Any = iter(())
        self._next = -1
        self.closed = False

    def image(self, number: int) -> Any:
        if not self._next <= number < self._next + _AHEAD or self._next < 0:
            self._container.seek(int(number / self._rate / self._time_base), stream=self._stream)
            self._decoded = self._container.decode(self._stream)
        for frame in self._decoded:
            at = round(frame.pts * self._time_base * self._rate)
            self._next = at + 1
            if at == number:
                return frame.to_image()
            if at > number:
                break
        self._next = -1
        raise ValueError(f"no frame {number}")

    def close(self) -> None:
        """Close the file, once no thread decodes from it. The garbage collector would do so at any later time.

        Do nothing after a fork: a thread that exists no longer may hold the lock.
        """
        if self._process_id != os.getpid():
            return
        with self.lock:
            self._container.close()
            self.closed = True


_readers: OrderedDict[tuple[str, int, int, int], _VideoReader] = OrderedDict()
_lock = threading.Lock()


def read_image(folder: Path, number: int) -> Any:
    """Return frame `number` as an image of Pillow (RGB). Any thread and process may call it.

    Raise InvalidInput if the video is damaged or PyAV is missing, OSError if the file cannot be read.
    """
    return read_frame(folder / VIDEO, number)


def read_frame(path: Path, number: int) -> Any:
    """Return a frame of any video whose frames are at k / fps. Raise like `read_image`."""
    av = require_av()
    try:
        while True:
            reader = _reader(path)
            with reader.lock:
                if not reader.closed:  # by another thread, which needed its place
                    return reader.image(number)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise InvalidInput(
            f"{path}: frame {number} cannot be decoded. Run `tmxdb verify --repair` to capture it again.",
            code="capture.damaged",
        ) from error


def close_videos() -> None:
    """Close what `read_image` has left open: Windows neither replaces nor deletes a file that is open."""
    with _lock:
        readers = list(_readers.values())
        _readers.clear()
    for reader in readers:
        reader.close()


def _reader(path: Path) -> _VideoReader:
    found = path.stat()
    key = (str(path), found.st_size, found.st_mtime_ns, os.getpid())  # a decoder must not be used after a fork
    superfluous = []
    with _lock:
        if key in _readers:
            _readers.move_to_end(key)
            return _readers[key]
        reader = _readers[key] = _VideoReader(path)
        while len(_readers) > _MAX_OPEN:
            superfluous.append(_readers.popitem(last=False)[1])
    for other in superfluous:
        other.close()
    return reader
