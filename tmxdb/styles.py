"""Style codes of TrackMania in names: `$o$f00Speedy$z` is Speedy, bold and red. docs/facts/gbx.md#text."""

from __future__ import annotations

import re

# A colour is `$` and up to three characters of which the first must be a hex digit (`$Foo` and `$f` occur in files).
# `$h[..]`, `$l[..]` and `$p[..]` are links; any other character after `$` is a style; `$$` is a dollar sign.
# The length of a link is bounded: searching for its end through a hostile name of 64 kB took 2 s.
_STYLE = re.compile(r"\$(?:[0-9a-f][^$]{0,2}|[hlp](?:\[[^\]]{0,256}\])?|[^$]|$)", re.IGNORECASE | re.DOTALL)


def plain(name: str) -> str:
    """Return a name without its style codes: `$o$f00Speedy$z` becomes `Speedy`."""
    return "$".join([_STYLE.sub("", part) for part in name.split("$$")]) if "$" in name else name
