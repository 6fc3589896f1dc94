"""Engine differences are in one module: no other one compares the name of the engine."""

from __future__ import annotations

import re
from pathlib import Path

import tmxdb

PACKAGE = Path(tmxdb.__file__).parent
DOORS = {PACKAGE / "db" / "dialect.py", PACKAGE / "db" / "database.py"}
"""`database.py` chooses how to open a URL."""
COMPARES = re.compile(
    r"dialect\.name|get_backend_name|sqlalchemy\.dialects|[=!]= *[\"'](?:sqlite|postgresql)|is_postgresql\("
)
ONLY_IN_DB = "is_postgresql("


def test_only_the_dialect_module_compares_the_name_of_the_engine() -> None:
    found = [
        f"{file.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if file not in DOORS and "migrations" not in file.parts
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if COMPARES.search(line) and not (ONLY_IN_DB in line and file.parent == PACKAGE / "db")
    ]
    assert found == []
