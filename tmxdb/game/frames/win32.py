"""Find windows on Windows. Written from the documentation of its calls; not tested on Windows."""

from __future__ import annotations

import sys

from tmxdb.game.frames.window import Area, WindowQuery, ambiguous, covered, minimised, missing, prefer_games
from tmxdb.game.process.processes import is_game_pid

if sys.platform == "win32":  # mypy checks this part only for that platform
    import ctypes
    from ctypes import wintypes

    # learn.microsoft.com: GetWindow, GetAncestor, DwmGetWindowAttribute, GetSystemMetrics
    _ABOVE, _CLOAKED = 3, 14
    _VIRTUAL_SCREEN = (76, 77, 78, 79)  # left, top, width, height of all monitors together

    _user32 = ctypes.WinDLL("user32", use_last_error=True)
    _dwm = ctypes.WinDLL("dwmapi")
    _ENUM_CALLBACK = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
    _user32.EnumWindows.argtypes = [_ENUM_CALLBACK, wintypes.LPARAM]
    _user32.GetWindowTextW.argtypes = [wintypes.HWND, wintypes.LPWSTR, ctypes.c_int]
    _user32.GetWindowThreadProcessId.argtypes = [wintypes.HWND, ctypes.POINTER(wintypes.DWORD)]
    _user32.GetClientRect.argtypes = [wintypes.HWND, ctypes.POINTER(wintypes.RECT)]
    _user32.GetWindowRect.argtypes = [wintypes.HWND, ctypes.POINTER(wintypes.RECT)]
    _user32.ClientToScreen.argtypes = [wintypes.HWND, ctypes.POINTER(wintypes.POINT)]
    _user32.GetWindow.argtypes = [wintypes.HWND, wintypes.UINT]
    _user32.GetWindow.restype = wintypes.HWND
    for _call in (_user32.IsWindow, _user32.IsWindowVisible, _user32.IsIconic):
        _call.argtypes = [wintypes.HWND]
    _dwm.DwmGetWindowAttribute.argtypes = [wintypes.HWND, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD]

    class Win32WindowFinder:
        """Queries the desktop at each call, which takes microseconds."""

        def __init__(self) -> None:
            # Use physical pixels, as mss does, whatever the scaling of the desktop.
            ctypes.WinDLL("shcore").SetProcessDpiAwareness(2)
            self._found: dict[WindowQuery, int] = {}

        def close(self) -> None:
            """Nothing to release."""

        def area(self, query: WindowQuery) -> Area:
            window = self._found.get(query)
            if window is None or not _user32.IsWindow(window):
                window = self._found[query] = self._find(query)
            if _user32.IsIconic(window) or not _user32.IsWindowVisible(window):
                raise minimised(query)
            size, corner = wintypes.RECT(), wintypes.POINT(0, 0)
            if not _user32.GetClientRect(window, size) or not _user32.ClientToScreen(window, corner):
                raise missing(query)
            area = Area(corner.x, corner.y, size.right, size.bottom)
            if not Area(*map(_user32.GetSystemMetrics, _VIRTUAL_SCREEN)).contains(area):
                raise covered(query, "the edge of the screen")
            above = _user32.GetWindow(window, _ABOVE)
            while above:
                if _shown(above) and _frame(above).overlaps(area) and _process(above) != _process(window):
                    raise covered(query, f"another window ({_title(above) or 'without a title'!r})")
                above = _user32.GetWindow(above, _ABOVE)
            return area

        def find(self, query: WindowQuery) -> tuple[int, bool]:
            window = self._find(query)
            return window, query.pid is not None or is_game_pid(_process(window))

        def titles(self, query: WindowQuery) -> list[str]:
            return [_title(window) for window in self._matching(query)]

        def _find(self, query: WindowQuery) -> int:
            found = self._matching(query)
            if not found:
                raise missing(query)
            found = prefer_games(found, _process)
            if len(found) > 1:
                raise ambiguous(query, [_title(window) for window in found])
            return found[0]

        def _matching(self, query: WindowQuery) -> list[int]:
            found: list[int] = []

            def collect(window: int, _: int) -> bool:
                if _user32.IsWindowVisible(window) and query.matches(_title(window), _process(window)):
                    found.append(window)
                return True

            _user32.EnumWindows(_ENUM_CALLBACK(collect), 0)
            return found

    def _title(window: int) -> str:
        text = ctypes.create_unicode_buffer(256)
        _user32.GetWindowTextW(window, text, len(text))
        return text.value

    def _process(window: int) -> int:
        pid = wintypes.DWORD()
        _user32.GetWindowThreadProcessId(window, pid)
        return pid.value

    def _frame(window: int) -> Area:
        rect = wintypes.RECT()
        _user32.GetWindowRect(window, rect)
        return Area(rect.left, rect.top, rect.right - rect.left, rect.bottom - rect.top)

    def _shown(window: int) -> bool:
        """Return whether it is visible and not "cloaked", as suspended apps are."""
        cloaked = wintypes.DWORD()
        _dwm.DwmGetWindowAttribute(window, _CLOAKED, ctypes.byref(cloaked), ctypes.sizeof(cloaked))
        return bool(_user32.IsWindowVisible(window)) and not _user32.IsIconic(window) and not cloaked.value
