"""Where the documentation is: it ships in the wheel, and is beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path


def documentation_folder() -> Path:
    """Return the folder that contains `index.md`."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "docs"
    return installed if installed.is_dir() else package.parent / "docs"
