"""Many GET requests in flight at the same time, in one thread, with libcurl's multi interface.

64 threads that each wait for a file of their own take turns for the GIL. A file with all checks took them 0.9 to 1.0 ms
of processor time, and 0.6 to 0.75 ms in one thread, measured in turn (`bench/download.py`).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
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


class Transfers(Generic[T]):
    """GET requests in flight. Used by one thread. At most `most` connections are kept for later ones."""

    def __init__(self, settings: HttpSettings, *, user_agent: str, most: int) -> None:
        self._handles = Handles(settings, user_agent=user_agent)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, most)
        self._begun: list[pycurl.Curl] = []
        self._under_way: dict[pycurl.Curl, tuple[T, str, Body]] = {}
        self._kept: dict[int, int] = {}
        """Connections on which a transfer has ended: descriptor and local port. libcurl may have closed some."""

    def begin(self, key: T, url: str, write: Callable[[bytes], object], *, largest: int) -> None:
        """Request `url`. `wait` passes the body to `write`, at most `largest` bytes. Redirects are not followed."""
        curl, body = self._handles.take(), Body(write, largest)
        self._handles.prepare(curl, url, body)
        self._begun.append(curl)
        self._under_way[curl] = (key, url, body)

    def wait(self, seconds: float) -> list[Ended[T]]:
        """Send and receive what is possible, waiting up to `seconds` for it. Return the transfers that have ended."""
        self._send_requests()
        self._multi.perform()
        ended = self._ended()
        if self._under_way and not ended and seconds > 0:
            began_s = time.monotonic()
            if self._multi.select(seconds) <= 0 and time.monotonic() - began_s < seconds / 2:
                time.sleep(min(seconds, NO_SOCKET_S))
            self._multi.perform()
            ended = self._ended()
        return ended

    def close(self) -> list[T]:
        """Give up all transfers and close all connections. Return the keys of the transfers."""
        given_up = [key for key, _, _ in self._under_way.values()]
        for curl in self._under_way:
            if curl not in self._begun:
                self._multi.remove_handle(curl)
            curl.close()
        self._under_way.clear()
        self._begun.clear()
        self._handles.close()
        self._multi.close()
        return given_up

    def _send_requests(self) -> None:
        """Pass the transfers that were begun to libcurl, which sends them when it is called next.

        It chooses one of the kept connections for each. Those with unread bytes, such as bytes behind the last
        response, are shut down before: libcurl would take the bytes for the next response.
        """
        if not self._begun:
            return
        in_use = {curl.getinfo(pycurl.ACTIVESOCKET) for curl in self._under_way}
        for descriptor in readable(self._kept.keys() - in_use):
            _shut_down(descriptor, self._kept.pop(descriptor))
        for curl in self._begun:
            self._multi.add_handle(curl)
        self._begun.clear()

    def _ended(self) -> list[Ended[T]]:
        ended: list[Ended[T]] = []
        left = True
        while left:
            left, succeeded, failed = self._multi.info_read()
            ended += [self._end(curl, pycurl.E_OK, "") for curl in succeeded]
            ended += [self._end(curl, code, text) for curl, code, text in failed]
        return ended

    def _end(self, curl: pycurl.Curl, code: int, text: str) -> Ended[T]:
        key, url, body = self._under_way.pop(curl)
        if (descriptor := curl.getinfo(pycurl.ACTIVESOCKET)) >= 0:
            self._kept[descriptor] = curl.getinfo(pycurl.LOCAL_PORT)
        self._multi.remove_handle(curl)
        curl.unsetopt(pycurl.WRITEFUNCTION)
        outcome = result_of(curl, body) if code == pycurl.E_OK else self._handles.error(curl, code, text, url, body)
        self._handles.give_back(curl)
        return Ended(key, outcome)


def _shut_down(descriptor: int, local_port: int) -> None:
    """Shut down the connection from `local_port`, unless its descriptor was closed and is something else now."""
    with suppress(OSError):
        connection = socket.socket(fileno=descriptor)
        try:
            if connection.getsockname()[1] == local_port:
                connection.shutdown(socket.SHUT_RDWR)
        finally:
            connection.detach()  # libcurl closes it
