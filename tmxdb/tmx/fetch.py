"""Fetching files: one URL, streamed into whatever takes the bytes, with limits on size, silence and total time.

libcurl does it, by measurement: 64 in flight on loopback, 29 KB files, CPU seconds per 1000 files: pycurl 0.10,
urllib3 0.41, requests 0.70. `bench/download.py` measures it again.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import certifi
import pycurl

from tmxdb.errors import TmxdbError, WrongBody
from tmxdb.tmx.client import CONNECT_S, TOTAL_S, Exchange
from tmxdb.tmx.verdict import lost, status_error

SILENCE_S, SLOWEST_BYTES_S = 30, 100
LARGEST_FILE = 16 * 2**20
"""GBX fact sheet, section 10: the largest real one has 2.9 MB."""

_TIMED_OUT = {pycurl.E_OPERATION_TIMEDOUT}
_CUT = {pycurl.E_PARTIAL_FILE}
_REASONS = {
    pycurl.E_COULDNT_CONNECT: "connection refused",
    pycurl.E_COULDNT_RESOLVE_HOST: "no such host",
    pycurl.E_RECV_ERROR: "the connection was reset",
    pycurl.E_SEND_ERROR: "the connection was reset",
    pycurl.E_GOT_NOTHING: "the connection was closed without an answer",
    pycurl.E_PEER_FAILED_VERIFICATION: "its certificate can not be trusted",
}


class Fetcher:
    """Fetches files from the exchange for many threads; never more connections than fetches at once.

    Handles are lent last in, first out, so that few connections do the work and idle ones stay idle.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._idle: queue.LifoQueue[pycurl.Curl] = queue.LifoQueue()

    def fetch(self, path: str, item: str, write: Callable[[bytes], int]) -> int:
        """Stream the file at `path` into `write`; answers its size in bytes.

        Raises Gone (404), Throttled, SiteTrouble, WrongBody (cut, too large, redirected), or what `write`
        raises. After an error some bytes may have been written.
        """
        with self._exchange.asking() as sent, self._handle() as curl:
            error, size = self._perform(curl, path, item, write)
        try:
            self._exchange.judged(sent, error)
        finally:
            del error  # as there
        return size

    def close(self) -> None:
        """Close all idle connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def _perform(
        self, curl: pycurl.Curl, path: str, item: str, write: Callable[[bytes], int]
    ) -> tuple[TmxdbError | None, int]:
        """What went wrong, if anything, and how many bytes came."""
        trouble: list[Exception] = []
        received = 0

        def take(data: bytes) -> int:
            nonlocal received
            received += len(data)
            if received > LARGEST_FILE:
                return 0
            try:
                write(data)
            except TmxdbError as error:
                trouble.append(error)
                return 0
            return len(data)

        curl.setopt(pycurl.URL, self._exchange.site.base_url + path)
        curl.setopt(pycurl.WRITEFUNCTION, take)
        try:
            curl.perform()
        except pycurl.error as problem:
            code, text = problem.args[0], str(problem.args[1] if len(problem.args) > 1 else "")
            if trouble:
                raise trouble[0] from None
            if received > LARGEST_FILE or code == pycurl.E_FILESIZE_EXCEEDED:
                message = f"{item}: the file is larger than {LARGEST_FILE >> 20} MiB."
                return WrongBody(message, code="tmx.too_large"), received
            if code in _CUT:
                return WrongBody(f"{item}: the file is cut short after {received} bytes.", code="tmx.cut"), received
            if code in _TIMED_OUT:
                return lost(item, "no whole answer in time", timed_out=True), received
            reason = _REASONS.get(code, text.rstrip(".") or f"libcurl error {code}")
            return lost(item, reason, timed_out=False), received
        status = int(curl.getinfo(pycurl.RESPONSE_CODE))
        # libcurl has read the header, as seconds or as a date; 0 is none.
        retry_after = str(int(curl.getinfo(pycurl.RETRY_AFTER)) or "")
        return status_error(status, item, retry_after, now_s=time.time()), received

    @contextmanager
    def _handle(self) -> Iterator[pycurl.Curl]:
        try:
            curl = self._idle.get_nowait()
        except queue.Empty:
            curl = self._new_handle()
        try:
            yield curl
        finally:
            curl.unsetopt(pycurl.WRITEFUNCTION)
            self._idle.put(curl)

    def _new_handle(self) -> pycurl.Curl:
        curl = pycurl.Curl()
        for setting, value in (
            (pycurl.USERAGENT, self._exchange.agent),
            (pycurl.NOSIGNAL, 1),  # signals and threads do not mix
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.CONNECTTIMEOUT, int(CONNECT_S)),
            (pycurl.TIMEOUT, int(TOTAL_S)),
            (pycurl.LOW_SPEED_LIMIT, SLOWEST_BYTES_S),
            (pycurl.LOW_SPEED_TIME, SILENCE_S),
            (pycurl.MAXFILESIZE, LARGEST_FILE),
            (pycurl.BUFFERSIZE, 65536),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),  # one request at a time on each connection
            (pycurl.CAINFO, certifi.where()),
        ):
            curl.setopt(setting, value)
        return curl
