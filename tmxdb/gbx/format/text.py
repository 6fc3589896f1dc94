"""Text as the games store it and as people read it. It may hold control characters: nothing forbids them."""

from __future__ import annotations

import re

# A colour is `$` and three digits, of which only the first must be one (`$Foo`) and the others may be cut off;
# `$h[..]` and `$l[..]` are links around a text; any other letter after `$` is a style; `$$` is a dollar sign.
# A link has an end within 256 characters: searching for it to the end of a hostile name of 64 kB took 2 s.
_STYLE = re.compile(r"\$(?:[0-9a-f][^$]{0,2}|[hlp](?:\[[^\]]{0,256}\])?|[^$]|$)", re.IGNORECASE | re.DOTALL)

_BOM = b"\xef\xbb\xbf"  # TMF puts it in front of names with letters beyond ASCII, inside the stored length


def decode(raw: bytes) -> str:
    """Stored bytes as text: UTF-8, no byte order mark; U+FFFD where they are not UTF-8."""
    if raw.startswith(_BOM):
        raw = raw[3:]
    return raw.decode("utf-8", "replace")


def plain(name: str) -> str:
    """A name without its style codes: `$o$f00Speedy$z` is `Speedy`."""
    return "$".join([_STYLE.sub("", part) for part in name.split("$$")]) if "$" in name else name
