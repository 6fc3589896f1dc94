"""The words that can follow: ids and names from the database, error codes, selections, files.

Each function has the form that Click wants. On PostgreSQL there are no words from the database: connecting takes too
long for a key press.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

MOST = 30
"""Words offered at once. More do not help anyone to choose."""
_DIGITS = 18
_LOCAL = "local"
"""The beginning of the ids of local tracks and replays."""


def tracks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return ids of tracks that begin with what was typed, with their names."""
    return _ids(ctx, "SELECT track_id, name FROM tracks WHERE track_id BETWEEN ? AND ? LIMIT ?", incomplete)


def replays(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return ids of replays that begin with what was typed, with their drivers."""
    return _ids(ctx, "SELECT replay_id, user_name FROM replays WHERE replay_id BETWEEN ? AND ? LIMIT ?", incomplete)


def tracks_and_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return ids of tracks, or the names of tracks that begin with what was typed."""
    if not incomplete or incomplete[0].isdigit():
        return tracks(ctx, param, incomplete)
    names = _names(ctx, "SELECT DISTINCT name FROM tracks WHERE name LIKE ? ESCAPE '!' LIMIT ?", incomplete)
    return [*names, *tracks(ctx, param, incomplete)][:MOST]


def rows(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the nouns of `tmxdb show` and ids of tracks and replays; after a noun, ids of its rows."""
    noun = next(iter(ctx.params.get(param.name or "") or ()), None)
    if noun in ("track", "map"):
        return tracks(ctx, param, incomplete)
    if noun is not None:
        return replays(ctx, param, incomplete) if noun == "replay" else []
    nouns = words_among(("track", "replay", "map", "capture"), incomplete)
    found = tracks(ctx, param, incomplete) + replays(ctx, param, incomplete) if incomplete else []
    return [*nouns, *found][:MOST]


def drivers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of drivers that begin with what was typed."""
    sql = "SELECT DISTINCT user_name FROM replays WHERE user_name LIKE ? ESCAPE '!' LIMIT ?"
    return _names(ctx, sql, incomplete) if incomplete else []


def selections(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of selections."""
    return _names(ctx, "SELECT name FROM selections WHERE name LIKE ? ESCAPE '!' ORDER BY name LIMIT ?", incomplete)


def codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the error codes of rows in the database, or all known ones if there are none."""
    sql = (
        "SELECT error_code, sum(n) FROM tally WHERE error_code LIKE ? ESCAPE '!' AND error_code <> ''"
        " GROUP BY 1 HAVING sum(n) > 0 ORDER BY 2 DESC LIMIT ?"
    )
    found = [(str(code), f"{n:,} rows") for code, n in _read(ctx, sql, _prefix(incomplete), MOST)]
    if not found:
        from tmxdb.error_codes import CODES
        from tmxdb.failure_policy import policy_for_code

        found = [(code, policy_for_code(code).why) for code in sorted(CODES) if code.startswith(incomplete)]
    return _items(found)


def relations(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of tables and views."""
    sql = (
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name LIKE ? ESCAPE '!'"
        " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> 'alembic_version' ORDER BY name LIMIT ?"
    )
    return _names(ctx, sql, incomplete)


def words_among(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Return those of `words` that begin with what was typed."""
    return _items([(word, None) for word in words if word.startswith(incomplete)])


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    return _items([(incomplete, None)], kind="file")


def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a folder."""
    return _items([(incomplete, None)], kind="dir")


BY_OPTION: dict[str, Completer] = {
    "--only": selections,
    "--show": selections,
    "--drop": selections,
    "--code": codes,
    "--track-id": tracks,
    "--replay-id": replays,
}


def completer_of(names: tuple[str, ...], metavar: str | None) -> Completer | None:
    """Return what completes the value of an option, by its name or by what its help calls the value."""
    for name in names:
        if name in BY_OPTION:
            return BY_OPTION[name]
    words = (metavar or "").split("|")
    return files if "FILE" in words else folders if "FOLDER" in words else None


def _ids(ctx: click.Context, sql: str, incomplete: str) -> list[CompletionItem]:
    """Return ids that begin with `incomplete`, those of the site first."""
    from tmxdb.storage import id_name

    found: list[tuple[Any, ...]] = []
    for first, last in _ranges(incomplete):
        found += _read(ctx, sql, first, last, MOST - len(found))
        if len(found) >= MOST:
            break
    return _items([(id_name(key), name) for key, name in found])


def _ranges(incomplete: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the key with the ids that begin with `incomplete`: one for each number of digits."""
    is_local = _LOCAL.startswith(incomplete[: len(_LOCAL)].lower())
    digits = incomplete[len(_LOCAL) :] if is_local else incomplete
    if not incomplete:
        yield 1, 2**63 - 1
    if is_local and not digits:
        yield -(2**63), -1
    if digits.isascii() and digits.isdigit() and digits[0] != "0":
        for more in range(_DIGITS - len(digits)):
            first, last = int(digits) * 10**more, (int(digits) + 1) * 10**more - 1
            yield (-last, -first) if is_local else (first, last)


def _names(ctx: click.Context, sql: str, incomplete: str) -> list[CompletionItem]:
    return _items([(str(row[0]), None) for row in _read(ctx, sql, _prefix(incomplete), MOST)])


def _prefix(incomplete: str) -> str:
    """Return the pattern of LIKE for texts that begin with `incomplete`."""
    escaped = incomplete.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"{escaped}%"


def _read(ctx: click.Context, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    location = _location(ctx)
    if location is None:
        return []
    from tmxdb.db.engines.glance import glance

    return glance(location, sql, values)


def _location(ctx: click.Context) -> Path | None:
    """Return the SQLite file that the command line so far names, or None."""
    from tmxdb.db.location import is_url

    named = ctx.params.get("db") or ctx.find_root().params.get("db") or "tmx.db"
    return Path(named) if not is_url(named) and Path(named).is_file() else None


def _items(found: Sequence[tuple[str, str | None]], *, kind: str = "plain") -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(_one_line(word), type=kind, help=note and _one_line(note)[:60]) for word, note in found]


def _one_line(text: str) -> str:
    """Return `text` without control characters: names come from outside, and shells read one word from each line."""
    return "".join(character if character.isprintable() else " " for character in text)
