"""A server on a raw socket that answers with whatever bytes it is told to, until the other side has had enough."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

Answer = Callable[[int], Iterator[bytes]]
"""From the number of a request (0 for the first) to the pieces of its answer."""


class Rude:
    """Listens at `url`. `sent`: bytes that were taken by clients."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.sent = self.connections = self.requests = 0
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
                    _, _, buffer = buffer.partition(b"\r\n\r\n")
                    number, self.requests = self.requests, self.requests + 1
                    for piece in self._answer(number):
                        client.sendall(piece)
                        self.sent += len(piece)


@contextlib.contextmanager
def rude(answer: Answer) -> Iterator[Rude]:
    """Inside the block, the server runs."""
    server = Rude(answer)
    try:
        yield server
    finally:
        server.close()


def whole(body: bytes, *heads: str) -> bytes:
    """A proper answer, with more heads."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *heads]
    return "\r\n".join([*lines, "", ""]).encode() + body


def drips(data: bytes, every_s: float = 0.05) -> Iterator[bytes]:
    """A byte at a time."""
    for byte in data:
        time.sleep(every_s)
        yield bytes([byte])


def again(piece: bytes) -> Iterator[bytes]:
    """The same for ever."""
    while True:
        yield piece
