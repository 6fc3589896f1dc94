"""Imports go one way: cli, then jobs (sync, kinds ...), then queue and capture, then the adapters, then the leaves."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

import tmxdb
import tmxdb_sandbox

PRODUCT = Path(tmxdb.__file__).parent
SANDBOX = Path(tmxdb_sandbox.__file__).parent

LEAVES = {
    "errors",
    "error_codes",
    "clock",
    "formats",
    "paths",
    "styles",
    "storable_text",
    "storage",
    "failure_policy",
    "process_identity",
    "events",
    "child_processes",
    "process_pool",
}
ADAPTERS = {"db", "tmx", "gbx", "game"}
LIFECYCLE = {"queue", "capture", "selections"}
JOBS = {"adoption", "sync", "kinds", "reports", "reread", "upkeep", "export", "pictures", "arrays"}
LAYERS = [{"__main__"}, {"cli", "torch"}, {"serve"}, {"api"}, JOBS, LIFECYCLE, ADAPTERS, LEAVES]
"""From top to bottom. A package may import packages of a lower layer."""

SIDEWAYS = {
    ("failure_policy", "errors"),  # the policy is a table over the error classes
    ("failure_policy", "clock"),  # durations in the table for docs/errors.md
    ("events", "clock"),  # sentences with times of day and durations
    ("events", "storage"),  # sentences with ids of local rows
    ("storage", "paths"),  # every file of the data folder and of users is opened with it
    ("process_pool", "errors"),  # a process that dies is an error of the tree
    ("process_pool", "child_processes"),  # those of a pool are no different
    ("storage", "errors"),  # every leaf may use the error tree, which imports nothing
    ("adoption", "kinds"),  # it does what kinds do with a file, without the queue around it
    ("adoption", "sync"),  # tracks that the site knows are added as `add-tracks` adds them
    ("export", "arrays"),  # statistics of pictures; lines and inputs of replay files, as CSV and Parquet too
    ("storage", "process_identity"),  # temporary files of a process that has ended are left over
    ("pictures", "reports"),  # draws the numbers of a collection
    ("reports", "upkeep"),  # `status` warns of a data folder that `run` refuses
    ("upkeep", "kinds"),  # which maps are to be extracted again
    ("reread", "kinds"),  # reading facts again is the work of a kind, without the queue around it
}
"""Imports between packages of one layer, each with its reason."""

SANDBOX_MAY_IMPORT = {"gbx", "errors", "clock", "storage", "process_identity", "child_processes"}
"""What the stand-ins share with the product. Anything more would test the product against itself."""

OWNERS = {
    "click": {"cli"},
    "tqdm": {"cli"},
    "requests": {"tmx"},
    "pycurl": {"tmx"},
    "sqlalchemy": JOBS - {"arrays"} | {"db", "queue", "selections", "cli", "api"},
    "alembic": {"db"},
    "lzokay": {"gbx"},
    "msgspec": {"tmx"},
    "pygbx": {"gbx"},
    "filelock": {"storage", "game", "export"},
    "termios": {"cli"},  # not available on Windows
    "rich": {"cli"},
    "fcntl": {"storage"},  # not available on Windows: path_lock.py asks for the system first
    "msvcrt": {"storage", "cli"},  # only available on Windows; cli reads keys with it
    "psutil": {"db", "queue", "game", "process_identity"},
    "mss": {"game"},
    "Xlib": {"game"},
    "tminterface": {"game"},
    "matplotlib": {"pictures"},
    "PIL": {"pictures", "game", "capture", "gbx", "arrays"},
    "numpy": {"arrays", "api", "serve", "torch", "export"},
    "torch": {"torch"},
    "av": {"capture"},
    "pyarrow": {"export", "capture"},
    "h5py": {"export"},
    "starlette": {"serve"},
    "jinja2": {"serve"},
    "uvicorn": {"serve"},
}
"""Third-party libraries and the only packages that may import them."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the product and the stand-ins, by dotted name."""
    found = {}
    for root in (PRODUCT, SANDBOX):
        for file in root.rglob("*.py"):
            parts = file.relative_to(root.parent).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = file
    return found


@cache
def imports() -> list[tuple[str, str]]:
    """(importing module, imported module or name) for every import, including those inside functions."""
    found = []
    for module, file in modules().items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found += [(module, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module} uses a relative import"
                found += [(module, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def package(module: str) -> str:
    """`queue` for `tmxdb.queue.loop.worker`; empty for `tmxdb` itself and for other distributions."""
    name = module.split(".")
    return name[1] if name[0] == "tmxdb" and len(name) > 1 and not name[1].startswith("__version") else ""


def product_imports() -> list[tuple[str, str, str]]:
    """(importing module, its package, imported package) between different packages of the product."""
    return [
        (module, package(module), package(target))
        for module, target in imports()
        if package(module) and package(target) and package(module) != package(target)
    ]


def layer(name: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if name in names)


def test_every_package_has_a_layer() -> None:
    names = {path.stem for path in PRODUCT.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert names - set().union(*LAYERS) <= {"__init__", "__pycache__", "py", "migrations", "docs"}


def test_imports_go_one_way() -> None:
    wrong = [
        f"{module}: {name} -> {other}"
        for module, name, other in product_imports()
        if layer(other) < layer(name) or (layer(other) == layer(name) and (name, other) not in SIDEWAYS)
    ]
    assert wrong == []


def test_every_sideways_exception_is_needed() -> None:
    assert {(name, other) for _, name, other in product_imports() if layer(name) == layer(other)} == SIDEWAYS


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = defaultdict(set)
    for module, target in imports():
        name = target if target in modules() else target.rpartition(".")[0]
        if name in modules() and name != module:
            graph[module].add(name)
    finished: set[str] = set()
    circles = []

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            circles.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in finished:
            for target in sorted(graph[module]):
                visit(target, (*path, module))
            finished.add(module)

    for module in sorted(modules()):
        visit(module, ())
    assert circles == []


def test_the_sandbox_shares_only_the_gbx_reader_and_the_leaves_with_the_product() -> None:
    used = {
        (module, package(target))
        for module, target in imports()
        if module.startswith("tmxdb_sandbox") and package(target)
    }
    assert {(module, name) for module, name in used if name not in SANDBOX_MAY_IMPORT} == set()
    assert [
        module for module, target in imports() if module.startswith("tmxdb_sandbox") and "gbx.script" in target
    ] == []


def test_only_the_sandbox_commands_import_the_sandbox() -> None:
    users = {module for module, target in imports() if package(module) and target.split(".")[0] == "tmxdb_sandbox"}
    assert users == {"tmxdb.cli.commands.sandbox.demo", "tmxdb.cli.commands.sandbox.sandbox"}


def test_errors_import_nothing() -> None:
    assert [other for _, name, other in product_imports() if name == "errors"] == []


@pytest.mark.parametrize("library", OWNERS)
def test_each_third_party_library_has_its_owner(library: str) -> None:
    wrong = [
        f"{module} imports {target}"
        for module, target in imports()
        if target.split(".")[0] == library and package(module) and package(module) not in OWNERS[library]
    ]
    assert wrong == []


def test_no_two_modules_of_a_folder_differ_only_in_the_plural() -> None:
    assert [name for name in modules() if f"{name}s" in modules()] == []


def test_no_two_public_classes_have_one_name() -> None:
    names = Counter(
        node.name
        for file in modules().values()
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, n in names.items() if n > 1] == []
