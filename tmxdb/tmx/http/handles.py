"""Handles of libcurl with the settings of this process, and what they say about a transfer that has ended.

libcurl was chosen by measurement: 64 in flight on loopback, 29 KB files, CPU seconds per 1,000 files: pycurl 0.10,
urllib3 0.41, requests 0.70 (`bench/download.py`). Its total deadline covers everything: name lookup, proxy, TLS,
headers and body.
"""

from __future__ import annotations

import os
import queue
import select
from collections.abc import Callable, Collection
from dataclasses import dataclass

import certifi
import pycurl

from tmxdb.tmx.http.settings import HttpSettings, without_password
from tmxdb.tmx.http.transfer_error import TransferError

_CUT = (pycurl.E_PARTIAL_FILE,)
_TOO_LARGE = (pycurl.E_FILESIZE_EXCEEDED,)
_REASONS = {
    pycurl.E_COULDNT_CONNECT: "connection refused",
    pycurl.E_COULDNT_RESOLVE_HOST: "no such host",
    pycurl.E_COULDNT_RESOLVE_PROXY: "no such proxy",
    pycurl.E_RECV_ERROR: "the connection was reset",
    pycurl.E_SEND_ERROR: "the connection was reset",
    pycurl.E_GOT_NOTHING: "the connection was closed without an answer",
    pycurl.E_PEER_FAILED_VERIFICATION: "its certificate cannot be trusted",
    pycurl.E_SSL_CACERT_BADFILE: "the file of trusted certificates cannot be read",
}
_PROXY_ERROR = 97
"""CURLE_PROXY, for which pycurl has no name: curl.se/libcurl/c/libcurl-errors.html."""


@dataclass(frozen=True, slots=True)
class TransferResult:
    """The answer to a completed transfer. `retry_after`, `date`: these headers as sent; None if they were not."""

    status: int
    retry_after: str | None
    date: str | None


