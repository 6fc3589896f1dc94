"""Where a program lacks, its tests are left out; in CI they fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .tool import Tool

HERE = Path(__file__).parent
NEEDY = {
    "Xvfb": "game/frames/test_screen.py::test_a_larger_window_is_made_smaller_where_it_is_stored_and_not_cut",
    "g++": "game/plugin/test_script.py",
}


@pytest.mark.parametrize(("required", "outcome"), [("0", "skipped"), ("1", "error")])
def test_tests_whose_program_is_not_there_are_left_out_or_fail(tmp_path: Path, required: str, outcome: str) -> None:
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-rsE",
        *(str(HERE / test) for test in NEEDY.values()),
    ]
    environment = Tool.environment() | {"PATH": str(tmp_path), "TMXDB_REQUIRE": required}
    ran = subprocess.run(words, cwd=HERE.parent, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == (0 if outcome == "skipped" else 1), ran.stdout
    for program in NEEDY:
        assert program in ran.stdout
    assert outcome.upper() in ran.stdout
    assert ("TMXDB_REQUIRE=1" in ran.stdout) == (outcome == "error")
