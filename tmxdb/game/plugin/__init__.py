"""tmxdb's own plugin for TMInterface 2: the script itself, beside this file, and where it is found."""

from __future__ import annotations

import re
from pathlib import Path

SCRIPT = Path(__file__).with_name("TmxdbLink.as")
_FIRST_LINE = re.compile(r"// TmxdbLink, version (\S+):")


def version_of(text: str) -> str | None:
    """What the first line of a script says; None: it is not ours."""
    found = _FIRST_LINE.match(text)
    return found.group(1) if found else None
