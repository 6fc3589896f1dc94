"""Files fetched as downloads fetch them: one thread receives them all."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from tmxdb.errors import TmxdbError
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.file_transfers import FileTransfers

T = TypeVar("T")
Wanted = tuple["Future[BaseException | None]", str, str, Callable[[bytes], object]]


class OneThread:
    """Has the methods of `Fetcher`, for any number of threads that wait for their files."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._wanted = queue.SimpleQueue[Wanted]()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def fetch(self, path: str, item: str, write: Callable[[bytes], object], check: Callable[[], T]) -> T:
        ended: Future[BaseException | None] = Future()
        self._wanted.put((ended, path, item, write))
        error = ended.result(300)
        if error is not None:
            raise error
        with self._exchange.breaker.recording(item):
            return check()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(300)

    def _work(self) -> None:
        files: FileTransfers[Future[BaseException | None]] = FileTransfers(self._exchange, 64)
        waiting = deque[Wanted]()
        while not self._closed.is_set():
            while not self._wanted.empty():
                waiting.append(self._wanted.get())
            while waiting:
                ended, path, item, write = waiting[0]
                try:
                    if files.wait_s(len(waiting)) > 0:
                        break
                    files.begin(ended, path, item, write)
                except TmxdbError as error:
                    ended.set_result(error)
                waiting.popleft()
            for ended, error in files.wait(0.01):
                ended.set_result(error)
            time.sleep(0.001)
        files.close()
