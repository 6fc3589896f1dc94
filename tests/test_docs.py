"""What README and docs say is held against the program: commands, options, SQL, columns."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from tmxdb import __version__
from tmxdb.cli import COMMANDS, tmxdb
from tmxdb.db.engine import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.models import Base

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


def _typed_commands() -> list[tuple[str, str]]:
    """Every `tmxdb …` that a page tells somebody to type."""
    found = []
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        lines = [line for block in _blocks(page, "console") for line in block.splitlines()]
        typed = [line.removeprefix("$ ").split("  #")[0].strip() for line in lines if line.startswith("$ ")]
        typed += re.findall(r"`(tmxdb [^`]*)`", content)
        found += [(page.name, line) for line in typed if re.match(r"(uv run )?tmxdb [a-z-]", line)]
    return found


@pytest.mark.parametrize(("page", "line"), _typed_commands())
def test_every_command_in_the_docs_is_one_that_exists(page: str, line: str) -> None:
    words = shlex.split(line.removeprefix("uv run ").replace("…", ""))[1:]
    context = click.Context(tmxdb)
    command: click.Command | None = tmxdb
    options = {name for parameter in tmxdb.params for name in parameter.opts}
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            if word in command.list_commands(context):
                command = command.get_command(context, word)
                assert command is not None
                options |= {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
            elif command is tmxdb:
                pytest.fail(f"{page}: there is no command {word!r} in {line!r}")
        elif word.startswith("--"):
            assert word.split("=")[0] in {*options, "--help", "--version"}, f"{page}: {line}"


def _statements() -> list[tuple[str, str]]:
    return [
        (page.name, statement.strip())
        for page in PAGES
        for block in _blocks(page, "sql")
        for statement in block.split(";")
        if statement.strip()
    ]


@pytest.mark.parametrize(("page", "statement"), _statements())
def test_every_query_in_the_docs_can_be_run(page: str, statement: str, tmp_path: Path) -> None:
    database = Database(str(tmp_path / "tmx.db"))
    upgrade(database)
    with database.read() as connection:
        connection.execute(text(statement.replace(":", r"\:"))).fetchall()
    database.close()


@pytest.mark.parametrize("table", ["tracks", "replays", "maps", "attempts"])
def test_the_schema_page_names_every_column(table: str) -> None:
    page = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")
    missing = [column.name for column in Base.metadata.tables[table].columns if f"`{column.name}`" not in page]
    assert [name for name in missing if name not in ("attempt_id", "track_id", "replay_id")] == []


def test_the_schema_page_names_every_view(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")
    database = Database(str(tmp_path / "tmx.db"))
    upgrade(database)
    with database.read() as connection:
        views = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'view'")).scalars().all()
    database.close()
    assert [view for view in views if f"| `{view}` |" not in page] == []


def test_the_readme_explains_every_everyday_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"tmxdb {name}" not in readme and f"`{name}`" not in readme] == []


def test_the_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
