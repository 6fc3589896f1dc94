"""A game of a hundred lines for the drivers' tests, its bytes written by hand from the fact sheet, section (a).

Run as a process (`python peer.py PORT`), so that it can be stopped and killed as a game can. It knows no word of tmxdb.
A line on stdin tells it what to do: `race` begins one, `finish` ends it, `menus` leaves it.
The picture's first four bytes are the race time that it shows.
"""

import contextlib
import os
import select
import socket
import struct
import sys
import time

COUNTDOWN_MS = -2600


class Game:
    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", port))
        print(self.listener.getsockname()[1], flush=True)
        self.client = None
        self.place, self.time_ms, self.ticks, self.period, self.speed = "menus", COUNTDOWN_MS, 0, 10, 1.0
        self.keys = bytes(4)
        self.forget()

    def forget(self):
        if self.client:
            self.client.close()
        self.client, self.timeout_s, self.wanted = None, 2.0, None

    def run(self):
        while True:
            self.read_stdin()
            self.tick()
            self.render()
            time.sleep(0.01 / max(self.speed, 0.01) if self.place != "race" or not self.client else 0)

    def read_stdin(self):
        if select.select([0], [], [], 0)[0]:
            order = os.read(0, 100).decode().split()
            if not order:
                sys.exit()
            for word in order:
                self.obey_word(word)

    def obey_word(self, word):
        self.place = {"menus": "menus", "race": "race", "finish": "finished"}[word]
        if word == "race":
            self.time_ms = COUNTDOWN_MS

    def tick(self):
        if self.place == "menus":
            return
        if self.place == "race":
            self.time_ms += 10
        if self.client and (self.place == "finished" or self.time_ms % self.period == 0):
            self.sync(1, struct.pack("<i", self.time_ms))
        if self.client and self.place == "race" and self.time_ms == 500:
            self.sync(2, struct.pack("<ii", 1, 2))
            self.sync(3, struct.pack("<ii", 0, 1))

    def render(self):
        if select.select([self.listener], [], [], 0)[0]:
            new, _ = self.listener.accept()
            new.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.client:  # replaced, not dropped: its timeout and its request stay
                self.client.close()
            self.client = new
            self.sync(5)
        if self.client and self.wanted:
            width, height = self.wanted
            self.sync(4, struct.pack("<i", self.time_ms) + bytes(width * height * 4 - 4))
            self.wanted = None

    def sync(self, number, payload=b""):
        if not self.client:
            return None
        with contextlib.suppress(OSError):
            self.client.sendall(struct.pack("<i", number) + payload)
            began = time.monotonic()
            while self.client:
                left = began + self.timeout_s - time.monotonic()
                if left <= 0:
                    return self.forget()
                if select.select([self.client], [], [], left)[0]:
                    (said,) = self.read("<i")
                    if said == number:
                        return None
                    self.obey(said)
        return None

    def read(self, form):
        data = b""
        self.client.settimeout(5)
        while len(data) < struct.calcsize(form):
            piece = self.client.recv(struct.calcsize(form) - len(data))
            if not piece:  # not noticed by the plugin: it waits until its timeout
                time.sleep(self.timeout_s)
                raise OSError
            data += piece
        return struct.unpack(form, data)

    def obey(self, order):
        if order == 6:
            (self.speed,) = self.read("<f")
        elif order == 9:
            state = self.state()
            self.client.sendall(struct.pack("<i", len(state)) + state)
        elif order == 11:
            self.time_ms = COUNTDOWN_MS
        elif order == 13:
            self.forget()
        elif order == 14:
            (length,) = self.read("<i")
            self.read(f"<{length}s")
        elif order == 15:
            self.timeout_s = self.read("<I")[0] / 1000
        elif order == 16:
            self.client.sendall(struct.pack("<i", self.place == "finished"))
        elif order == 17:
            self.wanted = self.read("<ii")
        elif order == 19:
            (self.period,) = self.read("<i")
        elif order == 20:
            self.wanted = None
        elif order == 21:
            self.read("<i")
        elif order == 22:
            self.client.sendall(struct.pack("<i", self.place == "menus"))
        elif order == 23:
            text = b"0-1000 press up\n"
            self.client.sendall(struct.pack("<i", len(text)) + text)

    def state(self):
        data = bytearray(8344)
        struct.pack_into("<i", data, 7204 + 688, self.time_ms)
        times = [500, -1] if self.time_ms >= 500 else [-1, -1]
        return bytes(data) + struct.pack("<iiiii4i", 0, 2, 0, 0, 2, times[0], 0, times[1], 0)


if __name__ == "__main__":
    Game(int(sys.argv[1])).run()
