"""Windows of Windows: its window calls and no more. Written from their documentation, not run where tmxdb is built."""

from __future__ import annotations

import sys

from tmxdb.game.frames.window import Area, Wanted, ambiguous, covered, games_of, minimised, missing

if sys.platform == "win32":  # mypy reads this part only when it is asked about that platform
    import ctypes
    from ctypes import wintypes

    # learn.microsoft.com: GetWindow, GetAncestor, DwmGetWindowAttribute, GetSystemMetrics
    _ABOVE, _CLOAKED = 3, 14
    _VIRTUAL_SCREEN = (76, 77, 78, 79)  # left, top, width, height of all monitors together

    _user32 = ctypes.WinDLL("user32", use_last_error=True)
    _dwm = ctypes.WinDLL("dwmapi")
    _EACH = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
    _user32.EnumWindows.argtypes = [_EACH, wintypes.LPARAM]
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

    class DesktopWindows:
        """Asks anew each time; a call takes microseconds."""

        def __init__(self) -> None:
            # In pixels of the monitor, as mss counts them, whatever the scaling of the desktop.
            ctypes.WinDLL("shcore").SetProcessDpiAwareness(2)
            self._found: dict[Wanted, int] = {}

        def close(self) -> None:
            """Nothing is open."""

        def area(self, wanted: Wanted) -> Area:
            window = self._found.get(wanted)
            if window is None or not _user32.IsWindow(window):
                window = self._found[wanted] = self._find(wanted)
            if _user32.IsIconic(window) or not _user32.IsWindowVisible(window):
                raise minimised(wanted)
            size, corner = wintypes.RECT(), wintypes.POINT(0, 0)
            if not _user32.GetClientRect(window, size) or not _user32.ClientToScreen(window, corner):
                raise missing(wanted)
            area = Area(corner.x, corner.y, size.right, size.bottom)
            if not Area(*map(_user32.GetSystemMetrics, _VIRTUAL_SCREEN)).contains(area):
                raise covered(wanted, "the edge of the screen")
            above = _user32.GetWindow(window, _ABOVE)
            while above:
                if _shown(above) and _frame(above).overlaps(area) and _process(above) != _process(window):
                    raise covered(wanted, f"another window ({_title(above) or 'without a title'!r})")
                above = _user32.GetWindow(above, _ABOVE)
            return area

        def _find(self, wanted: Wanted) -> int:
            found: list[int] = []

            def look(window: int, _: int) -> bool:
                if _user32.IsWindowVisible(window) and wanted.fits(_title(window), _process(window)):
                    found.append(window)
                return True

            _user32.EnumWindows(_EACH(look), 0)
            if not found:
                raise missing(wanted)
            found = games_of(found, _process)
            if len(found) > 1:
                raise ambiguous(wanted, [_title(window) for window in found])
            return found[0]

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
        """Visible, and not one of those that Windows keeps "cloaked", such as apps that sleep."""
        cloaked = wintypes.DWORD()
        _dwm.DwmGetWindowAttribute(window, _CLOAKED, ctypes.byref(cloaked), ctypes.sizeof(cloaked))
        return bool(_user32.IsWindowVisible(window)) and not _user32.IsIconic(window) and not cloaked.value
