"""A window of the game: which one it is, where its client area is, and why no picture can be taken of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tmxdb.errors import GameError
from tmxdb.game.process.processes import is_game_pid

_VERSION = re.compile(r"TMInterface \(?(\d+(?:\.\d+)+)")
TITLE = "Trackmania"
"""Part of the titles of the games' windows, in any case (docs/facts/tminterface.md#launching)."""
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
        """Return whether the two have a pixel in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def contains(self, other: Area) -> bool:
        """Return whether the other one is entirely inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )


@dataclass(frozen=True, slots=True)
class WindowQuery:
    """A window of this process, or with this text in its title, in any case; both if both are given."""

    title: str | None = TITLE
    pid: int | None = None

    def __str__(self) -> str:
        by_title = f"with {self.title!r} in its title" if self.title else ""
        by_pid = f"of process {self.pid}" if self.pid else ""
        return " ".join(filter(None, ["window", by_title, by_pid]))

    def matches(self, title: str, pid: int | None) -> bool:
        """Return whether a window with this title and process is meant."""
        return (not self.title or self.title.casefold() in title.casefold()) and (self.pid is None or self.pid == pid)


class WindowFinder(Protocol):
    """The windows of this desktop."""

    def area(self, query: WindowQuery) -> Area:
        """Return the client area of the one matching window.

        Raise GameError if there is none or more than one, or if it is minimised, covered or partly off the screen.
        """

    def find(self, query: WindowQuery) -> tuple[Any, bool]:
        """Return the one matching window of this desktop, and whether its process is a game's. Raise GameError."""

    def titles(self, query: WindowQuery) -> list[str]:
        """Return the titles of all matching windows. Raise GameError if the desktop is lost."""

    def close(self) -> None:
        """Release the desktop."""


def tminterface_version(title: str) -> str | None:
    """Return the version of TMInterface in a window's title, such as 2.2.1; None if it has none.

    No call of its plugin API returns it: docs/facts/tminterface.md#plugin-api.
    """
    match = _VERSION.search(title)
    return match[1] if match else None


def prefer_games(windows: list[_W], pid_of: Callable[[_W], int | None]) -> list[_W]:
    """Return those of the matching windows that belong to a game's process, if any: a browser may have that title."""
    game_windows = [window for window in windows if is_game_pid(pid_of(window))] if len(windows) > 1 else []
    return game_windows or windows


def missing(query: WindowQuery) -> GameError:
    """Return the error for no matching window."""
    return GameError(f"there is no {query}. Start the game in a window on this desktop.", code="game.no_window")


def ambiguous(query: WindowQuery, titles: list[str]) -> GameError:
    """Return the error for more than one matching window."""
    names = ", ".join(map(repr, titles))
    return GameError(
        f"{len(titles)} windows match: {query} ({names}). Choose one with --window-title.", code="game.windows"
    )


def minimised(query: WindowQuery) -> GameError:
    """Return the error for a window that is not shown."""
    return GameError(
        f"the {query} is minimised or hidden, so it draws nothing. Keep it on the screen.",
        code="game.window_minimised",
    )


def covered(query: WindowQuery, by: str) -> GameError:
    """Return the error for a window with something in front of it."""
    return GameError(
        f"the {query} is covered by {by}. Move that away: the picture shows what is on the screen.",
        code="game.window_covered",
    )
