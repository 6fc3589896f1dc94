"""`tmxdb schema`: the tables and views, and the columns of one, from the page that documents them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import click

from tmxdb.cli.completion.words import relations
from tmxdb.cli.formats.table import terminal_width
from tmxdb.cli.formats.text import padded, width_of
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.types import suggestion
from tmxdb.cli.shared.output import print_json
from tmxdb.errors import InvalidInput
from tmxdb.reports.documentation import documentation_folder


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view. `columns`: name, type and meaning of each; a view documents names only."""

    name: str
    is_view: bool
    meaning: str
    columns: tuple[tuple[str, str, str], ...]


@command()
@json_option
@click.argument("name", required=False, metavar="[TABLE|VIEW]", shell_complete=relations)
def schema(as_json: bool, name: str | None) -> None:
    """List the tables and views, or the columns of one. Needs no database.

    \b
      tmxdb schema
      tmxdb schema replays
      tmxdb schema leaderboard --json
    """
    known = _relations()
    if name is not None and name.lower() not in known:
        raise InvalidInput(
            f"No table or view {name[:60]!r}.{suggestion(name, known)} `tmxdb schema` lists all.", code="input.table"
        )
    chosen = list(known.values()) if name is None else [known[name.lower()]]
    if as_json:
        print_json([_as_json(relation) for relation in chosen])
    elif name is None:
        for is_view, title in ((False, "Tables"), (True, "Views")):
            click.echo(f"{title}:")
            _print_pairs([(one.name, one.meaning) for one in chosen if one.is_view == is_view])
            click.echo()
        click.echo("`tmxdb schema NAME` lists the columns of one.")
    else:
        _print_relation(chosen[0])


def _print_relation(relation: Relation) -> None:
    click.echo(f"{relation.name} ({'view' if relation.is_view else 'table'}): {relation.meaning}")
    click.echo()
    if relation.is_view:
        _print_pairs([(name, "") for name, _, _ in relation.columns])
    else:
        _print_pairs([(name, f"{kind}: {meaning}") for name, kind, meaning in relation.columns])


def _print_pairs(pairs: list[tuple[str, str]]) -> None:
    """Write names with their meanings beside them, wrapped to the terminal."""
    size = max(width_of(name) for name, _ in pairs)
    room = max((terminal_width() or 120) - size - 4, 20)
    for name, meaning in pairs:
        lines = click.wrap_text(meaning, room).splitlines() or [""]
        for number, line in enumerate(lines):
            click.echo(f"  {padded(name if number == 0 else '', size)}  {line}".rstrip())


def _relations() -> dict[str, Relation]:
    """Return what docs/reference/schema.md says; a test compares that page with the models."""
    page = (documentation_folder() / "reference" / "schema.md").read_text("utf-8")
    shared = _rows(page.partition("All four have these columns:")[2].partition("### ")[0])
    found = {}
    for name, section in re.findall(r"^### (\w+)\n(.*?)(?=^##)", page, re.M | re.S):
        columns = _rows(section)
        own = shared if name in ("tracks", "replays", "maps", "captures") else []
        meaning = section.strip().split("\n\n")[0]
        found[name] = Relation(name, False, _plain(meaning), tuple(map(_column, columns + own)))
    for name, meaning, listed in _rows(page.partition("## Views")[2]):
        names = tuple((_plain(column), "", "") for column in listed.split(", "))
        found[_plain(name)] = Relation(_plain(name), True, _plain(meaning), names)
    return found


def _column(cells: list[str]) -> tuple[str, str, str]:
    name, kind, meaning = (_plain(cell) for cell in cells)
    return name, kind, meaning


def _rows(section: str) -> list[list[str]]:
    """Return the cells of the first Markdown table in `section`, without its head."""
    lines = re.findall(r"^\| (.*) \|$", section, re.M)
    return [re.split(r" (?<!\\)\| ", line) for line in lines[2:]]


def _plain(markdown: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return text.replace("`", "").replace("**", "").replace("\\|", "|")


def _as_json(relation: Relation) -> dict[str, object]:
    columns = [{"name": name, "type": kind, "meaning": meaning} for name, kind, meaning in relation.columns]
    kind = "view" if relation.is_view else "table"
    return {"name": relation.name, "kind": kind, "meaning": relation.meaning, "columns": columns}