class Body:
    """Passes pieces of a body on, until there are too many or they cannot be written. Notes two lines of its header.

    Header lines are passed to `read_header`, if there is one.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        largest: int,
        read_header: Callable[[bytes], object] | None = None,
    ) -> None:
        self._write, self.largest, self._read_header = write, largest, read_header
        self.received = 0
        self.is_too_large = False
        self.error: BaseException | None = None
        self.noted: dict[bytes, str] = {}

    def take_header(self, line: bytes) -> None:
        """Note Retry-After and Date. A status line begins a new header: 1xx responses and proxies send their own."""
        if line.startswith(b"HTTP/"):
            self.noted.clear()
        elif line[:1] in b"rRdD":
            name, _, value = line.partition(b":")
            if name.strip().lower() in (b"retry-after", b"date"):
                self.noted[name.strip().lower()] = value[:100].decode("latin-1").strip()
        if self._read_header is not None:
            self._read_header(line)

    def take(self, data: bytes) -> int:
        """Return how many bytes were taken; fewer than given end the transfer."""
        self.received += len(data)
        if self.received > self.largest:
            self.is_too_large = True
            return 0
        try:
            self._write(data)
        except BaseException as error:  # noqa: BLE001  # must not pass through libcurl; raised again after it
            self.error = error
            return 0
        return len(data)


class Handles:
    """Makes handles and keeps those that are not in use: last in, first out, so that few of them do the work."""

    def __init__(self, settings: HttpSettings, *, user_agent: str) -> None:
        self._settings, self._user_agent = settings, user_agent
        self._idle: queue.LifoQueue[pycurl.Curl] = queue.LifoQueue()

    def take(self) -> pycurl.Curl:
        """Return an idle handle, or a new one."""
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._new()

    def give_back(self, curl: pycurl.Curl) -> None:
        """Keep a handle whose transfer has ended."""
        self._idle.put(curl)

    def close(self) -> None:
        """Close all idle handles and their connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def prepare(self, curl: pycurl.Curl, url: str, body: Body) -> None:
        """Let `curl` request `url` next and pass what it receives to `body`."""
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.PROXY, self._settings.proxy_for(url))
        curl.setopt(pycurl.MAXFILESIZE, body.largest)
        curl.setopt(pycurl.WRITEFUNCTION, body.take)
        curl.setopt(pycurl.HEADERFUNCTION, body.take_header)

    def finish(self, curl: pycurl.Curl) -> None:
        """Remove the references of `curl` to the body that `prepare` gave it."""
        curl.unsetopt(pycurl.WRITEFUNCTION)
        curl.unsetopt(pycurl.HEADERFUNCTION)

    def error(self, curl: pycurl.Curl, code: int, text: str, url: str, body: Body) -> BaseException:
        """Return what a failed transfer raises: TransferError, or what the body's `write` raised."""
        if body.error is not None:
            raised, body.error = body.error, None  # its traceback refers to the body: a cycle
            return raised
        if body.is_too_large or code in _TOO_LARGE:
            return TransferError("too large", f"larger than {body.largest >> 20} MB", body.received)
        if code in _CUT:
            return TransferError("cut", "cut short", body.received)
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return TransferError("timeout", "no complete answer in time", body.received)
        refused = int(curl.getinfo(pycurl.HTTP_CONNECTCODE))
        if refused >= 400 or code == _PROXY_ERROR:
            proxy = without_password(self._settings.proxy_for(url))
            advice = " and wants a user name and password" if refused == 407 else ""
            return TransferError("connection", f"the proxy {proxy} refused the connection{advice}", body.received)
        return TransferError("connection", _REASONS.get(code) or _plain(text) or f"libcurl error {code}", body.received)

    def _new(self) -> pycurl.Curl:
        limits, curl = self._settings.limits, pycurl.Curl()
        certificates = os.fsencode(self._settings.certificates or certifi.where())
        is_folder = os.path.isdir(certificates)
        list_of, of_proxy = (pycurl.CAPATH, pycurl.PROXY_CAPATH) if is_folder else (pycurl.CAINFO, pycurl.PROXY_CAINFO)
        if not certificates.isascii() and os.path.isfile(certificates):
            # Which encoding a path needs on Windows depends on how libcurl was built, so it gets what is in the file.
            # Only lists that it opens by itself are kept for the next connection.
            list_of, of_proxy = pycurl.CAINFO_BLOB, pycurl.PROXY_CAINFO_BLOB
            with open(certificates, "rb") as file:
                certificates = file.read()
        for setting, value in (
            (pycurl.USERAGENT, self._user_agent),
            (pycurl.NOSIGNAL, 1),  # signals do not work with threads
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.CONNECTTIMEOUT_MS, round(limits.connect_s * 1000)),
            (pycurl.TIMEOUT_MS, round(limits.total_s * 1000)),
            (pycurl.LOW_SPEED_LIMIT, limits.slowest_bytes_s),
            (pycurl.LOW_SPEED_TIME, limits.silence_s),
            (pycurl.BUFFERSIZE, 65536),
            (pycurl.MAXCONNECTS, 1),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),  # one request at a time on each connection
            (pycurl.NOPROXY, self._settings.no_proxy),
            (list_of, certificates),
            (of_proxy, certificates),
        ):
            curl.setopt(setting, value)
        return curl


def result_of(curl: pycurl.Curl, body: Body) -> TransferResult:
    """Return what the transfer of `curl` that has just ended was answered with."""
    # libcurl has the seconds of Retry-After, too, but compares a date with the clock of this machine.
    return TransferResult(
        int(curl.getinfo(pycurl.RESPONSE_CODE)), body.noted.get(b"retry-after"), body.noted.get(b"date")
    )


def readable(descriptors: Collection[int]) -> list[int]:
    """Return the sockets on which something has arrived. One that either side has closed counts as well."""
    if not descriptors:
        return []
    if hasattr(select, "poll"):
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        return [descriptor for descriptor, _ in poll.poll(0)]
    return [descriptor for descriptor in descriptors if _is_readable(descriptor)]


def _is_readable(descriptor: int) -> bool:
    """Return the same for one socket on Windows, where `select` takes any number, but none that was closed."""
    try:
        return bool(select.select([descriptor], [], [], 0)[0])
    except OSError:
        return True


def _plain(text: str) -> str:
    """Return a message of libcurl without what a server may have put into it."""
    return "".join(character for character in text if character.isprintable())[:200].rstrip(".")
