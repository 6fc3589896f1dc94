"""The game's user if none is given."""

from __future__ import annotations

import sys

import pytest

from tmxdb.cli.opening.games import _user_name


def test_a_system_that_does_not_know_the_name_of_its_user_gets_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "pwd", None)  # as on Windows, where this import fails
    assert _user_name() == "Player"
