"""A window of the game: which one it is, where its client area lies, and why it can not be taken a picture of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tmxdb.errors import BadInput, GameTrouble
from tmxdb.game.processes import named_as_a_game

TITLE = "Trackmania"
"""In the titles of the games' windows, in whatever case. With TMLoader it is "Trackmania Modded Forever (2.12.0)
[default]: TMInterface (2.2.1), CoreMod (1.0.10)": in six public projects that look for it, GIM among them."""
_W = TypeVar("_W")


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the screen, in pixels from its top left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height

    def overlaps(self, other: Area) -> bool:
        """Whether they have a pixel in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def contains(self, other: Area) -> bool:
        """Whether the other one lies in it whole."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which window: of this process, or with this in its title, in whatever case; both if both are given."""

    title: str | None = TITLE
    pid: int | None = None

    def __str__(self) -> str:
        by_title = f"with {self.title!r} in its title" if self.title else ""
        by_pid = f"of process {self.pid}" if self.pid else ""
        return " ".join(filter(None, ["window", by_title, by_pid]))

    def fits(self, title: str, pid: int | None) -> bool:
        """Whether a window of this title and process is meant."""
        return (not self.title or self.title.casefold() in title.casefold()) and (self.pid is None or self.pid == pid)


class Windows(Protocol):
    """The windows of this desktop."""

    def area(self, wanted: Wanted) -> Area:
        """The client area of the one window that fits. Raises GameTrouble if there is none or more than one, or if it
        is minimised, covered, or reaches beyond the screen."""

    def close(self) -> None:
        """Let go of the desktop."""


def open_windows() -> Windows:
    """Those of the desktop that this process is on. Raises BadInput if it is on none or of an unknown kind."""
    if sys.platform == "win32":
        from tmxdb.game.frames.windows import DesktopWindows

        return DesktopWindows()
    if sys.platform == "linux":
        from tmxdb.game.frames.x11 import X11Windows

        return X11Windows()
    raise BadInput(
        f"pictures of the screen can not be taken on {sys.platform}; use --frame-source plugin.",
        code="input.frame_source",
    )


def games_of(windows: list[_W], pid_of: Callable[[_W], int | None]) -> list[_W]:
    """Of windows with a title that fits, those of a game's process, if there are such: a browser may show a page."""
    of_games = [window for window in windows if named_as_a_game(pid_of(window))] if len(windows) > 1 else []
    return of_games or windows


def missing(wanted: Wanted) -> GameTrouble:
    """No window fits."""
    return GameTrouble(
        f"there is no {wanted}: is the game started, in a window, on this desktop?", code="game.no_window"
    )


def ambiguous(wanted: Wanted, titles: list[str]) -> GameTrouble:
    """More than one fits."""
    names = ", ".join(map(repr, titles))
    return GameTrouble(f"{len(titles)} windows are a {wanted} ({names}): name one more exactly", code="game.windows")


def minimised(wanted: Wanted) -> GameTrouble:
    """It is there, but not shown."""
    return GameTrouble(
        f"the {wanted} is minimised or hidden: it must stay on the screen, for it draws nothing otherwise.",
        code="game.window_minimised",
    )


def covered(wanted: Wanted, by: str) -> GameTrouble:
    """Something else would be on the picture."""
    return GameTrouble(
        f"the {wanted} is covered by {by}: leave it free, it is the screen that is taken a picture of.",
        code="game.window_covered",
    )
