"""File names that are valid on every system, and ids in them."""

from __future__ import annotations

import re

# Reserved by Windows with any extension: learn.microsoft.com, "Naming Files, Paths, and Namespaces".
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}

_ID_NAME = re.compile(r"(local)?(\d{1,18})", re.ASCII)


def safe_name(text: str, *, at_most: int = 60) -> str:
    """Return `text` as part of a file name that every system accepts: ASCII letters, digits and `. _ -` only.

    The result is never empty, reserved by Windows, or hidden, and has at most `at_most` characters.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:at_most].rstrip("._-")
    first, dot, rest = plain.partition(".")
    if first.lower() in _RESERVED:  # with any extension: CON.txt is reserved like CON
        return f"{first}_{dot}{rest}"[:at_most].rstrip(".") if at_most > len(first) else "x"
    return plain or "x"


def is_below(path: str) -> bool:
    """Return whether a relative path with `/` certainly leads to a place below its folder, on every system."""
    return all(part not in ("", ".", "..") and not set(part) & set("\\:\0") for part in path.split("/"))


def id_name(item_id: int) -> str:
    """Return an id as part of a file name: `2233`, or `local3` for -3, the id of a local track or replay."""
    return f"local{-item_id}" if item_id < 0 else str(item_id)


def id_in_name(name: str) -> int | None:
    """Return the id that `id_name` wrote as `name`, or None."""
    found = _ID_NAME.fullmatch(name.casefold())
    return None if found is None else -int(found[2]) if found[1] else int(found[2])
