r"""Paths of more than 259 characters on Windows.

Windows refuses them, and folders from 248 characters on, unless the system allows long paths or they begin with the
prefix `\\?\`: learn.microsoft.com, "Maximum Path Length Limitation". Elsewhere these functions change nothing.
"""

from __future__ import annotations

import ntpath
import os
from pathlib import Path

LIMITED = os.name == "nt"
MAX_FILE_PATH, MAX_FOLDER_PATH = 259, 247
MAX_NAME = 255
"""Characters of one part of a path, which no prefix changes. Other systems count bytes and report it themselves."""
BELOW_FOLDER = 230
"""Characters to leave for files below a folder: the longest name that tmxdb makes there is of an unfinished frame."""
BESIDE_FILE = 40
"""Characters to leave for the temporary name of a file."""
_PREFIX, _SHARE = "\\\\?\\", "\\\\?\\UNC\\"
_FILENAME_EXCED_RANGE = 206


def extended(path: Path, *, room: int = BELOW_FOLDER) -> Path:
    r"""Return `path` absolute, with the prefix `\\?\` if Windows could refuse a name that is `room` characters longer.

    Everything that opens such a path must be given this one, so programs that the user starts cannot always read it.
    """
    if not LIMITED:
        return path.absolute()
    absolute = os.path.abspath(path)
    return Path(absolute if len(absolute) + room <= MAX_FOLDER_PATH else with_prefix(absolute))


def for_user(path: Path, *, room: int = 0) -> Path:
    r"""Return `path` as any program can open it: without the prefix `\\?\`, unless Windows could refuse it then.

    `room`: characters of the names below a folder that will be opened.
    """
    return extended(Path(plain(str(path))), room=room)


def with_prefix(path: str) -> str:
    """Return the absolute Windows path `path` in its extended-length form."""
    path = ntpath.normpath(path)
    if path.startswith(("\\\\?\\", "\\\\.\\")):
        return path
    return _SHARE + path[2:] if path.startswith("\\\\") else _PREFIX + path


def plain(text: str) -> str:
    """Return `text`, a path or a message with paths in it, without the prefix: as a person writes it."""
    return text.replace(_SHARE, "\\\\").replace(_PREFIX, "")


def too_long(path: str, *, room: int = 0, error: OSError | None = None) -> str | None:
    """Return how long `path` is and what Windows allows if that is why it could not be opened, else None.

    `room`: characters that were added to its name. `error`: what was raised, if known.
    """
    if not LIMITED or path.startswith(_PREFIX):
        return None
    length = len(os.path.abspath(path)) + room
    if length <= MAX_FILE_PATH and getattr(error, "winerror", None) != _FILENAME_EXCED_RANGE:
        return None
    return (
        f"the path has {length} characters. Windows allows {MAX_FILE_PATH}, and {MAX_FOLDER_PATH} for a folder, unless"
        " its setting LongPathsEnabled is on"
    )
