"""A game with TMInterface 1.4's side of the shared memory: 64 KB, a file outside of Windows.

Run it as a process: `python memory_game.py FILE`. On Windows the name of the file is that of the mapping. Layout,
numbers and payloads are those of docs/facts/tminterface.md#shared-memory and of the package's interface.py. The line
`race` on stdin begins a race. It shares no code with tmxdb.
"""

import mmap
import os
import struct
import sys
import time

from orders import Orders

SIZE = 65535
READY = 0xFF00
RESPONSE, REGISTERED, RUN_STEP, CHECKPOINT, LAPS = 1, 2, 4, 8, 9
REGISTER, DEREGISTER, PROCESSED, GIVE_UP, GET_STATE, GET_EVENTS = 12, 13, 14, 17, 20, 21
SET_SPEED, EXECUTE, SET_TIMEOUT = 27, 28, 30
NO_PLAYER_INFO = 4
COUNTDOWN_MS = -2600


def named_mapping(path):
    memory = mmap.mmap(-1, SIZE, tagname=os.path.basename(path))
    memory[:] = bytes(SIZE)
    return memory


def mapped_file(path):
    with open(path, "wb") as file:
        file.write(bytes(SIZE))
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), SIZE)


class Game:
    def __init__(self, path):
        self.memory = named_mapping(path) if sys.platform == "win32" else mapped_file(path)
        self.orders = Orders()
        print(0, flush=True)  # peer.py prints its port here
        self.registered, self.timeout_s = False, 2.0
        self.racing, self.time_ms = False, COUNTDOWN_MS

    def run(self):
        while True:
            words = self.orders.take()
            if words == []:
                sys.exit()
            if words:
                self.racing, self.time_ms = True, COUNTDOWN_MS
            if not self.registered and self.message() == REGISTER:
                self.registered, self.timeout_s = True, 2.0
                self.write(RESPONSE)
                self.until(lambda: self.message() is None)  # the client clears what it has read, 64 KB
                time.sleep(0.01)  # in no order, so a message written meanwhile would be cleared too
                self.call(REGISTERED)
            if self.racing:
                self.time_ms += 10
                self.call(RUN_STEP, self.time_ms)
                if self.time_ms == 500:
                    self.call(CHECKPOINT, 1, 2)
                    self.call(LAPS, 0)
            self.render()
            if not (self.racing and self.registered):
                time.sleep(0.01)

    def render(self):
        """Draws nothing; window_game.py has a window."""

    def message(self):
        """Return the number of the last message if it is ready."""
        (word,) = struct.unpack_from("<i", self.memory)
        return word & 0xFF if word & READY else None

    def write(self, number, payload=b"", error=0):
        self.memory[4 : 8 + len(payload)] = struct.pack("<i", error) + payload
        self.memory[0:4] = struct.pack("<i", number)
        self.memory[1] = 0xFF

    def until(self, condition):
        deadline = time.monotonic() + self.timeout_s
        while not condition():
            if time.monotonic() > deadline:
                self.registered = False
                return False
            time.sleep(0.0001)
        return True

    def call(self, number, *values):
        if not self.registered:
            return
        self.write(number, struct.pack(f"<{len(values)}i", *values))
        began = time.monotonic()
        while self.registered and time.monotonic() - began <= self.timeout_s:
            number = self.message()
            if number == PROCESSED:
                return
            if number is not None and number >= REGISTER:
                self.run_command(number)
            time.sleep(0.0001)
        self.registered = False

    def run_command(self, command):
        payload, error = b"", 0
        (value,) = struct.unpack_from("<i", self.memory, 8)
        if command == DEREGISTER:
            self.registered = False
            self.memory[0:SIZE] = bytes(SIZE)
            return
        if command == GIVE_UP:
            self.time_ms = COUNTDOWN_MS
        elif command == SET_TIMEOUT:
            self.timeout_s = value / 1000 if value >= 0 else 1e9
        elif command == GET_STATE:
            payload, error = self.state(), 0 if self.racing else NO_PLAYER_INFO
        elif command == GET_EVENTS:
            names = [0, -1, 1, *[-1] * 7]  # running, finish, accelerate: the rest is absent
            events = [(100_000, 1), (100_010, 1 << 24 | 1)]
            payload = struct.pack("<10iII", *names, 0, len(events)) + b"".join(struct.pack("<ii", *e) for e in events)
        elif command == EXECUTE:
            (length,) = struct.unpack_from("<i", self.memory, 12)
            assert 0 < length < 1000
        else:
            assert command == SET_SPEED, command
        self.write(RESPONSE, payload, error)
        self.until(lambda: self.message() != RESPONSE)

    def state(self):
        data = bytearray(8344)
        struct.pack_into("<i", data, 8, 0xFF)
        struct.pack_into("<i", data, 7204 + 688, self.time_ms)
        first = 500 if self.time_ms >= 500 else -1
        return bytes(data) + struct.pack("<iiiii4i", 0, 2, 0, 0, 2, first, 0, -1, 0)


if __name__ == "__main__":
    Game(sys.argv[1]).run()
