"""What every test of the queue starts from."""

from __future__ import annotations

import pytest

from tmxdb.queue import desk as desk_module
from tmxdb.queue import worker as worker_module


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that no test waits for a second."""
    monkeypatch.setattr(desk_module, "LOOK_S", 0.05)
    monkeypatch.setattr(worker_module, "LOOK_S", 0.05)
