"""A server on a raw socket that answers with any bytes, until the client closes the connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

Answer = Callable[[int], Iterator[bytes]]
"""A function from the number of a request (0 for the first) to the pieces of its answer."""


class RawServer:
    """Listens at `url`. `sent` counts the bytes that clients have taken; `heads` are the heads of the requests."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.sent = self.connections = self.requests = 0
        self.heads: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            buffer = b""
            while data := client.recv(65536):
                buffer += data
                while b"\r\n\r\n" in buffer:
                    head, _, buffer = buffer.partition(b"\r\n\r\n")
                    self.heads.append(head.decode("latin-1"))
                    number, self.requests = self.requests, self.requests + 1
                    for piece in self._answer(number):
                        client.sendall(piece)
                        self.sent += len(piece)


@contextlib.contextmanager
def raw_server(answer: Answer) -> Iterator[RawServer]:
    """Run a server during the block."""
    server = RawServer(answer)
    try:
        yield server
    finally:
        server.close()


def complete(body: bytes, *headers: str) -> bytes:
    """Return a correct response with further header lines."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def slowly(data: bytes, every_s: float = 0.05) -> Iterator[bytes]:
    """Yield one byte at a time."""
    for byte in data:
        time.sleep(every_s)
        yield bytes([byte])


def forever(piece: bytes) -> Iterator[bytes]:
    """Yield the same piece without end."""
    while True:
        yield piece
