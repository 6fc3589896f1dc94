"""What a shell on Windows leaves to programs: `~` for the home folder, and patterns such as `*.Gbx`.

Click would expand each word, and variables too: `retry --code tmx.*` became `retry --code tmx.db`, and a `$` in the
name of a driver could begin a variable.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence

import click

_SHELL_EXPANDS = os.name != "nt"


def with_home(words: Iterable[str]) -> list[str]:
    """Return the words of a command line with the home folder in place of a `~` that stands alone or begins a path."""
    return [_with_home(word) for word in words]


def _with_home(word: str) -> str:
    return os.path.expanduser(word) if not _SHELL_EXPANDS and word[:2] in ("~", "~/", "~\\") else word


def files_of_patterns(ctx: click.Context, param: click.Parameter, files: Sequence[str]) -> tuple[str, ...]:
    """Return the files that the words of an argument stand for. A pattern that no file matches stays as it is.

    The callback of an argument that takes files.
    """
    return tuple(file for word in files for file in _matching(word))


def _matching(word: str) -> list[str]:
    if _SHELL_EXPANDS or not glob.has_magic(word) or os.path.exists(word):
        return [word]
    return sorted(glob.glob(word, recursive=True)) or [word]
