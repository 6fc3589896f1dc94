"""Colours on a terminal. NO_COLOR turns them off, FORCE_COLOR on (no-color.org, force-color.org)."""

from __future__ import annotations

import os
import sys

import click


def colour_preference() -> bool | None:
    """Return what the user wants for every stream; None: colours on a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


def uses_colour() -> bool:
    """Return whether stdout gets colours."""
    preference = colour_preference()
    return preference if preference is not None else sys.stdout.isatty() and not is_dumb_terminal()


def is_dumb_terminal() -> bool:
    """Return whether the terminal, if there is one, can only write one line after the other."""
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


def bold(text: str) -> str:
    """Return `text` in bold where colours are used."""
    return click.style(text, bold=True) if uses_colour() else text


def dim(text: str) -> str:
    """Return `text` less bright where colours are used."""
    return click.style(text, dim=True) if uses_colour() else text


def coloured(text: str, colour: str) -> str:
    """Return `text` in `colour` where colours are used."""
    return click.style(text, fg=colour) if uses_colour() else text
