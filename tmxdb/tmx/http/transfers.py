"""Many GET requests in flight at the same time, in one thread, with libcurl's multi interface.

64 threads that each wait for a file of their own take turns for the GIL. A file with all checks took them 0.9 to 1.0 ms
of processor time, and 0.6 to 0.75 ms in one thread, measured in turn (`bench/download.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import pycurl

from tmxdb.tmx.http.handles import Body, Handles, TransferResult, readable, result_of
from tmxdb.tmx.http.settings import HttpSettings

T = TypeVar("T")
NO_SOCKET_S = 0.01
"""How long to wait while libcurl has no socket to wait for, such as older versions of it that look up a name."""


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """A transfer that has ended. `key` is the one it was begun with.

    `outcome`: how it was answered, or what went wrong: TransferError, or what its `write` raised.
    """

    key: T
    outcome: TransferResult | BaseException


@dataclass(slots=True)
class _Transfer(Generic[T]):
    """A transfer under way."""

    key: T
    url: str
    body: Body
    local_port: int | None = None
    """Of its connection, once the request is about to be sent."""
    is_repeated: bool = False


class Transfers(Generic[T]):
    """GET requests in flight. Used by one thread. At most `most` connections are kept for later ones."""

    def __init__(self, settings: HttpSettings, *, user_agent: str, most: int) -> None:
        self._handles = Handles(settings, user_agent=user_agent)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, most)
        self._under_way: dict[pycurl.Curl, _Transfer[T]] = {}
        self._begun: list[pycurl.Curl] = []
        """Handles whose socket is not known yet."""
        self._sockets: dict[int, int] = {}
        """The socket of each connection by its local port. Some are closed by now."""
        self._used: set[int] = set()
        """Local ports from which a request was sent."""

    def begin(self, key: T, url: str, write: Callable[[bytes], object], *, largest: int) -> None:
        """Request `url`. `wait` passes the body to `write`, at most `largest` bytes. Redirects are not followed."""
        curl, transfer = self._handles.take(), _Transfer(key, url, Body(write, largest))
        self._handles.prepare(curl, url, transfer.body)
        curl.setopt(pycurl.FRESH_CONNECT, 0)
        curl.setopt(pycurl.PREREQFUNCTION, partial(self._may_send, transfer))
        self._multi.add_handle(curl)
        self._under_way[curl] = transfer
        self._begun.append(curl)

    def wait(self, seconds: float) -> list[Ended[T]]:
        """Send and receive what is possible, waiting up to `seconds` for it. Return the transfers that have ended."""
        self._perform()
        ended = self._ended()
        if self._under_way and not ended and seconds > 0:
            began_s = time.monotonic()
            if self._multi.select(seconds) <= 0 and time.monotonic() - began_s < seconds / 2:
                time.sleep(min(seconds, NO_SOCKET_S))
            self._perform()
            ended = self._ended()
        return ended

    def close(self) -> list[T]:
        """Give up all transfers and close all connections. Return the keys of the transfers."""
        given_up = [transfer.key for transfer in self._under_way.values()]
        for curl in self._under_way:
            self._multi.remove_handle(curl)
            curl.close()
        self._under_way.clear()
        self._begun.clear()
        self._handles.close()
        self._multi.close()
        return given_up

    def _perform(self) -> None:
        """Let libcurl send and receive. Note the sockets of new requests: it names them only while they are in use."""
        self._multi.perform()
        left = []
        for curl in self._begun:
            local_port = self._under_way[curl].local_port
            if local_port is None:
                left.append(curl)
            elif (descriptor := curl.getinfo(pycurl.ACTIVESOCKET)) >= 0:
                self._sockets[local_port] = descriptor
        self._begun = left

    def _may_send(
        self, transfer: _Transfer[T], remote_ip: str, local_ip: str, remote_port: int, local_port: int
    ) -> int:
        """Return whether a request may be sent on the connection that libcurl has chosen, just before it does.

        Not on a kept one with unread bytes, such as bytes behind the last response: libcurl would take them for the
        next response. It closes that connection then.
        """
        transfer.local_port = local_port
        if local_port not in self._used or transfer.is_repeated:
            self._used.add(local_port)
            self._sockets.pop(local_port, None)  # of an earlier connection
            return int(pycurl.PREREQFUNC_OK)
        descriptor = self._sockets.get(local_port)
        if descriptor is not None and not readable([descriptor]):
            return int(pycurl.PREREQFUNC_OK)
        return int(pycurl.PREREQFUNC_ABORT)

    def _ended(self) -> list[Ended[T]]:
        ended: list[Ended[T]] = []
        left = True
        while left:
            left, succeeded, failed = self._multi.info_read()
            for curl, code, text in [*((curl, pycurl.E_OK, "") for curl in succeeded), *failed]:
                if code == pycurl.E_ABORTED_BY_CALLBACK and not self._under_way[curl].is_repeated:
                    self._repeat(curl)
                else:
                    ended.append(self._end(curl, code, text))
        return ended

    def _repeat(self, curl: pycurl.Curl) -> None:
        """Send a request on a new connection that could not be sent on a kept one."""
        transfer = self._under_way[curl]
        transfer.is_repeated, transfer.local_port = True, None
        self._multi.remove_handle(curl)
        curl.setopt(pycurl.FRESH_CONNECT, 1)
        self._multi.add_handle(curl)
        self._begun.append(curl)

    def _end(self, curl: pycurl.Curl, code: int, text: str) -> Ended[T]:
        transfer = self._under_way.pop(curl)
        if curl in self._begun:
            self._begun.remove(curl)
        self._multi.remove_handle(curl)
        self._handles.finish(curl)
        curl.unsetopt(pycurl.PREREQFUNCTION)  # it refers to the transfer
        outcome: TransferResult | BaseException
        try:
            outcome = (
                result_of(curl, transfer.body)
                if code == pycurl.E_OK
                else self._handles.error(curl, code, text, transfer.url, transfer.body)
            )
        except Exception as error:  # noqa: BLE001  # what a server sent must not end other transfers
            outcome = error
        self._handles.give_back(curl)
        return Ended(transfer.key, outcome)
