"""Run the quick half of the tests, one folder after the other, each with a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tools.windows.environment import ROOT, Environment, windows_path
from tools.windows.limits import LEFT_OUT
from tools.windows.records import Record
from tools.windows.running import Ended, follow

TIMEOUT_S = 300
"""Of one test. Starting a process takes a second under Wine."""
NOTHING_S = TIMEOUT_S + 180
"""A pytest that records nothing for this long is killed. Its own time limit cannot end every test."""
OPTIONS = [
    "-v", "-p", "no:xdist", "-p", "no:cacheprovider", "-p", "tools.windows.recorder", "-m", "not slow",
    "--timeout", TIMEOUT_S, "--tb=short", "--continue-on-collection-errors",
]  # fmt: skip


def test_targets(chosen: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return names with the files and folders of each run of pytest: those chosen, or every folder of tests.

    Files that are in no folder of their own are one run named `tests/*.py`.
    """
    tests = ROOT / "tests"
    folders = sorted({file.relative_to(tests).parts[0] for file in tests.rglob("test_*.py") if file.parent != tests})
    alone = sorted(f"tests/{file.name}" for file in tests.glob("test_*.py"))
    runs = {"tests/*.py": alone} | {f"tests/{folder}": [f"tests/{folder}"] for folder in folders}
    return [(target, runs.get(target, [target])) for target in chosen] if chosen else list(runs.items())


def run_tests(environment: Environment, words: list[str], record: Record, seconds: float) -> str | None:
    """Run the quick tests that `record` does not have yet, for at most `seconds`. Return why some are missing.

    A test that ends or blocks its process is a failure of its own, and the others run in a new process.
    """
    deadline = time.monotonic() + seconds
    while not record.is_complete:
        before = len(record.outcomes())
        ended = _run_pytest(environment, words, record, deadline - time.monotonic())
        if record.is_complete:
            break
        environment.restart()
        if time.monotonic() > deadline:
            return f"not finished within {seconds / 60:.0f} minutes; run again to continue"
        if test := record.running():
            record.write(test=test, outcome="failed", said=f"pytest ended during this test: {_how(ended)}")
        elif len(record.outcomes()) == before:
            return f"pytest ended before its first test: {_how(ended)}"
    for test, reason in LEFT_OUT.items():
        if any(test.startswith(word) for word in words) and test not in record.outcomes():
            record.write(test=test, outcome="failed", said=reason)
    return None


def _run_pytest(environment: Environment, words: list[str], record: Record, seconds: float) -> Ended:
    options = [*OPTIONS, *(word for test in LEFT_OUT for word in ("--deselect", test))]
    options += [f"--record={windows_path(record.file)}"]  # as one word: pytest takes others for folders of tests
    record.file.parent.mkdir(parents=True, exist_ok=True)
    process = environment.start("-m", "pytest", *options, *words, cwd=ROOT)
    ended = follow(process, seconds, _idle(record))
    with record.file.with_suffix(".log").open("a", encoding="utf-8") as log:
        log.write(ended.output)
    return ended


def _idle(record: Record) -> Callable[[], str | None]:
    """Return a function that says when nothing has been recorded for NOTHING_S."""
    seen, since = -1, time.monotonic()

    def reason() -> str | None:
        nonlocal seen, since
        size = record.file.stat().st_size if record.file.exists() else 0
        if size != seen:
            seen, since = size, time.monotonic()
        return f"no test ended for {NOTHING_S} s" if time.monotonic() - since > NOTHING_S else None

    return reason


def _how(ended: Ended) -> str:
    lines = ended.output.split("\n") if ended.how.startswith("status") else []
    timeout = next((" ".join(line.split()) for line in lines if "Timeout" in line), None)
    return f"no end within {TIMEOUT_S} s" if timeout else ended.how
