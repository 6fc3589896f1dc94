"""The game of peer.py in a window on an X11 desktop. The race time is drawn as 32 blocks, 8 in a row: black 0, white 1.

Run it as a process: `python window_game.py TITLE LEFT TOP WIDTH HEIGHT [TIME|FILE]`. With TIME it is only a window that
shows that time; with FILE it is memory_game.py. Lines on stdin: those of peer.py, and `hide`, `show` and `small`.
"""

import os
import select
import sys
import time
from pathlib import Path

from Xlib import X
from Xlib.display import Display

sys.path.insert(0, str(Path(__file__).parents[1] / "drivers"))
import memory_game
from peer import Game


class Window:
    def __init__(self, title, left, top, width, height):
        self.display = Display()
        screen = self.display.screen()
        self.size = width, height
        self.window = screen.root.create_window(left, top, width, height, 0, screen.root_depth)
        self.window.set_wm_name(title)
        pid = self.display.intern_atom("_NET_WM_PID")
        self.window.change_property(pid, X.AnyPropertyType or 6, 32, [os.getpid()])
        self.black = self.window.create_gc(foreground=0)
        self.white = self.window.create_gc(foreground=0xFFFFFF)
        self.window.map()
        self.display.sync()

    def draw(self, time_ms):
        width, height = self.size[0] // 8, self.size[1] // 4
        for bit in range(32):
            row, column = divmod(bit, 8)
            gc = self.white if time_ms >> bit & 1 else self.black
            self.window.fill_rectangle(gc, column * width, row * height, width, height)
        self.display.sync()

    def run_word(self, word):
        if word == "hide":
            self.window.unmap()
        elif word == "show":
            self.window.map()
        elif word == "small":
            self.window.configure(width=40, height=40)
        else:
            return False
        self.display.sync()
        return True


class WindowGame(Game):
    def __init__(self, window):
        self.window = window
        super().__init__(0)

    def run_word(self, word):
        if not self.window.run_word(word):
            super().run_word(word)

    def render(self):
        self.window.draw(self.time_ms)
        super().render()


class WindowMemoryGame(memory_game.Game):
    def __init__(self, window, file):
        self.window = window
        super().__init__(file)

    def render(self):
        self.window.draw(self.time_ms)


if __name__ == "__main__":
    title, *area = sys.argv[1:6]
    window = Window(title, *map(int, area))
    if len(sys.argv) < 7:
        WindowGame(window).run()
    if not sys.argv[6].lstrip("-").isdigit():
        WindowMemoryGame(window, sys.argv[6]).run()
    print(0, flush=True)
    while True:
        window.draw(int(sys.argv[6]))
        if select.select([0], [], [], 0.02)[0]:
            words = os.read(0, 100).decode().split()
            if not words:
                sys.exit()
            window.run_word(words[-1])
        time.sleep(0.01)
