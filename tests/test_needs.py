"""Tests that need a missing program are skipped, and fail in CI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tool import Tool

HERE = Path(__file__).parent
TESTS_BY_PROGRAM = {
    "Xvfb": "game/frames/test_screen.py::test_a_larger_window_is_scaled_when_stored_not_cropped",
    "g++": "game/plugin/test_script.py",
    "fish": "cli/test_completion.py::test_a_real_fish_completes",
    "zsh": "cli/test_completion.py::test_a_real_zsh_reads_the_script",
}


@pytest.mark.skipif(sys.platform == "win32", reason="Xvfb, g++ and AngelScript are used on Linux only")
@pytest.mark.slow
@pytest.mark.parametrize(("required", "outcome"), [("0", "skipped"), ("1", "error")])
def test_tests_without_their_program_are_skipped_or_fail(tmp_path: Path, required: str, outcome: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-rsE",
        *(str(HERE / test) for test in TESTS_BY_PROGRAM.values()),
    ]
    inherited = {name: value for name, value in Tool.environment().items() if not name.startswith("PYTEST_")}
    environment = inherited | {"PATH": str(tmp_path), "TMXDB_REQUIRE": required}
    ran = subprocess.run(command, cwd=HERE.parent, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == (0 if outcome == "skipped" else 1), ran.stdout
    for program in TESTS_BY_PROGRAM:
        assert program in ran.stdout
    assert outcome.upper() in ran.stdout
    assert ("TMXDB_REQUIRE=1" in ran.stdout) == (outcome == "error")
