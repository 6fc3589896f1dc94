"""What every test of the queue starts from."""

from __future__ import annotations

import pytest

from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop import worker as worker_module


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that no test waits for a second."""
    monkeypatch.setattr(store_module, "RECOVERY_S", 0.05)
    monkeypatch.setattr(worker_module, "RECOVERY_S", 0.05)
