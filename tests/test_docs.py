"""What README and docs say is held against the program: commands, options, SQL, columns."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from tests.test_pasting import first_command
from tmxdb import __version__
from tmxdb.cli.program import COMMANDS, tmxdb
from tmxdb.db.database import Database

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


def _typed_commands() -> list[tuple[str, str]]:
    """Every `tmxdb …` that a page tells the reader to type."""
    found = []
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        lines = [line for block in _blocks(page, "console") for line in block.splitlines()]
        typed = [line.removeprefix("$ ").split("  #")[0].strip() for line in lines if line.startswith("$ ")]
        typed += re.findall(r"`(tmxdb [^`]*)`", content)
        found += [(page.name, line) for line in typed if re.match(r"(uv run )?tmxdb [a-z-]", line)]
    return found


def test_every_command_in_the_docs_is_one_that_exists() -> None:
    for page, line in _typed_commands():
        words = shlex.split(first_command(line.removeprefix("uv run ").replace("…", "")))[1:]
        try:
            context = tmxdb.make_context("tmxdb", words, resilient_parsing=True)
            while isinstance(context.command, click.Group) and (left := [*context._protected_args, *context.args]):
                name, command, rest = context.command.resolve_command(context, left)
                assert command is not None
                context = command.make_context(name, rest, parent=context, resilient_parsing=True)
        except (AssertionError, click.ClickException) as error:
            pytest.fail(f"{page}: {line}: {error}")


def _statements() -> list[tuple[str, str]]:
    return [
        (page.name, statement.strip())
        for page in PAGES
        for block in _blocks(page, "sql")
        for statement in block.split(";")
        if statement.strip()
    ]


@pytest.mark.parametrize(("page", "statement"), _statements())
def test_every_query_in_the_docs_can_be_run(page: str, statement: str, sqlite: Database) -> None:
    with sqlite.read() as connection:
        connection.execute(text(statement.replace(":", r"\:"))).fetchall()


def test_the_readme_explains_every_everyday_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"tmxdb {name}" not in readme and f"`{name}`" not in readme] == []


def test_the_readme_and_the_index_link_every_guide() -> None:
    readme, index = ROOT / "README.md", ROOT / "docs" / "index.md"
    for page in (readme, index):
        linked = {(page.parent / link).resolve() for link in re.findall(r"\]\(([^)#]+\.md)", page.read_text("utf-8"))}
        assert [guide.name for guide in (ROOT / "docs" / "how-to").glob("*.md") if guide not in linked] == [], page.name


def test_no_page_exports_different_data_sets_into_one_folder() -> None:
    for page in PAGES:
        lines = [line for block in _blocks(page, "console") for line in block.splitlines()]
        exports = {line for line in lines if line.startswith("$ tmxdb export frames ") and "--check" not in line}
        folders = [line.split()[4] for line in exports]
        again = {folder for folder in folders if folders.count(folder) > 1}
        assert again == set() or page.parent.name == "reference", page.name


def test_the_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_help_names_the_folder_of_the_documentation() -> None:
    help_text = tmxdb.get_help(click.Context(tmxdb, info_name="tmxdb", **tmxdb.context_settings))
    page = Path(help_text.rsplit("Documentation: ", 1)[1].strip())
    assert page.read_text("utf-8").startswith("# tmxdb")
