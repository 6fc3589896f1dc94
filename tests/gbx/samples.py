"""Access to real sample files through their index; every other test in this folder writes its own files.

The folder has `golden.json` and `golden_made.json`, which list the files with their facts. No file name is written
into a test: `TMXDB_GBX_SAMPLES` may point to any folder of this form.
"""

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
    """Return the expected facts by file; empty without samples."""
    path = SAMPLES / name
    files: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))["files"] if path.is_file() else {}
    return files


def sample(file: str) -> bytes:
    """Return the bytes of a sample."""
    return (SAMPLES / file).read_bytes()


def smallest_of_each_game(facts: dict[str, dict[str, Any]]) -> list[str]:
    """Return the smallest replay and the smallest map of each game."""
    smallest: dict[tuple[str, str], str] = {}
    for file in sorted(facts, key=lambda file: int(facts[file]["bytes"])):
        if facts[file]["kind"] in ("replay", "challenge"):
            smallest.setdefault((facts[file]["kind"], facts[file]["game"]), file)
    return sorted(smallest.values())
