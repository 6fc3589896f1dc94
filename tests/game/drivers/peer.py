"""A game of a hundred lines for the drivers' tests. Its bytes are written by hand (docs/facts/tminterface.md#protocol).

Run it as a process (`python peer.py PORT`), so that it can be stopped and killed as a game can. It shares no code with
tmxdb. Lines on stdin: `race` begins a race, `finish` ends it, `menus` leaves it. The first four bytes of a picture are
the race time that it shows.
"""

import contextlib
import select
import socket
import struct
import sys
import time

from orders import Orders

COUNTDOWN_MS = -2600


class Game:
    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        print(self.listener.getsockname()[1], flush=True)
        self.client, self.orders = None, Orders()
        self.screen, self.time_ms, self.ticks, self.period, self.speed = "menus", COUNTDOWN_MS, 0, 10, 1.0
        self.keys = bytes(4)
        self.disconnect()

    def disconnect(self):
        if self.client:
            self.client.close()
        self.client, self.timeout_s, self.requested = None, 2.0, None

    def run(self):
        while True:
            self.read_stdin()
            self.tick()
            self.render()
            time.sleep(0.01 / max(self.speed, 0.01) if self.screen != "race" or not self.client else 0)

    def read_stdin(self):
        words = self.orders.take()
        if words == []:
            sys.exit()
        for word in words or ():
            self.run_word(word)

    def run_word(self, word):
        self.screen = {"menus": "menus", "race": "race", "finish": "finished"}[word]
        if word == "race":
            self.time_ms = COUNTDOWN_MS

    def tick(self):
        if self.screen == "menus":
            return
        if self.screen == "race":
            self.time_ms += 10
        if self.client and (self.screen == "finished" or self.time_ms % self.period == 0):
            self.sync(1, struct.pack("<i", self.time_ms))
        if self.client and self.screen == "race" and self.time_ms == 500:
            self.sync(2, struct.pack("<ii", 1, 2))
            self.sync(3, struct.pack("<ii", 0, 1))

    def render(self):
        if select.select([self.listener], [], [], 0)[0]:
            new, _ = self.listener.accept()
            new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.client:  # replaced, not dropped: its timeout and its request remain
                self.client.close()
            self.client = new
            self.sync(5)
        if self.client and self.requested:
            width, height = self.requested
            self.sync(4, struct.pack("<i", self.time_ms) + bytes(width * height * 4 - 4))
            self.requested = None

    def sync(self, number, payload=b""):
        if not self.client:
            return None
        with contextlib.suppress(OSError):
            self.client.sendall(struct.pack("<i", number) + payload)
            start = time.monotonic()
            while self.client:
                left = start + self.timeout_s - time.monotonic()
                if left <= 0:
                    return self.disconnect()
                if select.select([self.client], [], [], left)[0]:
                    (message,) = self.read("<i")
                    if message == number:
                        return None
                    self.handle(message)
        return None

    def read(self, layout):
        data = b""
        self.client.settimeout(5)
        while len(data) < struct.calcsize(layout):
            piece = self.client.recv(struct.calcsize(layout) - len(data))
            if not piece:  # not noticed by the plugin: it waits until its timeout
                time.sleep(self.timeout_s)
                raise OSError
            data += piece
        return struct.unpack(layout, data)

    def handle(self, message):
        if message == 6:
            (self.speed,) = self.read("<f")
        elif message == 9:
            state = self.state()
            self.client.sendall(struct.pack("<i", len(state)) + state)
        elif message == 11:
            self.time_ms = COUNTDOWN_MS
        elif message == 13:
            self.disconnect()
        elif message == 14:
            (length,) = self.read("<i")
            self.read(f"<{length}s")
        elif message == 15:
            self.timeout_s = self.read("<I")[0] / 1000
        elif message == 16:
            self.client.sendall(struct.pack("<i", self.screen == "finished"))
        elif message == 17:
            self.requested = self.read("<ii")
        elif message == 19:
            (self.period,) = self.read("<i")
        elif message == 20:
            self.requested = None
        elif message == 21:
            self.read("<i")
        elif message == 22:
            self.client.sendall(struct.pack("<i", self.screen == "menus"))
        elif message == 23:
            text = b"0-1000 press up\n"
            self.client.sendall(struct.pack("<i", len(text)) + text)

    def state(self):
        data = bytearray(8344)
        struct.pack_into("<i", data, 7204 + 688, self.time_ms)
        times = [500, -1] if self.time_ms >= 500 else [-1, -1]
        return bytes(data) + struct.pack("<iiiii4i", 0, 2, 0, 0, 2, times[0], 0, times[1], 0)


if __name__ == "__main__":
    Game(int(sys.argv[1])).run()
