"""`--processes`: how many processes share the work of a command."""

from __future__ import annotations

from typing import Any

from tmxdb.cli.framework.option import option, option_field
from tmxdb.cli.framework.types import int_range

_ATTRS: dict[str, Any] = {
    "type": int_range(1, 256),
    "metavar": "N",
    "help": "Processes that share the files.  [default: one per core]",
}


processes_option = option("--processes", old_names=("--workers",), **_ATTRS)


def processes_field(*old_names: str, **attrs: Any) -> Any:
    """Return the option as a field of an option group. `attrs` take the place of the usual ones."""
    return option_field("--processes", old_names=old_names, **{**_ATTRS, **attrs})
