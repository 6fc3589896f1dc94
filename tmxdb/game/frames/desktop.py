"""The windows of this process's desktop, through the calls of its system."""

from __future__ import annotations

import sys

from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.frames.window import WindowFinder, WindowQuery, tminterface_version


def open_window_finder() -> WindowFinder:
    """Return the window finder for this desktop.

    Raise InvalidInput if there is no desktop, or its system is not supported.
    """
    if sys.platform == "win32":
        from tmxdb.game.frames.win32 import Win32WindowFinder

        return Win32WindowFinder()
    if sys.platform == "linux":
        from tmxdb.game.frames.x11 import X11WindowFinder

        return X11WindowFinder()
    raise InvalidInput(
        f"pictures of the screen cannot be taken on {sys.platform}. Use --frame-source plugin.",
        code="input.frame_source",
    )


def read_tminterface_version(query: WindowQuery) -> str | None:
    """Return the version of TMInterface in the titles of the matching windows.

    None if there is no desktop or no version in a title, or if the versions differ.
    """
    try:
        windows = open_window_finder()
    except InvalidInput:
        return None
    try:
        versions = {version for title in windows.titles(query) if (version := tminterface_version(title))}
        return versions.pop() if len(versions) == 1 else None
    except GameError:
        return None
    finally:
        windows.close()
