"""Windows of an X11 desktop, also those of Wine and Xvfb: the one door to python-xlib."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tmxdb.errors import BadInput, GameTrouble
from tmxdb.game.frames.window import Area, Wanted, ambiguous, covered, games_of, minimised, missing


class X11Windows:
    """Asks the server anew each time: windows come, go, move and are covered. Some 10 questions of 50 µs."""

    def __init__(self) -> None:
        try:
            from Xlib import X, display, error
        except ImportError as lacking:
            raise BadInput(
                "python-xlib is not installed, which finds the game's window: pip install 'tmxdb[capture]'.",
                code="input.package",
            ) from lacking
        self._x, self._error = X, error
        try:
            self._display = display.Display()
        except (error.DisplayError, error.ConnectionClosedError, OSError, OverflowError) as lacking:
            raise BadInput(
                f"the desktop can not be reached ({lacking}): run tmxdb where the game's window is, with DISPLAY set.",
                code="input.display",
            ) from lacking
        self._root = self._display.screen().root
        self._utf8 = self._display.intern_atom("UTF8_STRING")
        self._name = self._display.intern_atom("_NET_WM_NAME")
        self._pid = self._display.intern_atom("_NET_WM_PID")
        self._found: dict[Wanted, Any] = {}

    def close(self) -> None:
        with contextlib.suppress(Exception):  # python-xlib raises whatever its dead connection raised
            self._display.close()

    def area(self, wanted: Wanted) -> Area:
        window = self._found.get(wanted)
        try:
            if window is None or not wanted.fits(self._title(window), self._pid_of(window)):
                window = self._found[wanted] = self._find(wanted)
            if window.get_attributes().map_state != self._x.IsViewable:
                raise minimised(wanted)
            area, top = self._where(window)
            self._check_free(wanted, area, top)
            return area
        except (self._error.BadWindow, self._error.BadDrawable) as gone:  # while we looked
            self._found.pop(wanted, None)
            raise missing(wanted) from gone
        except self._error.ConnectionClosedError as gone:
            raise GameTrouble(f"the desktop of the {wanted} is gone ({gone}).", code="game.screen") from gone

    def _find(self, wanted: Wanted) -> Any:
        found = [window for window in self._all(self._root) if wanted.fits(self._title(window), self._pid_of(window))]
        # The innermost that fits is the game's own: a frame of the window manager may bear the same title.
        found = [window for window in found if not any(other in self._children(window) for other in found)]
        shown = [window for window in found if window.get_attributes().map_state == self._x.IsViewable]
        if not found:
            raise missing(wanted)
        if not shown:
            raise minimised(wanted)
        shown = games_of(shown, self._pid_of)
        if len(shown) > 1:
            raise ambiguous(wanted, [self._title(window) for window in shown])
        return shown[0]

    def _all(self, window: Any, depth: int = 4) -> Iterator[Any]:
        """Windows with a title or a process, down to where a window manager puts them. Vanished ones are left out."""
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
        told = window.get_full_property(self._pid, self._x.AnyPropertyType)
        return int(told.value[0]) if told and len(told.value) else None

    def _where(self, window: Any) -> tuple[Area, Any]:
        """Where it lies on the screen, and which child of the root it is in."""
        size = window.get_geometry()
        corner = self._root.translate_coords(window, 0, 0)
        top = window
        while (parent := top.query_tree().parent) and parent != self._root:
            top = parent
        return Area(corner.x, corner.y, size.width, size.height), top

    def _check_free(self, wanted: Wanted, area: Area, top: Any) -> None:
        screen = self._root.get_geometry()
        if not Area(0, 0, screen.width, screen.height).contains(area):
            raise covered(wanted, "the edge of the screen")
        children = self._children(self._root)  # from the bottom to the top
        for other in children[children.index(top) + 1 :] if top in children else []:
            with contextlib.suppress(self._error.BadWindow, self._error.BadDrawable):
                kind = other.get_attributes()
                if kind.map_state != self._x.IsViewable or kind.win_class != self._x.InputOutput:
                    continue
                if self._where(other)[0].overlaps(area):
                    raise covered(wanted, f"another window ({self._title(other) or 'without a title'!r})")
