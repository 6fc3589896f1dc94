"""What commands import: libraries that take long are imported only by commands that need them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.tool import Tool
from tmxdb.cli.program import COMMANDS

SLOW = ("alembic", "filelock", "logging.handlers", "lzokay", "matplotlib", "msgspec", "mss", "numpy", "PIL", "psutil",
        "psycopg", "pyarrow", "pycurl", "requests", "rich", "sqlalchemy", "tqdm", "tmxdb.gbx")  # fmt: skip
"""Libraries that take long, or that only jobs need."""
FOR_OTHERS = ("alembic", "matplotlib", "numpy", "PIL", "psycopg", "pyarrow", "pycurl", "requests", "rich", "tqdm",
              "sqlalchemy.dialects.postgresql", "sqlalchemy.orm")  # fmt: skip
"""What a command that writes to a SQLite file, without sending requests or drawing bars, leaves alone."""
_RUN = """
import sys
from tmxdb.cli import main
sys.argv = ["tmxdb", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    print(ended.code, *(name for name in {slow!r} if name in sys.modules), file=sys.stderr)
"""
_HELP_OF_ALL = """
import json, sys
import click
from tmxdb.cli.program import tmxdb
found = {{}}

def look(command, context):
    assert command.get_help(context)
    assert [item.value for item in command.shell_complete(context, "--")]
    found[context.command_path] = [name for name in {slow!r} if name in sys.modules]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            look(below, click.Context(below, parent=context, info_name=name))

look(tmxdb, click.Context(tmxdb, info_name="tmxdb"))
print(json.dumps(found))
"""


def test_help_and_completed_options_of_a_command_import_no_slow_library() -> None:
    """All commands in one process: the first command listed is the one that imports the library."""
    ran = subprocess.run(
        [sys.executable, "-c", _HELP_OF_ALL.format(slow=SLOW)],
        env=Tool.environment(), capture_output=True, encoding="utf-8", timeout=300, check=True,
    )  # fmt: skip
    found = json.loads(ran.stdout)
    assert {"tmxdb", "tmxdb game check", "tmxdb export frames", *(f"tmxdb {name}" for name in COMMANDS)} <= set(found)
    assert {name: libraries for name, libraries in found.items() if libraries} == {}


@pytest.mark.parametrize(
    "command",
    [
        "--help", "--version", "status", "status --format prometheus", "errors", "query values(1)", "schema",
        "track {track}", "top {track}", "driver {driver}", "show replay {replay}", "changes", "config", "select --list",
    ],
)  # fmt: skip
def test_a_command_that_only_looks_imports_no_slow_library(done: Tool, command: str) -> None:
    track, driver = done.one("select min(track_id) from replays"), done.one("select min(user_id) from replays")
    replay = done.one("select min(replay_id) from replays")
    words = command.format(track=track, driver=driver, replay=replay).split()
    ran = subprocess.run(
        [sys.executable, "-c", _RUN.format(slow=SLOW), *words],
        cwd=done.folder, env=Tool.environment(), capture_output=True, encoding="utf-8", timeout=120, check=True,
    )  # fmt: skip
    assert ran.stderr.splitlines()[-1] == "0"


@pytest.mark.parametrize(
    "command",
    [
        "retry", "release", "skip --kind list --id {track} --reason x --dry-run", "pause list", "run --dry-run",
        "refresh --dry-run", "doctor --offline", "migrate", "config set rate 5",
    ],
)  # fmt: skip
def test_a_command_that_writes_or_plans_imports_only_what_it_needs(done: Tool, command: str) -> None:
    words = command.format(track=done.one("select min(track_id) from replays")).split()
    slow = (*FOR_OTHERS, "sqlalchemy") if "doctor" in words else FOR_OTHERS  # it looks, also at processes and disks
    ran = subprocess.run(
        [sys.executable, "-c", _RUN.format(slow=slow), *words],
        cwd=done.folder, env=Tool.environment(), capture_output=True, encoding="utf-8", timeout=120, check=True,
    )  # fmt: skip
    assert ran.stderr.splitlines()[-1] == "0"


def test_a_worker_that_sends_no_request_does_not_import_what_sends_them(done: Tool) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _RUN.format(slow=("pycurl", "requests", "urllib3")), "work", "--kind", "extract"],
        cwd=done.folder, env=Tool.environment(), capture_output=True, encoding="utf-8", timeout=120, check=True,
    )  # fmt: skip
    assert ran.stderr.splitlines()[-1] == "0"


def test_processes_that_read_files_import_no_slow_library() -> None:
    """These modules have the functions that are sent to the processes of a pool; each of these imports one of them."""
    modules = ("tmxdb.adoption.recognition.reading", "tmxdb.cli.commands.files.gbx_reading",
               "tmxdb.export.centerlines.line_file", "tmxdb.export.tables.line_rows",
               "tmxdb.kinds.stored_facts")  # fmt: skip
    slow = ("sqlalchemy", *FOR_OTHERS)
    code = f"import {', '.join(modules)}, sys; print(*(name for name in {slow!r} if name in sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=Tool.environment(), capture_output=True, encoding="utf-8", timeout=120, check=True,
    )  # fmt: skip
    assert ran.stdout.split() == []
