"""Messages, tables and numbers for people. Nothing that comes from outside reaches a terminal unescaped."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any

import click

from tmxdb.cli.formats.table import table_lines, terminal_width
from tmxdb.cli.formats.text import safe
from tmxdb.formats import file_size, plural
from tmxdb.paths import plain

__all__ = ["file_size", "message", "plural", "print_count", "print_json", "print_table", "safe", "system_error"]


def message(text: str) -> None:
    """Write a line for the user to stderr. A closed or full stderr is no reason to end a command."""
    with suppress(OSError):
        click.echo(safe(plain(text)), err=True)


def system_error(error: OSError) -> str:
    """Return the sentence about a system error that no command expected."""
    reason = error.strerror or error
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)[:200]}: {reason}."
    what = "cannot write the output" if error.errno in (errno.ENOSPC, errno.EIO, errno.EFBIG) else "system error"
    return f"{what} ({reason})."


def print_count(n: int) -> None:
    """Write how many rows a command changed to stdout, for programs. On a terminal the messages say it."""
    if not sys.stdout.isatty():
        click.echo(n)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows as a table to stdout: numbers to the right, None as an empty cell.

    On a terminal it is made to fit: long cells are cut, or each row becomes a block of lines.
    """
    for line in table_lines(columns, rows, terminal_width()):
        click.echo(line)


def print_json(value: Any) -> None:
    """Write JSON to stdout, in ASCII so that every terminal and pipe takes it."""
    click.echo(json.dumps(value, indent=2))


class Stderr:
    """Stderr for progress bars: the stream of this moment, with errors of writing ignored."""

    def write(self, text: str) -> int:
        """Write `text` if stderr is still open."""
        with suppress(OSError, ValueError):
            return _stderr().write(text)
        return 0

    def flush(self) -> None:
        """Flush if stderr is still open."""
        with suppress(OSError, ValueError):
            _stderr().flush()

    def isatty(self) -> bool:
        """Return whether stderr is a terminal."""
        return _stderr().isatty()

    def fileno(self) -> int:
        """Return the descriptor, which tqdm asks for the width of the terminal."""
        return _stderr().fileno()

    @property
    def encoding(self) -> str:
        """Return the encoding, which decides how tqdm draws a bar."""
        return getattr(_stderr(), "encoding", None) or "utf-8"


STDERR = Stderr()
"""The only instance: bars and lines above them must be of the same stream."""


def _stderr() -> IO[str]:
    return sys.stderr
