"""Receiving many files at the same time in one thread, each under the limits of concurrency and rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tmxdb.tmx.client import Exchange
from tmxdb.tmx.fetch import MAX_FILE
from tmxdb.tmx.http.transfer_error import TransferError
from tmxdb.tmx.http.transfers import Ended, Transfers
from tmxdb.tmx.next_request import NextRequest, OpenRequest
from tmxdb.tmx.response_errors import status_error, transfer_error

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _File(Generic[T]):
    """A file being downloaded."""

    key: T
    request: OpenRequest


class FileTransfers(Generic[T]):
    """Files being downloaded by one thread. Call `wait_s` before each `begin`, and `wait` again and again."""

    def __init__(self, exchange: Exchange, most: int) -> None:
        self._exchange, self._next = exchange, NextRequest(exchange)
        self._transfers: Transfers[_File[T]] = Transfers(exchange.http, user_agent=exchange.user_agent, most=most)

    def wait_s(self, wanted: int) -> float:
        """Return in how many seconds to ask again; 0 if a file may be begun now. `wanted`: how many could be begun.

        Raise what stopped the run or the worker.
        """
        return self._next.wait_s(wanted)

    def release(self) -> None:
        """Let others send requests first: no file is left to begin."""
        self._next.cancel()

    def begin(
        self, key: T, path: str, item: str, write: Callable[[bytes], object], *, before: str | None = None
    ) -> None:
        """Begin to stream the file at `path` into `write`, as `Fetcher.fetch` does.

        `before`: the error code of the last attempt for `item`.
        """
        file = _File(key, self._next.send(item, before=before))
        try:
            self._transfers.begin(file, self._exchange.site.base_url + path, write, largest=MAX_FILE)
        except BaseException as error:
            file.request.end(error)
            raise

    def wait(self, seconds: float) -> list[tuple[T, BaseException | None]]:
        """Receive what arrives within `seconds`. Return the key of each file that has ended, with its error.

        The errors are those of `Fetcher.fetch`. Check a received file in `breaker.recording(item)`.
        """
        return [(ended.key.key, _recorded(ended)) for ended in self._transfers.wait(seconds)]

    def close(self) -> list[T]:
        """Give up all files, and close all connections. Return the keys of the files."""
        self.release()
        given_up = self._transfers.close()
        for file in given_up:
            file.request.end(RuntimeError("given up"))
        return [file.key for file in given_up]


def _recorded(ended: Ended[_File[T]]) -> BaseException | None:
    """Record how the request ended, and return its error. If that cannot be recorded, this is the error."""
    try:
        return ended.key.request.end(_error_of(ended))
    except Exception as error:  # noqa: BLE001  # such as a database that is locked; the other files must not be lost
        return error


def _error_of(ended: Ended[_File[T]]) -> BaseException | None:
    outcome, item = ended.outcome, ended.key.request.item
    if isinstance(outcome, TransferError):
        error = transfer_error(outcome, item)
        error.__cause__ = outcome
        return error
    if isinstance(outcome, BaseException):
        return outcome
    return status_error(outcome.status, item, outcome.retry_after, date=outcome.date, now_s=time.time())
