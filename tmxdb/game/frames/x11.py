"""Find windows on an X11 desktop, including those of Wine and Xvfb. Only this module uses python-xlib."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.frames.window import Area, WindowQuery, ambiguous, covered, minimised, missing, prefer_games
from tmxdb.game.process.processes import is_game_pid


class X11WindowFinder:
    """Queries the server at each call, because windows appear, move and are covered: about 10 requests of 50 µs."""

    def __init__(self) -> None:
        try:
            from Xlib import X, display, error
        except ImportError as cause:
            raise InvalidInput(
                'python-xlib, which finds the game\'s window, is not installed. Run: pip install "tmxdb[capture]"',
                code="input.package",
            ) from cause
        self._x, self._error = X, error
        try:
            self._display = display.Display()
        except (error.DisplayError, error.ConnectionClosedError, OSError, OverflowError) as cause:
            raise InvalidInput(
                f"cannot connect to the desktop ({cause}). Run tmxdb where the game's window is, with DISPLAY set.",
                code="input.display",
            ) from cause
        self._root = self._display.screen().root
        self._utf8 = self._display.intern_atom("UTF8_STRING")
        self._name = self._display.intern_atom("_NET_WM_NAME")
        self._pid = self._display.intern_atom("_NET_WM_PID")
        self._found: dict[WindowQuery, Any] = {}

    @property
    def display(self) -> Any:
        """The connection to the X server."""
        return self._display

    def close(self) -> None:
        with contextlib.suppress(Exception):  # python-xlib raises again what broke its connection
            self._display.close()

    def area(self, query: WindowQuery) -> Area:
        window = self._found.get(query)
        try:
            if window is None or not query.matches(self._title(window), self._pid_of(window)):
                window = self._found[query] = self._find(query)
            if window.get_attributes().map_state != self._x.IsViewable:
                raise minimised(query)
            area, top = self._locate(window)
            self._check_free(query, area, top)
            return area
        except (self._error.BadWindow, self._error.BadDrawable) as error:  # it closed meanwhile
            self._found.pop(query, None)
            raise missing(query) from error
        except self._error.ConnectionClosedError as error:
            raise GameError(
                f"lost the desktop of the {query} ({error}). Trying again later.", code="game.screen"
            ) from error

    def find(self, query: WindowQuery) -> tuple[Any, bool]:
        try:
            window = self._find(query)
            return window, query.pid is not None or is_game_pid(self._pid_of(window))
        except (self._error.BadWindow, self._error.BadDrawable) as error:
            raise missing(query) from error
        except self._error.ConnectionClosedError as error:
            raise GameError(
                f"lost the desktop of the {query} ({error}). Trying again later.", code="game.screen"
            ) from error

    def titles(self, query: WindowQuery) -> list[str]:
        try:
            windows = [(self._title(window), self._pid_of(window)) for window in self._all(self._root)]
            return [title for title, pid in windows if query.matches(title, pid)]
        except (self._error.BadWindow, self._error.BadDrawable) as error:
            raise missing(query) from error
        except self._error.ConnectionClosedError as error:
            raise GameError(
                f"lost the desktop of the {query} ({error}). Trying again later.", code="game.screen"
            ) from error

    def _find(self, query: WindowQuery) -> Any:
        found = [window for window in self._all(self._root) if query.matches(self._title(window), self._pid_of(window))]
        # The innermost match is the game's own: a frame of the window manager may have the same title.
        found = [window for window in found if not any(other in self._children(window) for other in found)]
        shown = [window for window in found if window.get_attributes().map_state == self._x.IsViewable]
        if not found:
            raise missing(query)
        if not shown:
            raise minimised(query)
        shown = prefer_games(shown, self._pid_of)
        if len(shown) > 1:
            raise ambiguous(query, [self._title(window) for window in shown])
        return shown[0]

    def _all(self, window: Any, depth: int = 4) -> Iterator[Any]:
        """Yield windows with a title, down to the depth at which window managers put them, without those that close."""
        for child in self._children(window):
            with contextlib.suppress(self._error.BadWindow, self._error.BadDrawable):
                if self._title(child):
                    yield child
                if depth > 1:
                    yield from self._all(child, depth - 1)

    def _children(self, window: Any) -> list[Any]:
        try:
            children: list[Any] = window.query_tree().children
        except self._error.BadWindow:
            return []
        return children

    def _title(self, window: Any) -> str:
        named = window.get_full_property(self._name, self._utf8)
        title = named.value if named else window.get_wm_name()
        return title.decode("utf-8", "replace") if isinstance(title, bytes) else title or ""

    def _pid_of(self, window: Any) -> int | None:
        pid = window.get_full_property(self._pid, self._x.AnyPropertyType)
        return int(pid.value[0]) if pid and len(pid.value) else None

    def _locate(self, window: Any) -> tuple[Area, Any]:
        """Return its area on the screen, and the child of the root window that contains it."""
        size = window.get_geometry()
        corner = self._root.translate_coords(window, 0, 0)
        top = window
        while (parent := top.query_tree().parent) and parent != self._root:
            top = parent
        return Area(corner.x, corner.y, size.width, size.height), top

    def _check_free(self, query: WindowQuery, area: Area, top: Any) -> None:
        screen = self._root.get_geometry()
        if not Area(0, 0, screen.width, screen.height).contains(area):
            raise covered(query, "the edge of the screen")
        children = self._children(self._root)  # from the bottom to the top
        for other in children[children.index(top) + 1 :] if top in children else []:
            with contextlib.suppress(self._error.BadWindow, self._error.BadDrawable):
                kind = other.get_attributes()
                if kind.map_state != self._x.IsViewable or kind.win_class != self._x.InputOutput:
                    continue
                if self._locate(other)[0].overlaps(area):
                    raise covered(query, f"another window ({self._title(other) or 'without a title'!r})")
