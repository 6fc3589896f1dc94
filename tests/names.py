"""Names of files that are not valid UTF-8."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def name_not_utf8(folder: Path) -> str:
    """Return the beginning of such a name. Skip the test if files in `folder` have only names of valid Unicode."""
    name = "odd\udcff" if os.name == "nt" else os.fsdecode(b"odd\xff")
    try:
        (folder / name).mkdir()
        (folder / name).rmdir()
    except OSError:
        pytest.skip("names of files are valid Unicode here")
    return name
