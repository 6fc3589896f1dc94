"""A table of measurements, each beside its ratio to the baseline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print `rows` under `columns`, with three significant digits."""
    cells = [[f"{value:.3g}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"
              if isinstance(value, int | float) else str(value) for value in row] for row in rows]  # fmt: skip
    widths = [max(len(str(line[i])) for line in [list(columns), *cells]) for i in range(len(columns))]
    print(f"\n{title}")
    for line in [list(columns), *cells]:
        print("  " + "  ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    sys.stdout.flush()


def in_own_process(module: str, *arguments: Any) -> dict[str, Any]:
    """Run `python -m module arguments…` in its own process and return the JSON in its last line."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
