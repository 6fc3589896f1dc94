"""A game that costs next to nothing: `python -m bench._feeder WIDTH HEIGHT RACE_MS [PORT [RATE]]`.

Prints its port, then JSON.

It is the plugin's side of the socket. It sends one prepared picture and one prepared state, so that its own work does
not count. Every race finishes after RACE_MS. With `raw` instead of RACE_MS it sends only pictures: the floor. RATE is
in ticks per second of wall time; 0 means as fast as they are answered. The JSON contains how long the game was held in
steps and in pictures.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from typing import Any

I32 = struct.Struct("<i")
PAYLOAD = {6: 4, 10: 4, 15: 4, 17: 8, 19: 4, 21: 4}
RACE_TIME_AT, SPEED_AT, CHECKPOINTS_AT = 7204 + 688, 7204 + 832, 8344
BEGIN_MS = -50


def main() -> None:
    width, height, what = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    listener = socket.create_server(("127.0.0.1", int(sys.argv[4]) if len(sys.argv) > 4 else 0))
    listener.settimeout(60)
    print(f"port {listener.getsockname()[1]}", flush=True)
    pixels = bytes((x * 7 + y * 3 + c * 50) % 256 for y in range(height) for x in range(width) for c in range(4))
    if what == "raw":
        link, _ = listener.accept()
        frames = int.from_bytes(_exactly(link, 4), "little")
        for _ in range(frames):
            link.sendall(I32.pack(4) + pixels)
        return
    feeder = Feeder(pixels, int(what), float(sys.argv[5]) if len(sys.argv) > 5 else 0)
    while True:
        try:
            link, _ = listener.accept()
        except TimeoutError:
            break
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        feeder.serve(link)
        listener.settimeout(2)
    print(json.dumps(feeder.summary()), flush=True)


class Feeder:
    """One game; `serve` until its client leaves."""

    def __init__(self, pixels: bytes, race_ms: int, rate: float) -> None:
        self._tick_s, self._next_tick = 1 / rate if rate else 0.0, 0.0
        self._race_ms, self._frame = race_ms, I32.pack(4) + pixels
        self._state = bytearray(8344 + 12 + 8)
        struct.pack_into("<i", self._state, CHECKPOINTS_AT + 8, 1)
        struct.pack_into("<i", self._state, CHECKPOINTS_AT + 12, -1)
        struct.pack_into("<i", self._state, SPEED_AT, 100)
        self._time_ms, self._racing, self._wants = BEGIN_MS, False, False
        self._held: dict[int, list[float]] = {1: [], 4: []}
        self._buffer, self._size = b"", 0

    def serve(self, link: socket.socket) -> None:
        self._buffer, self._wants = b"", False
        try:
            self._say(link, 5, I32.pack(5))
            while True:
                if self._racing:
                    self._await_tick()
                    self._time_ms = min(self._time_ms + 10, self._race_ms)
                    self._say(link, 1, I32.pack(1) + I32.pack(self._time_ms))
                if self._wants:
                    self._say(link, 4, self._frame[: 4 + self._size])
                    self._wants = False
                elif not self._racing:
                    time.sleep(0.001)
        except (ConnectionError, StopIteration):
            link.close()

    def _await_tick(self) -> None:
        now = time.perf_counter()
        if self._next_tick > now:
            time.sleep(self._next_tick - now)
        self._next_tick = max(self._next_tick, now) + self._tick_s

    def _say(self, link: socket.socket, number: int, message: bytes) -> None:
        began = time.perf_counter()
        link.sendall(message)
        while True:
            order = self._number(link)
            if order == number:
                break
            self._obey(link, order)
        if number in self._held:
            self._held[number].append(time.perf_counter() - began)

    def _obey(self, link: socket.socket, order: int) -> None:
        payload = self._take(link, PAYLOAD.get(order, 0))
        if order == 14:
            command = self._take(link, self._number(link))
            if command.startswith((b"map ", b"exit_map")):
                self._racing, self._time_ms = command.startswith(b"map "), BEGIN_MS
        elif order == 11:
            self._time_ms = BEGIN_MS
        elif order == 17:
            self._wants = True
            width, height = struct.unpack("<2i", payload)
            self._size = 4 * width * height
        elif order == 20:
            self._wants = False
        elif order == 9:
            I32.pack_into(self._state, RACE_TIME_AT, self._time_ms)
            link.sendall(I32.pack(len(self._state)) + self._state)
        elif order == 16:
            link.sendall(I32.pack(int(self._time_ms >= self._race_ms)))
        elif order == 22:
            link.sendall(I32.pack(int(not self._racing)))
        elif order == 23:
            link.sendall(I32.pack(0))
        elif order == 13:
            raise StopIteration

    def _number(self, link: socket.socket) -> int:
        return int(I32.unpack(self._take(link, 4))[0])

    def _take(self, link: socket.socket, size: int) -> bytes:
        while len(self._buffer) < size:
            more = link.recv(65536)
            if not more:
                raise ConnectionError
            self._buffer += more
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def summary(self) -> dict[str, Any]:
        told = {}
        for number, name in ((1, "step"), (4, "frame")):
            times = sorted(self._held[number]) or [0.0]
            told[f"{name}_ms"] = 1000 * sum(times) / len(times)
            told[f"{name}_p99_ms"] = 1000 * times[len(times) * 99 // 100]
        return told


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += link.recv(size - len(data))
    return data


if __name__ == "__main__":
    main()
