"""Run the quick half of the tests, one folder after the other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tools.windows.environment import ROOT, Environment, windows_path
from tools.windows.limits import LEFT_OUT
from tools.windows.results import Results

TIMEOUT_S = 300
"""Of one test. Starting a process takes a second under Wine."""


def test_targets(chosen: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return names with the files and folders of each run of pytest: those chosen, or every folder of tests.

    Files that are in no folder of their own are one run named `tests/*.py`.
    """
    tests = ROOT / "tests"
    folders = sorted({file.relative_to(tests).parts[0] for file in tests.rglob("test_*.py") if file.parent != tests})
    alone = sorted(f"tests/{file.name}" for file in tests.glob("test_*.py"))
    runs = {"tests/*.py": alone} | {f"tests/{folder}": [f"tests/{folder}"] for folder in folders}
    return [(target, runs.get(target, [target])) for target in chosen] if chosen else list(runs.items())


def run_tests(environment: Environment, target: tuple[str, list[str]], processes: int, results: Results) -> None:
    """Run the quick tests of one target and add them to `results`."""
    name, words = target
    report = environment.folder / "reports" / f"{name.replace('/', '_').replace('*', 'all')}.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    options = ["-q", "-n", processes, "-m", "not slow", "--timeout", TIMEOUT_S, "-p", "no:cacheprovider", "--tb=short"]
    options += [word for test in LEFT_OUT for word in ("--deselect", test)]
    print(f"\n{name}", file=sys.stderr)
    process = environment.start("-m", "pytest", *options, "--junitxml", windows_path(report), *words, cwd=ROOT)
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        sys.stderr.write(line)
        last = line.strip() or last
    process.wait()
    results.add_tests(name, Path(report), f"status {process.returncode}, {last[:150]}")
    for test, reason in LEFT_OUT.items():
        if any(test.startswith(word) for word in words):
            results.rows[-1].explained.append((test, reason))
