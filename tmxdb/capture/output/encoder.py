"""Encodes the game's pixels as JPEG in a thread of its own, not in the one that holds the game.

The queue between them is bounded in bytes, so memory stays flat however long the race is. If the disk is too slow, the
reader waits and with it the game, which costs time but no frame.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, NamedTuple, Protocol

from tmxdb.capture.output.manifest import FrameRecord
from tmxdb.capture.output.picture_check import PictureChecker, PictureCounts
from tmxdb.capture.race.commands import StoreFrame, StoreTick
from tmxdb.capture.settings import CaptureSettings
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.errors import DiskError, InvalidInput
from tmxdb.game.driver import Frame

QUEUE_BYTES = 64 * 2**20
QUEUE_FRAMES = 256
DISK_TIMEOUT_S = 60.0
"""A disk that accepts nothing for this long is treated as broken."""


class FrameStore(Protocol):
    """Where encoded frames go. Used by the encoder's thread only."""

    def add(
        self,
        record: FrameRecord,
        write: Callable[[BinaryIO], object],
        image: Callable[[], Any] | None = None,
    ) -> None:
        """Store a frame. `write` writes the picture as JPEG to a file; `image` returns it as an image of Pillow."""

    def clear(self) -> None:
        """Remove all frames."""


def require_pillow() -> None:
    """Raise InvalidInput now, not at the first picture, if Pillow is missing."""
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise InvalidInput(
            'Pillow, which encodes pictures, is not installed. Install it: pip install "tmxdb[capture]"',
            code="input.package",
        ) from None


class JpegWriter:
    """Writes the game's pixels as JPEG: blue, green, red and an unused byte, top row first. Used by one thread at a
    time.

    Reuses the memory of the last picture: allocating 1.2 MB for each one costs as much as encoding it.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        self._settings = settings
        self._image: Any = None

    def write(self, frame: Frame, file: BinaryIO) -> None:
        """Write the picture as `image` returns it.

        Pillow releases the interpreter's lock when it encodes to a file of the system. When it encodes to memory it
        holds the lock, and so delays the thread that holds the game.
        """
        self.image(frame).save(file, "JPEG", quality=self._settings.quality)

    def image(self, frame: Frame) -> Any:
        """Return the picture in the requested size and proportions. A larger source is averaged.

        It may share the memory of the next picture.
        """
        from PIL import Image

        if self._image is None or self._image.size != frame.pixels_size:
            self._image = Image.new("RGB", frame.pixels_size)
        image = self._image
        image.frombytes(frame.pixels, "raw", "BGRX", 0, 1)
        if frame.source_size is not None:
            image = image.resize((frame.width, frame.height), Image.Resampling.BOX)
        if self._settings.color == "gray":
            image = image.convert("L")
        return image


class _QueuedFrame(NamedTuple):
    """A frame to encode, and the wall time (UTC) at which it came."""

    frame: StoreFrame
    captured_at_ms: int


class Encoder:
    """Encodes and stores frames in order. It is the FrameSink of a race.

    An error in its thread is raised by the next call.
    """

    def __init__(self, store: FrameStore, settings: CaptureSettings, clock: Callable[[], int]) -> None:
        self._store, self._clock = store, clock
        self._jpegs = JpegWriter(settings)
        self._checker = PictureChecker()
        self.telemetry = TelemetryTable()
        """The ticks stored so far."""
        self._queue: queue.SimpleQueue[_QueuedFrame | threading.Event | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._queued_bytes = 0  # of pixels in the queue; frames from a window may have any size
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    @property
    def picture_counts(self) -> PictureCounts:
        """Black and frozen pictures among the stored frames. Call `finish` first."""
        return self._checker.counts

    def store(self, frame: StoreFrame) -> None:
        """Store a frame soon. Waits only while the queue is full."""
        self._put(_QueuedFrame(frame, self._clock()))  # the time of the picture, not that of its encoding

    def store_tick(self, tick: StoreTick) -> None:
        """Store the car at a tick, in memory."""
        self.telemetry.add(tick.time_ms, tick.state)

    def discard(self) -> None:
        """Discard all ticks, and all frames: those stored and those in the queue."""
        self.telemetry.clear()
        self._drain()
        self._put(None)

    def finish(self) -> None:
        """Wait until everything is stored."""
        done = threading.Event()
        self._put(done)
        while not done.wait(0.1):
            self._check()
        self._check()

    def close(self) -> None:
        """Stop the thread. Frames that were not stored are lost."""
        self._drain()
        self._queue.put(_END)
        self._thread.join(DISK_TIMEOUT_S)

    def _put(self, item: _QueuedFrame | threading.Event | None) -> None:
        self._check()
        deadline = time.monotonic() + DISK_TIMEOUT_S
        size = _queue_size(item)
        with self._room:
            while size and self._queued_bytes and self._queued_bytes + size > QUEUE_BYTES:
                if time.monotonic() > deadline:
                    raise DiskError(f"the disk has not accepted a frame for {DISK_TIMEOUT_S:g} s. Check the disk.")
                self._room.wait(1.0)
                self._check()
            self._queued_bytes += size
        self._queue.put(item)

    def _drain(self) -> None:
        while True:
            try:
                self._dequeued(self._queue.get_nowait())
            except queue.Empty:
                return

    def _dequeued(self, item: _QueuedFrame | threading.Event | None) -> None:
        with self._room:
            self._queued_bytes -= _queue_size(item)
            self._room.notify_all()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            self._dequeued(item)
            try:
                if isinstance(item, _QueuedFrame):
                    self._encode(item)
                elif item is None:
                    self._store.clear()
                    self._checker = PictureChecker()
            except Exception as error:  # noqa: BLE001  # raised by the next call in the thread that runs the race
                self._error = error
            if isinstance(item, threading.Event):
                item.set()

    def _encode(self, item: _QueuedFrame) -> None:
        if self._error is None:
            stored = item.frame
            record = FrameRecord(stored.step, stored.time_ms, stored.state, item.captured_at_ms, stored.camera)
            self._store.add(record, partial(self._jpegs.write, stored.frame), partial(self._jpegs.image, stored.frame))
            self._checker.add_frame(stored.frame, stored.state.position)
            stored.frame.release()


def _queue_size(item: _QueuedFrame | threading.Event | None) -> int:
    """Return the bytes an item counts for. A small frame counts as one of QUEUE_FRAMES: it is more than pixels."""
    return max(len(item.frame.frame.pixels), QUEUE_BYTES // QUEUE_FRAMES) if isinstance(item, _QueuedFrame) else 0


_END = threading.Event()
"""Stops the thread when it comes out of the queue."""
