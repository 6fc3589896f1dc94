"""From the game's pixels to JPEG, in a thread of its own: never in the one that holds the game.

The queue between them is bounded in bytes, so that memory stays flat however long the race is; if the disk can not
keep up, the reader waits and with it the game, which costs time and no frame.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, Protocol

from tmxdb.capture.manifest import FrameLabel
from tmxdb.capture.orders import Keep
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import BadInput, DiskTrouble
from tmxdb.game.driver import Frame

QUEUE_BYTES = 64 * 2**20
QUEUE_FRAMES = 256
STUCK_S = 60.0
"""A disk that takes nothing for so long is broken."""


class Store(Protocol):
    """Where encoded frames go; used by the encoder's thread only."""

    def add(self, label: FrameLabel, write: Callable[[BinaryIO], object]) -> None:
        """Write a frame down. `write` puts the picture into a file."""

    def clear(self) -> None:
        """Forget all of them."""


def need_pillow() -> None:
    """Raise BadInput now rather than at the first picture."""
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise BadInput(
            "Pillow is not installed, which encodes pictures: pip install 'tmxdb[capture]'.", code="input.package"
        ) from None


class Jpegs:
    """The game's pixels as JPEG: blue, green, red and one without meaning, top row first. Used by one thread at a time.

    Keeps the memory of the last picture for the next one: to get 1.2 MB of the system anew for each costs as much as
    to encode them.
    """

    def __init__(self, settings: CaptureSettings) -> None:
        self._settings = settings
        self._image: Any = None

    def write(self, frame: Frame, file: BinaryIO) -> None:
        """The picture as large as it was asked for: in a larger one, each pixel is the mean of those it replaces.

        The proportions are those asked for, too. Into a file of the system Pillow encodes without the interpreter's
        lock; into memory it holds the lock, and with it the thread that holds the game.
        """
        from PIL import Image

        if self._image is None or self._image.size != frame.pixels_size:
            self._image = Image.new("RGB", frame.pixels_size)
        image = self._image
        image.frombytes(frame.pixels, "raw", "BGRX", 0, 1)
        if frame.grabbed is not None:
            image = image.resize((frame.width, frame.height), Image.Resampling.BOX)
        if self._settings.color == "gray":
            image = image.convert("L")
        image.save(file, "JPEG", quality=self._settings.quality)


class Encoder:
    """Encodes and stores what it is given, in that order. The sink of a race.

    What goes wrong in its thread is raised by the next call here.
    """

    def __init__(self, store: Store, settings: CaptureSettings, clock: Callable[[], int]) -> None:
        self._store, self._clock = store, clock
        self._jpegs = Jpegs(settings)
        self._queue: queue.SimpleQueue[Keep | threading.Event | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._waiting_bytes = 0  # of the pictures in the queue; those of a window may be of any size
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._thread.start()

    def keep(self, kept: Keep) -> None:
        """Store a picture, soon. Waits only while the queue is full."""
        self._put(kept)

    def discard(self) -> None:
        """Forget all pictures: those stored, and those still waiting."""
        self._drain()
        self._put(None)

    def finish(self) -> None:
        """Return when everything is stored."""
        done = threading.Event()
        self._put(done)
        while not done.wait(0.1):
            self._check()
        self._check()

    def close(self) -> None:
        """End the thread; what was not stored is lost."""
        self._drain()
        self._queue.put(_END)
        self._thread.join(STUCK_S)

    def _put(self, item: Keep | threading.Event | None) -> None:
        self._check()
        deadline = time.monotonic() + STUCK_S
        n = _bytes_of(item)
        with self._room:
            while n and self._waiting_bytes and self._waiting_bytes + n > QUEUE_BYTES:
                if time.monotonic() > deadline:
                    raise DiskTrouble(f"the disk has taken no frame for {STUCK_S:g} s. Check it.")
                self._room.wait(1.0)
                self._check()
            self._waiting_bytes += n
        self._queue.put(item)

    def _drain(self) -> None:
        while True:
            try:
                self._make_room(self._queue.get_nowait())
            except queue.Empty:
                return

    def _make_room(self, item: Keep | threading.Event | None) -> None:
        with self._room:
            self._waiting_bytes -= _bytes_of(item)
            self._room.notify_all()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (item := self._queue.get()) is not _END:
            self._make_room(item)
            try:
                if isinstance(item, Keep):
                    self._encode(item)
                elif item is None:
                    self._store.clear()
            except Exception as error:  # noqa: BLE001  # raised in the thread that plays, which is told at once
                self._error = error
            if isinstance(item, threading.Event):
                item.set()

    def _encode(self, kept: Keep) -> None:
        if self._error is None:
            label = FrameLabel(kept.step, kept.time_ms, kept.state, self._clock())
            self._store.add(label, partial(self._jpegs.write, kept.frame))
            kept.frame.release()


def _bytes_of(item: Keep | threading.Event | None) -> int:
    """What it counts in the queue: a small picture as much as one of QUEUE_FRAMES, for it is not pixels alone."""
    return max(len(item.frame.pixels), QUEUE_BYTES // QUEUE_FRAMES) if isinstance(item, Keep) else 0


_END = threading.Event()
"""Ends the thread when it comes out of the queue."""
