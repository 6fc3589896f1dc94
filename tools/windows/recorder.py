"""A plugin for pytest that writes each outcome to a file at once, and leaves out the tests whose outcome the file has.

`pytest -p tools.windows.recorder --record FILE`, with Windows' Python. See `records` for the file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.windows.records import Record

SAID = 4_000
"""Characters of a message that are kept."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", type=Path, required=True, help="file of outcomes")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Recorder(Record(config.getoption("--record"))))


class Recorder:
    """Add the outcomes of this session to `record`."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._outcome: dict[str, str] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        known = self._record.outcomes()
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in known])
        items[:] = [item for item in items if item.nodeid not in known]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a file that cannot be imported, or is skipped as a whole."""
        if not report.passed:
            self._record.write(test=report.nodeid, outcome=report.outcome, said=_said(report))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._outcome = {"outcome": "passed"}
        self._record.write(test=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first failure of setup, test and teardown. An expected failure is a skipped test to pytest."""
        if not report.passed and self._outcome["outcome"] != "failed":
            self._outcome = {"outcome": report.outcome, "said": _said(report)}

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._record.write(test=nodeid, **self._outcome)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            self._record.write(end=True)


def _said(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why a test was skipped, or the error that ended it."""
    if isinstance(report.longrepr, tuple):
        said = report.longrepr[2].removeprefix("Skipped: ")
    elif crash := getattr(report.longrepr, "reprcrash", None):
        said = crash.message
    else:
        lines = str(report.longrepr or getattr(report, "wasxfail", report.outcome)).strip().splitlines()
        said = next((line for line in reversed(lines) if line.startswith("E ")), lines[-1] if lines else "")
    return " ".join(said.split())[:SAID]
