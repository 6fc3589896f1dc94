"""The pool of connections that both engines use: how many, and how long a thread waits for one."""

from __future__ import annotations

from typing import Any

POOL_TIMEOUT_S = 60
"""Longer than a statement waits for its turn or for a server: then those that hold the connections fail first."""
POOL: dict[str, Any] = {"pool_size": 4, "max_overflow": 4, "pool_timeout": POOL_TIMEOUT_S}
