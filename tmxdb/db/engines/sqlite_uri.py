"""The URI under which SQLite opens a file: https://sqlite.org/uri.html."""

from __future__ import annotations

from pathlib import PurePath, PureWindowsPath
from urllib.parse import quote


def sqlite_uri(path: PurePath) -> str:
    """Return the URI of the absolute `path`, to which parameters can be added: `?mode=ro`.

    `as_uri` makes the server of a Windows share the authority, `file://server/share/tmx.db`, which SQLite rejects.
    """
    text = str(path)
    if not isinstance(path, PureWindowsPath) or not text.startswith("\\\\"):
        return path.as_uri()
    if text.startswith(("\\\\?\\", "\\\\.\\")):  # Windows and SQLite recognise these prefixes with backslashes only
        return f"file:{quote(text)}"
    return f"file://{quote(path.as_posix())}"
