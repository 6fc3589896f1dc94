"""`--gbx-reader`: the library that reads GBX files."""

from __future__ import annotations

from typing import Any

from tmxdb.cli.framework.option import option, option_field
from tmxdb.cli.framework.types import WordChoice

_ATTRS: dict[str, Any] = {
    "type": WordChoice(["own", "pygbx"]),
    "metavar": "NAME",
    "default": "own",
    "show_default": True,
    "help": 'Library that reads GBX files: own, or pygbx (pip install "tmxdb[pygbx]").',
}
reader_option = option("--gbx-reader", **_ATTRS)


def reader_field() -> Any:
    """Return the option as a field of an option group."""
    return option_field("--gbx-reader", **_ATTRS)
