"""`tmxdb show`: one row, its file and its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tmxdb.cli.completion.words import rows
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.types import row_id_in
from tmxdb.cli.opening.database import open_reader, open_storage
from tmxdb.cli.opening.items import item_id_in
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.shared.output import plural, print_json, print_table, safe
from tmxdb.errors import InvalidInput
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.upkeep.history import Link, RowHistory

_STATE = {"status", "priority", "attempts", "losses", "available_at", "claimed_by", "lease_until", "claim_token",
          "error_code", "error", "finished_at"}  # fmt: skip


@command()
@json_option
@click.argument("words", nargs=-1, required=True, metavar="[track|replay|map|capture] ID|URL", shell_complete=rows)
def show(as_json: bool, words: tuple[str, ...], options: StorageOptions) -> None:
    """Show a row: its state, its file, its attempts and the rows related to it.

    \b
      tmxdb show replay 4471203
      tmxdb show track 2233 --json
      tmxdb show 4471203

    An id alone is enough if only one row has it. The file is read and its content
    compared.
    """
    from tmxdb.upkeep.history import nouns_with_id, read_history

    noun, item_id = _parse(words)
    reader = open_reader(options)
    if noun is None:
        noun = _only_noun(nouns_with_id(reader, item_id), item_id)
    history = read_history(reader, open_storage(options, reader), noun, item_id)
    if as_json:
        print_json(history.as_json())
    else:
        _print(history)


def _only_noun(nouns: Sequence[str], item_id: int) -> str:
    if not nouns:
        raise InvalidInput(f"The database has no row with the id {id_name(item_id)}.", code="input.no_row")
    if len(nouns) > 1:
        choices = ", ".join(f"`tmxdb show {noun} {id_name(item_id)}`" for noun in nouns)
        text = f"{len(nouns)} rows have the id {id_name(item_id)}. Say which: {choices}."
        raise InvalidInput(text, code="input.many")
    return nouns[0]


def _parse(words: Sequence[str]) -> tuple[str | None, int]:
    from tmxdb.upkeep.history import NOUNS

    noun = words[0] if len(words) == 2 else None
    if len(words) > 2 or (noun is not None and noun not in NOUNS):
        raise click.UsageError(f"Give one of {', '.join(NOUNS)} and an id, or an id alone.")
    word = words[-1]
    row_id = row_id_in(word)
    if row_id is not None:
        return noun, row_id
    for known in ("track", "replay"):
        item_id = item_id_in(word, known)
        if item_id is None:
            continue
        if noun is not None and NOUNS[noun][2] != f"{known}_id":  # a map is known by its track
            raise click.UsageError(
                f"{word[:80]} is the URL of a {known}, not of a {noun}. Write `tmxdb show {known} {id_name(item_id)}`."
            )
        return noun or known, item_id
    raise click.UsageError(f"{word[:80]!r} is not an id or the URL of a track or replay.")


def _print(history: RowHistory) -> None:
    row = history.row
    click.echo(safe(history.title))
    _line("status", _status(history))
    if row["error_code"]:
        _line("reason", f"{row['error_code']}: {(row['error'] or '').strip()}")
    died = f", {plural(row['losses'], 'worker')} died on it" if row["losses"] else ""
    _line("attempts", f"{row['attempts']} charged{died}")
    if history.file is not None:
        problem = history.file.problem
        state = f"{problem.what}: {problem.why}" if problem else "present and complete"
        size = "" if history.file.expected_bytes is None else f" ({plural(history.file.expected_bytes, 'byte')})"
        _line("file", f"{history.file.absolute}{size}: {state}")
    for name, links in (("comes from", history.comes_from), ("leads to", history.opens)):
        if links:
            _line(name, ", ".join(_link(link) for link in links))
    for attempt in history.attempts:
        click.echo()
        by = attempt["worker"] or "an unknown worker"
        began = f"{attempt['started_at']} to " if attempt["started_at"] else ""
        _line(f"attempt {attempt['attempt']}", f"{attempt['outcome']}, {began}{attempt['ended_at']}, by {by}")
        _line("", f"{attempt['error_code']}: {attempt['error'].strip()}")
    facts = [(name, value) for name, value in row.items() if name not in _STATE and value is not None]
    click.echo()
    print_table(("column", "value"), [(name, str(value)) for name, value in facts])


def _status(history: RowHistory) -> str:
    row, status = history.row, history.row["status"]
    if status == "running":
        lives = "alive" if history.worker_lives else "gone; its rows return by themselves, or with `tmxdb release`"
        return f"running for {row['claimed_by']}, which is {lives}; lease until {row['lease_until']}"
    if status == "retry":
        return f"retry, not before {row['available_at']}"
    return f"{status} since {row['finished_at']}" if row["finished_at"] else str(status)


def _link(link: Link) -> str:
    name = f"{link.what} {id_name(link.item_id)}" if link.item_id is not None else plural(link.n, link.what)
    return f"{name} ({link.status})"


def _line(name: str, text: str) -> None:
    click.echo(f"  {name:<14}{safe(text, keep='')}")
