"""Single attributes of the XML header of replays and maps.

The XML was well-formed in all 547 samples that have one, but a file can hold anything there, so no XML parser reads it.
"""

from __future__ import annotations

import re


def attribute(xml: str | None, element: str, name: str) -> str | None:
    """Return the value of an attribute as written; None without such an element or attribute."""
    found = re.search(rf'<{element}\s[^<>]*?\b{name}="([^"<>]*)"', xml) if xml else None
    return found[1] if found else None


def number(xml: str | None, element: str, name: str) -> int | None:
    """Return an attribute that is an integer of at most 32 bits; None for anything else."""
    text = attribute(xml, element, name)
    if text is None or not re.fullmatch(r"-?[0-9]{1,10}", text):
        return None
    value = int(text)
    return value if -(1 << 31) <= value < 1 << 32 else None


def count(xml: str | None, element: str, name: str) -> int | None:
    """Return an attribute that is a time or a count; None also for -1 and 4294967295, which mean "not set"."""
    value = number(xml, element, name)
    return value if value is not None and 0 <= value < 1 << 31 else None
