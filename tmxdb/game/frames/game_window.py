"""The window of the game that listens on a port: by its process if that is known, else by its title."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.frames.window import WindowQuery
from tmxdb.game.process.processes import listener_of
from tmxdb.process_identity import ProcessIdentity, identity_of

log = logging.getLogger(__name__)


class GameWindow:
    """`started_pid`: returns the process of the game if this program started it. `reported_pid`: what the plugin says.

    On Linux the game runs under Wine, whose process ids the plugin reports: no window has them. The process that
    listens on the port is the game, and Wine's windows name it in `_NET_WM_PID`. Assumed: the listening socket is held
    by the game and by wineserver only. A window that names no process, or another one, is found by its title.
    """

    def __init__(
        self,
        title: str,
        port: int,
        started_pid: Callable[[], int | None] = lambda: None,
        reported_pid: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._title, self._port = title, port
        self._started_pid, self._reported_pid = started_pid, reported_pid

        self._listener: ProcessIdentity | None = None

    def process(self) -> int | None:
        """Return the process of the game, as this system counts it; None if it is not known."""
        reported = self._reported_pid() if sys.platform == "win32" else None
        return self._started_pid() or reported or self._listening_pid()

    def query(self) -> WindowQuery:
        """Return which window it is."""
        from tmxdb.game.frames.desktop import open_window_finder

        by_title = WindowQuery(self._title)
        try:
            finder = open_window_finder()
        except InvalidInput:  # no desktop: the call that needs the window reports it
            return by_title
        try:
            pid = self.process()
            by_process = WindowQuery(self._title, pid)
            return by_process if pid is not None and finder.titles(by_process) else by_title
        except GameError:
            return by_title
        finally:
            finder.close()

    def focus(self) -> None:
        """Give it the focus if this desktop can."""
        from tmxdb.game.frames.keyboard import focus_window

        try:
            focus_window(self.query())
        except (GameError, InvalidInput) as error:
            log.info("the game on port %s: the window did not get the focus: %s", self._port, error)

    def press_enter(self) -> None:
        """Press Enter in it. Raise GameError or InvalidInput."""
        from tmxdb.game.frames.keyboard import press_enter

        press_enter(self.query())

    def _listening_pid(self) -> int | None:
        """Return the process that listens on the port. Looks again only after it has ended: that takes a while."""
        if self._listener is None or not self._listener.is_alive():
            pid = listener_of(self._port)
            self._listener = None if pid is None else identity_of(pid)
        return None if self._listener is None else self._listener.pid
