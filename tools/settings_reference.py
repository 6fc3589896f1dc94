"""The table of environment variables in docs/reference/settings.md, made from the program."""

from __future__ import annotations

import re
from pathlib import Path

from tmxdb.cli.framework.environment import ENVIRONMENT

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"
_HEAD = "| option | environment variables |"


def generated() -> str:
    """Return the page with its table as it should be now."""
    rows = [f"| `{name}` | {', '.join(f'`{variable}`' for variable in found)} |" for name, found in ENVIRONMENT.items()]
    table = "\n".join([_HEAD, "| --- | --- |", *rows])
    return re.sub(rf"{re.escape(_HEAD)}\n(\|.*\n)+", table + "\n", PAGE.read_text("utf-8"))
