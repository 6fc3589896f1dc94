"""The error for a file of a capture that cannot be read: to capture again helps only if there is no such file."""

from __future__ import annotations

from pathlib import Path

from tmxdb.errors import InvalidInput
from tmxdb.storage.os_errors import is_missing, unread

_UNREADABLE = "input.unreadable"


def unreadable_file(path: Path, error: OSError) -> InvalidInput:
    """Return the error to raise from `error`."""
    sentence = unread(error, str(path), get_again="Run `tmxdb verify --repair` to capture it again.")
    return InvalidInput(sentence, code="capture.damaged" if is_missing(error) else _UNREADABLE)


def raise_if_unreadable(error: InvalidInput) -> None:
    """Raise the system's error behind `error` if a file exists and cannot be read: then the capture is not damaged."""
    if error.code == _UNREADABLE and isinstance(error.__cause__, OSError):
        raise error.__cause__
