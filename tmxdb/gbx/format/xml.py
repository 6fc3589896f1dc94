"""The XML header of replays and maps, as far as one attribute at a time goes.

It was well-formed in all 547 samples that have one, but is as hostile as the rest: no XML parser looks at it.
"""

from __future__ import annotations

import re


def attribute(xml: str | None, element: str, name: str) -> str | None:
    """The value of an attribute as written, None if there is no such element or attribute."""
    found = re.search(rf'<{element}\s[^<>]*?\b{name}="([^"<>]*)"', xml) if xml else None
    return found[1] if found else None


def number(xml: str | None, element: str, name: str) -> int | None:
    """An attribute that is a whole number within 32 bits."""
    text = attribute(xml, element, name)
    if text is None or not re.fullmatch(r"-?[0-9]{1,10}", text):
        return None
    value = int(text)
    return value if -(1 << 31) <= value < 1 << 32 else None
