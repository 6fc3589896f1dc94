"""tmxdb: replays and maps of the TrackMania exchanges as a database of jobs that resume by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from tmxdb.api import Mirror

__version__ = "0.29.0"
__all__ = ["__version__", "open"]


def open(location: str | os.PathLike[str], *, data: str | os.PathLike[str] | None = None) -> Mirror:
    """Open a database for reading from Python.

    `location`: a SQLite file or a PostgreSQL URL. `data`: the data folder, by default the one that the database
    remembers, or `data` beside it. Raise DatabaseError if the database does not exist or is of another revision, and
    InvalidInput if `data` is not a folder.
    """
    from tmxdb.api import Mirror

    return Mirror(location, data=data)
