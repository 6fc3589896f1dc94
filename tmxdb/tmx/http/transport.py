"""GET requests with libcurl, for many threads: kept connections, deadlines and size limits, also behind proxies.

Each thread waits for its own request. `transfers.py` has many requests in flight in one thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext

import pycurl

from tmxdb.tmx.http.handles import Body, Handles, TransferResult, readable, result_of
from tmxdb.tmx.http.settings import HttpSettings


class CurlTransport:
    """Sends GET requests for many threads.

    `most_connections`: further threads wait for one of these; None: each thread has a connection of its own.
    """

    def __init__(self, settings: HttpSettings, *, user_agent: str, most_connections: int | None = None) -> None:
        self._handles = Handles(settings, user_agent=user_agent)
        self._room = nullcontext() if most_connections is None else threading.BoundedSemaphore(most_connections)

    def get(
        self,
        url: str,
        write: Callable[[bytes], object],
        *,
        largest: int,
        headers: list[str] | None = None,
        read_header: Callable[[bytes], object] | None = None,
    ) -> TransferResult:
        """Request `url` and pass the body to `write`, at most `largest` bytes; header lines to `read_header`.

        Redirects are not followed. Raise TransferError, or what `write` raises. After an error some bytes may have been
        written.
        """
        with self._room:
            curl, body = self._handles.take(), Body(write, largest, read_header)
            try:
                self._handles.prepare(curl, url, body)
                curl.setopt(pycurl.FRESH_CONNECT, _has_unread_bytes(curl))
                curl.setopt(pycurl.HTTPHEADER, headers or [])
                curl.perform()
                return result_of(curl, body)
            except pycurl.error as problem:
                code, text = problem.args[0], str(problem.args[1] if len(problem.args) > 1 else "")
                raise self._handles.error(curl, code, text, url, body) from None
            finally:
                self._handles.finish(curl)
                self._handles.give_back(curl)

    def close(self) -> None:
        """Close all idle connections."""
        self._handles.close()


def _has_unread_bytes(curl: pycurl.Curl) -> bool:
    """Return whether something has arrived on the kept connection, such as bytes behind the last response.

    libcurl would take them for the next response.
    """
    descriptor = curl.getinfo(pycurl.ACTIVESOCKET)
    return descriptor >= 0 and bool(readable([descriptor]))
