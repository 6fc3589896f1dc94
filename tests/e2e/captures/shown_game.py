"""The sandbox's game with a window on an X11 desktop, in which it draws each rendered frame of a race.

Run as a process: `python shown_game.py TITLE WIDTH HEIGHT --user-folder … --port N`, the rest as
`python -m tmxdb_sandbox.game` takes it.
"""

from __future__ import annotations

import sys

from Xlib import X
from Xlib.display import Display

from tmxdb_sandbox.game import __main__ as sandbox
from tmxdb_sandbox.game.settings import GameSettings
from tmxdb_sandbox.game.world.game import Game


class ShownGame(Game):
    """A game that draws each picture in its window before the plugin sends it."""

    def __init__(self, settings: GameSettings) -> None:
        title, self._width, self._height = sys.title, int(sys.size[0]), int(sys.size[1])  # type: ignore[attr-defined]
        super().__init__(settings)
        self._display = Display()
        screen = self._display.screen()
        self._window = screen.root.create_window(0, 0, self._width, self._height, 0, screen.root_depth)
        self._window.set_wm_name(title)
        self._gc = self._window.create_gc()
        self._window.map()
        self._display.sync()
        self._render, self._plugin.render = self._plugin.render, self._show  # type: ignore[method-assign]

    def _show(self) -> None:
        if self.loaded is not None and self.screen == "race":
            pixels = self.view.race(self._width, self._height, self.racing)
            depth = self._display.screen().root_depth
            self._window.put_image(self._gc, 0, 0, self._width, self._height, X.ZPixmap, depth, 0, bytes(pixels))
            self._display.sync()
        self._render()


if __name__ == "__main__":
    sys.title, sys.size = sys.argv[1], sys.argv[2:4]  # type: ignore[attr-defined]
    del sys.argv[1:4]
    sandbox.Game = ShownGame  # type: ignore[misc, attr-defined]
    sys.exit(sandbox.main())
