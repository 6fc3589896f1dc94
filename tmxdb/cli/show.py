"""`tmxdb show`: a row's whole story."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from tmxdb.cli.context import open_database, open_storage, options
from tmxdb.cli.options import json_option, site_options
from tmxdb.cli.say import print_json, print_table, safe
from tmxdb.clock import wall_clock
from tmxdb.errors import BadInput
from tmxdb.upkeep.story import NOUNS, Link, Story, read_story, rows_called

_STATE = {"status", "priority", "attempts", "losses", "available_at", "claimed_by", "lease_until", "claim_token",
          "error_code", "error", "finished_at"}  # fmt: skip


@click.command()
@site_options()
@json_option
@click.argument("words", nargs=-1, required=True, metavar="[track|replay|map|capture] ID")
@click.pass_context
def show(ctx: click.Context, /, as_json: bool, words: tuple[str, ...], **given: Any) -> None:
    """What a row is, how it stands, its file, its attempts and what hangs on it.

    \b
        tmxdb show replay 4471203
        tmxdb show track 2233 --json
        tmxdb show 4471203

    A number alone will do where only one row has it. The file is read and compared by content.
    """
    noun, item_id = _named(words)
    chosen = options(ctx, given)
    database = open_database(chosen, read_only=True)
    if noun is None:
        nouns = rows_called(database, item_id)
        if not nouns:
            raise BadInput(f"there is no row with the number {item_id} in the database.", code="input.no_row")
        if len(nouns) > 1:
            choices = ", ".join(f"`tmxdb show {noun} {item_id}`" for noun in nouns)
            raise BadInput(f"{item_id} is the number of {len(nouns)} rows; say which: {choices}.", code="input.many")
        (noun,) = nouns
    story = read_story(database, open_storage(chosen, database), noun, item_id, wall_clock())
    if as_json:
        print_json(story.as_json())
    else:
        _print(story)


def _named(words: Sequence[str]) -> tuple[str | None, int]:
    noun = words[0] if len(words) == 2 else None
    if len(words) > 2 or (noun is not None and noun not in NOUNS):
        raise click.UsageError(f"Give one of {', '.join(NOUNS)} and an ID, or an ID alone.")
    number = words[-1]
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise click.UsageError(f"{number!r} is not an ID.")
    return noun, int(number)


def _print(story: Story) -> None:
    row = story.row
    click.echo(safe(story.title))
    _line("status", _standing(story))
    if row["error_code"]:
        _line("reason", f"{row['error_code']}: {(row['error'] or '').strip()}")
    charged = f"{row['attempts']} charged" + (f", {row['losses']} workers died on it" if row["losses"] else "")
    _line("attempts", charged)
    if story.file is not None:
        wrong = story.file.problem
        state = f"{wrong.what}: {wrong.why}" if wrong else "there and right"
        size = "" if story.file.expected_bytes is None else f" ({story.file.expected_bytes:,} bytes)"
        _line("file", f"{story.file.absolute}{size}: {state}")
    for name, links in (("comes from", story.comes_from), ("hanging on it", story.opens)):
        if links:
            _line(name, ", ".join(_link(link) for link in links))
    for attempt in story.attempts:
        click.echo()
        by = attempt["worker"] or "nobody known"
        began = f"{attempt['started_at']} to " if attempt["started_at"] else ""
        _line(f"attempt {attempt['attempt']}", f"{attempt['outcome']}, {began}{attempt['ended_at']}, by {by}")
        _line("", f"{attempt['error_code']}: {attempt['error'].strip()}")
    facts = [(name, value) for name, value in row.items() if name not in _STATE and value is not None]
    click.echo()
    print_table(("column", "value"), [(name, str(value)) for name, value in facts])


def _standing(story: Story) -> str:
    row, status = story.row, story.row["status"]
    if status == "running":
        lives = "alive" if story.worker_lives else "gone; its rows come back by themselves, or with `tmxdb release`"
        return f"running for {row['claimed_by']}, which is {lives}; its word is good until {row['lease_until']}"
    if status == "retry":
        return f"retry, not before {row['available_at']}"
    return f"{status} since {row['finished_at']}" if row["finished_at"] else str(status)


def _link(link: Link) -> str:
    name = f"{link.what} {link.item_id}" if link.item_id is not None else f"{link.n:,} {link.what}s"
    return f"{name} ({link.status})"


def _line(name: str, text: str) -> None:
    click.echo(f"  {name:<14}{safe(text, keep='')}")
