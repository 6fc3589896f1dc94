"""Downloading files: streamed into a function that takes the bytes, within limits of size and time.

`file_transfers.py` receives many files in one thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tmxdb.tmx.client import Exchange
from tmxdb.tmx.http.transfer_error import TransferError
from tmxdb.tmx.response_errors import status_error, transfer_error

if TYPE_CHECKING:
    from tmxdb.tmx.http.transport import CurlTransport

MAX_FILE = 16 * 2**20
"""The largest of 486 real replay and map files has 2.9 MB (docs/facts/gbx.md#limits)."""
T = TypeVar("T")


class Fetcher:
    """Downloads files from the exchange for many threads, each with at most one connection."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._opened: CurlTransport | None = None
        self._opening = threading.Lock()

    def fetch(
        self,
        path: str,
        item: str,
        write: Callable[[bytes], object],
        check: Callable[[], T],
        *,
        before: str | None = None,
    ) -> T:
        """Stream the file at `path` into `write`, then return what `check` returns.

        `check` raises InvalidResponse if the file is not what it should be: when every file is wrong, that is an outage
        like any other. Raise ItemGone (404), Throttled, SiteError, SiteOutage, InvalidResponse (cut, too large,
        redirected), or what `write` and `check` raise. After an error some bytes may have been written.

        `before`: the error code of the last attempt for `item`.
        """
        with self._exchange.request(item, before=before) as received:
            self._transfer(path, item, write)
            received()
            return check()

    def close(self) -> None:
        """Close all idle connections."""
        if self._opened is not None:
            self._opened.close()

    def _transport(self) -> CurlTransport:
        """Return the transport, opened by the first request: a worker of captures sends none."""
        from tmxdb.tmx.http.transport import CurlTransport

        with self._opening:
            if self._opened is None:
                self._opened = CurlTransport(self._exchange.http, user_agent=self._exchange.user_agent)
            return self._opened

    def _transfer(self, path: str, item: str, write: Callable[[bytes], object]) -> None:
        try:
            result = self._transport().get(self._exchange.site.base_url + path, write, largest=MAX_FILE)
        except TransferError as problem:
            raise transfer_error(problem, item) from problem
        error = status_error(result.status, item, result.retry_after, date=result.date, now_s=time.time())
        if error is not None:
            raise error
