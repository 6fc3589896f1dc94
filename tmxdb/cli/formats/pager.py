"""Show long output through the user's pager. Only on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable

import click


def echo_lines(lines: Iterable[str], *, pager: bool = True) -> None:
    """Write `lines` to stdout; on a terminal with fewer lines than that, through $PAGER (default `less`)."""
    if not (pager and sys.stdout.isatty() and sys.stdin.isatty()):
        for line in lines:
            click.echo(line)
        return
    found = list(lines)
    if len(found) < shutil.get_terminal_size().lines:
        click.echo("\n".join(found))
        return
    os.environ.setdefault("LESS", "-RSFX")  # cut long lines, and leave the text on the screen
    click.echo_via_pager("\n".join(found) + "\n")
