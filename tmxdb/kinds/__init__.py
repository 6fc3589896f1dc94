"""The kinds of work: the registry of kinds, each in its own file. A new kind is a new file, a name and a case here.

A kind is imported when it is made: options need only the names, and only captures need the modules of the game.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tmxdb.kinds.context import JobContext
    from tmxdb.queue.job import Kind

KINDS = ("list", "download", "extract", "capture")
"""In the order in which one adds work for the next."""
RUN_KINDS = ("list", "download", "extract")
"""The kinds of `tmxdb run`. Captures need a game and have to be requested."""


def make_kind(name: str, context: JobContext) -> Kind:
    """Return the kind `name`, ready to run in `context`."""
    match name:
        case "list":
            from tmxdb.kinds.list import List

            return List(context)
        case "download":
            from tmxdb.kinds.download import Download

            return Download(context)
        case "extract":
            from tmxdb.kinds.extract import Extract

            return Extract(context)
        case "capture":
            from tmxdb.kinds.captures.capture import Capture

            return Capture(context)
        case _:
            raise ValueError(f"no kind {name!r}")
