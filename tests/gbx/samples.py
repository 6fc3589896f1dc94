"""Where real files are, if anywhere; every other test in this folder writes its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(os.environ.get("TMXDB_GBX_SAMPLES") or Path(__file__).resolve().parents[3] / "shared" / "gbx")

needs_samples = pytest.mark.skipif(
    not (SAMPLES / "golden.json").is_file(),
    reason="no sample files: set TMXDB_GBX_SAMPLES to a folder with golden.json",
)


def expected(name: str) -> dict[str, dict[str, Any]]:
    """File -> what is known of it; empty where there are no samples."""
    path = SAMPLES / name
    files: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))["files"] if path.is_file() else {}
    return files
