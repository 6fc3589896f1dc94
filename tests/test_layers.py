"""Imports go one way: cli → sync, kinds, reports, sandbox → queue, capture → db, tmx, gbx, game → the leaves."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tmxdb

PACKAGE = Path(tmxdb.__file__).parent
LEAVES = {"errors", "clock", "storage", "config", "retrying"}
ADAPTERS = {"db", "tmx", "gbx", "game"}
LIFE = {"queue", "capture"}
WORK = {"sync", "kinds", "reports", "sandbox", "reread", "upkeep", "export", "pictures"}
LAYERS = [{"__main__"}, {"cli"}, WORK, LIFE, ADAPTERS, LEAVES]
"""From top to bottom; a room may import what is below it."""

SIDEWAYS = {
    ("retrying", "errors"),  # the table of what becomes of them
    ("storage", "errors"),  # a leaf may lean on the tree of errors, which imports nothing
    ("reread", "kinds"),  # reading the facts of files again is what the kinds do, without the queue around it
}
"""Imports between rooms of the same layer that are meant, each with its reason."""

DOORS = {
    "click": {"cli"},
    "tqdm": {"cli"},
    "requests": {"tmx"},
    "pycurl": {"tmx"},
    "sqlalchemy": {"db", "queue", "kinds", "sync", "reports", "cli", "reread", "export", "pictures", "upkeep"},
    "alembic": {"db"},
    "lzokay": {"gbx"},
    "pygbx": {"gbx"},
    "filelock": {"game"},
    "fcntl": set(),  # not on Windows, as the next is nowhere else
    "msvcrt": set(),
    "psutil": {"db", "queue", "sandbox", "game"},
    "mss": {"game"},
    "Xlib": {"game"},
    "tminterface": {"game"},
    "matplotlib": {"pictures"},
    "PIL": {"pictures", "game", "capture", "gbx"},
    "pyarrow": {"export"},
}
"""Outside libraries and the only rooms that may know them."""


@cache
def imports() -> list[tuple[str, str, str]]:
    return list(_imports())


def _imports() -> Iterator[tuple[str, str, str]]:
    """(file and line, room, imported module) for every import of tmxdb, those inside functions too."""
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            modules: list[str] = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = ["tmxdb", *parts[: len(parts) - node.level]] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                modules = [f"{base}.{alias.name}" for alias in node.names] if base == "tmxdb" else [base]
            for module in modules:
                yield f"tmxdb/{'/'.join(parts)}.py:{getattr(node, 'lineno', 0)}", parts[0], module


def rooms_used() -> list[tuple[str, str, str]]:
    """(where, room, other room of tmxdb)."""
    found = []
    for where, room, module in imports():
        name = module.split(".")
        if name[0] == "tmxdb" and len(name) > 1 and not name[1].startswith("__") and name[1] != room:
            found.append((where, room, name[1]))
    return found


def layer(room: str) -> int:
    return next(i for i, rooms in enumerate(LAYERS) if room in rooms)


def test_every_room_has_its_place() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    known = set().union(*LAYERS) | {"__init__", "__pycache__", "py", "migrations"}
    assert {room for room in rooms if room != "py"} <= known


def test_imports_go_one_way() -> None:
    wrong = [
        f"{where}: {room} -> {other}"
        for where, room, other in rooms_used()
        if layer(other) < layer(room) or (layer(other) == layer(room) and (room, other) not in SIDEWAYS)
    ]
    assert wrong == []


def test_no_exception_is_listed_that_is_not_needed() -> None:
    assert {(room, other) for _, room, other in rooms_used() if layer(room) == layer(other)} == SIDEWAYS


def test_the_adapters_do_not_know_each_other() -> None:
    assert [where for where, room, other in rooms_used() if room in ADAPTERS and other in ADAPTERS] == []


def test_the_sandbox_knows_nothing_of_what_is_tested_against_it() -> None:
    forbidden = {"cli", "sync", "kinds", "queue", "db", "tmx", "reports", "game", "capture"}
    assert [where for where, room, other in rooms_used() if room == "sandbox" and other in forbidden] == []
    scripts = [where for where, room, module in imports() if room == "sandbox" and module == "tmxdb.gbx.script"]
    assert scripts == []


def test_errors_import_nothing() -> None:
    assert [where for where, room, other in rooms_used() if room == "errors"] == []


@pytest.mark.parametrize("library", DOORS)
def test_each_outside_library_has_its_doors(library: str) -> None:
    wrong = [
        f"{where}: {room} imports {module}"
        for where, room, module in imports()
        if module.split(".")[0] == library and room not in DOORS[library]
    ]
    assert wrong == []
