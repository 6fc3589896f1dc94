"""The pool of processes that all commands share."""

from __future__ import annotations

import sys

import pytest

from tmxdb.export.processes import process_pool


def test_a_computer_with_many_cores_gets_as_many_processes_as_windows_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")  # there, more than 61 raise ValueError
    process_pool(128).shutdown()
