"""Words that arrive on stdin, read by a thread: Windows cannot wait for a pipe with `select`."""

import os
import queue
import threading


class Orders:
    def __init__(self):
        self._chunks = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def take(self):
        """Return the words that have arrived, an empty list at the end of stdin, or None if nothing has."""
        try:
            return self._chunks.get_nowait().decode().split()
        except queue.Empty:
            return None

    def _read(self):
        while chunk := os.read(0, 100):
            self._chunks.put(chunk)
        self._chunks.put(b"")
