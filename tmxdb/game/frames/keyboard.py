"""Give a window the focus and press Enter in it, with the calls of the desktop. Only this module presses keys.

Keys go to the window that has the focus, whichever it is. So Enter is pressed only after the desktop confirms that the
game's window has it, and only if that window is known to be a game's: by its process, not just by its title.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from tmxdb.errors import GameError
from tmxdb.game.frames.window import WindowQuery

_CONFIRM_S = 1.0
"""How long a desktop may take to give the focus."""
_HELD_S = 0.05
"""How long the key is down: a game that reads the keyboard once a frame must see it."""


def focus_window(query: WindowQuery) -> None:
    """Give the matching window the focus. Raise GameError, or InvalidInput without a desktop."""
    _with_window(query, press=False)


def press_enter(query: WindowQuery) -> None:
    """Press Enter in the matching window. Raise GameError if it is not a game's or does not get the focus."""
    _with_window(query, press=True)


def _with_window(query: WindowQuery, *, press: bool) -> None:
    from tmxdb.game.frames.desktop import open_window_finder

    finder = open_window_finder()
    try:
        window, is_certain = finder.find(query)
        if press and not is_certain:
            raise GameError(f"the {query} may not be a game's, so no key is pressed in it.", code="game.window_unknown")
        _act(finder, window, query, press=press)
    finally:
        finder.close()


def _act(finder: Any, window: Any, query: WindowQuery, *, press: bool) -> None:
    focus, has_focus, enter = (_win32 if sys.platform == "win32" else _x11)(finder, window)
    focus()
    deadline = time.monotonic() + _CONFIRM_S
    while not has_focus():
        if time.monotonic() > deadline:
            raise GameError(f"the {query} does not get the focus. Click into it once.", code="game.no_focus")
        time.sleep(0.02)
    if press:
        enter(True)
        time.sleep(_HELD_S)
        enter(False)


def _x11(finder: Any, window: Any) -> Any:
    """Return three functions: request the focus, ask for it, move the key. XTEST is an extension of every X server."""
    from Xlib import XK, X, error
    from Xlib.ext import xtest
    from Xlib.protocol.event import ClientMessage

    display = finder.display

    def focus() -> None:
        active = display.intern_atom("_NET_ACTIVE_WINDOW")
        message = ClientMessage(window=window, client_type=active, data=(32, [2, X.CurrentTime, 0, 0, 0]))
        display.screen().root.send_event(message, X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        window.configure(stack_mode=X.Above)
        window.set_input_focus(X.RevertToParent, X.CurrentTime, onerror=error.CatchError(error.BadMatch))
        display.sync()

    def has_focus() -> bool:
        focused = display.get_input_focus().focus
        while hasattr(focused, "query_tree"):  # Wine may give the focus to a window inside
            if focused == window:
                return True
            focused = focused.query_tree().parent
        return False

    def enter(down: bool) -> None:
        keycode = display.keysym_to_keycode(XK.XK_Return)
        xtest.fake_input(display, X.KeyPress if down else X.KeyRelease, keycode)
        display.sync()

    return focus, has_focus, enter


def _win32(finder: Any, window: int) -> Any:
    """Return the same functions for Windows. Written from the documentation of its calls; not tested there.

    A scan code is sent as well: games that use DirectInput do not see virtual keys.
    """
    import ctypes

    user32 = ctypes.WinDLL("user32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    virtual_enter, scan_enter, key_up = 0x0D, 0x1C, 2  # learn.microsoft.com: Virtual-Key Codes, keybd_event

    def focus() -> None:
        user32.SetForegroundWindow(ctypes.c_void_p(window))

    def has_focus() -> bool:
        user32.GetForegroundWindow.restype = ctypes.c_void_p
        return bool(user32.GetForegroundWindow() == window)

    def enter(down: bool) -> None:
        user32.keybd_event(virtual_enter, scan_enter, 0 if down else key_up, None)

    return focus, has_focus, enter
