"""tmxdb's own plugin for TMInterface 2: the script, its version, and variants without some capabilities."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

SCRIPT = Path(__file__).with_name("TmxdbLink.as")
OPTIONAL = ("map", "focus", "process", "camera", "car", "events", "script", "folder", "render")
"""Capabilities whose calls a build of TMInterface may lack: docs/facts/tminterface.md#plugin-api."""
_FIRST_LINE = re.compile(r"// TmxdbLink, version (\S+):")


def version_of(text: str) -> str | None:
    """Return the version in the first line of a script; None if it is not tmxdb's."""
    match = _FIRST_LINE.match(text)
    return match.group(1) if match else None


def script_text(without: Iterable[str] = ()) -> str:
    """Return the script without some of the OPTIONAL capabilities."""
    text = SCRIPT.read_text("utf-8")
    for name in without:
        text = re.sub(rf"^ *// capability {name}\n.*?^ *// end {name}\n", "", text, flags=re.S | re.M)
    return text


def missing_capabilities(text: str) -> tuple[str, ...] | None:
    """Return which OPTIONAL capabilities a variant of the script lacks; None if the text is no variant of it."""
    without = tuple(name for name in OPTIONAL if f"// capability {name}\n" not in text)
    return without if text == script_text(without) else None
