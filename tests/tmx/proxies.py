"""Proxies on loopback, for the tests of proxy settings: HTTP (plain and CONNECT) and SOCKS5."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit


class LoopbackProxy:
    """Listens at `port` and speaks one protocol. `requested`: host and port of each connection it was asked for.

    `stalls`: it accepts the request and then never answers.
    """

    def __init__(self, handshake: Callable[[LoopbackProxy, socket.socket], socket.socket | None]) -> None:
        self._handshake = handshake
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._server.getsockname()[1]
        self.requested: list[tuple[str, int]] = []
        self.stalls = False
        self.refusal = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def connect(self, host: str, port: int) -> socket.socket:
        self.requested.append((host, port))
        return socket.create_connection(("127.0.0.1", port), 10)  # all tests are on loopback, whatever the name

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, ValueError, struct.error):
            if self.stalls:
                while client.recv(65536):
                    pass
                return
            target = self._handshake(self, client)
            if target is not None:
                with target:
                    _relay(client, target)


def http_handshake(proxy: LoopbackProxy, client: socket.socket) -> socket.socket | None:
    """Serve one request of an HTTP proxy: CONNECT for https, a request with a complete URL for http."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(65536)
    line, _, rest = head.partition(b"\r\n")
    method, url, _ = line.decode().split(" ")
    if proxy.refusal:
        client.sendall(proxy.refusal)
        return None
    if method == "CONNECT":
        host, _, port = url.rpartition(":")
        target = proxy.connect(host, int(port))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return target
    parts = urlsplit(url)
    target = proxy.connect(parts.hostname or "", parts.port or 80)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    target.sendall(f"{method} {path} HTTP/1.1\r\n".encode() + rest)
    return target


def socks5_handshake(proxy: LoopbackProxy, client: socket.socket) -> socket.socket | None:
    """Serve the handshake of SOCKS 5 without authentication (RFC 1928)."""
    _, methods = struct.unpack("!BB", _exactly(client, 2))
    _exactly(client, methods)
    client.sendall(b"\x05\x00")
    _, _, _, kind = struct.unpack("!BBBB", _exactly(client, 4))
    if kind == 1:
        host = socket.inet_ntoa(_exactly(client, 4))
    elif kind == 3:
        host = _exactly(client, _exactly(client, 1)[0]).decode()
    else:
        host = socket.inet_ntop(socket.AF_INET6, _exactly(client, 16))
    (port,) = struct.unpack("!H", _exactly(client, 2))
    target = proxy.connect(host, port)
    client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    return target


@contextlib.contextmanager
def running_proxy(kind: str) -> Iterator[LoopbackProxy]:
    """Run a proxy of `kind` (`http` or `socks5`) during the block."""
    proxy = LoopbackProxy(http_handshake if kind == "http" else socks5_handshake)
    try:
        yield proxy
    finally:
        proxy.close()


def _exactly(client: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n:
        piece = client.recv(n - len(data))
        if not piece:
            raise ValueError("closed")
        data += piece
    return data


def _relay(client: socket.socket, target: socket.socket) -> None:
    def forward(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=forward, args=(target, client), daemon=True)
    back.start()
    forward(client, target)
    back.join(120)
