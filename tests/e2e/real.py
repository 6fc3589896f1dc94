"""The folder of real GBX files, if there is one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(os.environ.get("TMXDB_GBX_SAMPLES") or Path(__file__).resolve().parents[3] / "shared" / "gbx")
needs_samples = pytest.mark.skipif(
    not ((SAMPLES / "golden.json").is_file() and (SAMPLES / "tmnf").is_dir()),
    reason="no sample files: set TMXDB_GBX_SAMPLES to a folder with golden.json and tmnf/",
)


def golden() -> dict[str, dict[str, Any]]:
    """Return the expected values of each file by its sha256."""
    files: dict[str, dict[str, Any]] = json.loads((SAMPLES / "golden.json").read_text("utf-8"))["files"]
    return {facts["sha256"]: facts for facts in files.values()}
