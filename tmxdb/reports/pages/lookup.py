"""Find a track or a driver by id or name, and list the candidates when a name is not enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import InvalidInput
from tmxdb.storage import id_name
from tmxdb.styles import plain

SHOWN, MOST = 10, 100
"""Candidates that an error lists, and names that are looked at."""


@dataclass(frozen=True, slots=True)
class NamedMatch:
    """Something that a name may mean."""

    item_id: int
    name: str
    detail: str


def find_track(reader: Reader, word: str, track_id: int | None) -> int:
    """Return the id of the track that `word` means: its id (`track_id`, if `word` is one) or its name.

    Upper case, style codes and missing parts of the name do not matter. Raise InvalidInput if there is none, or
    several.
    """
    _check_text("track", word)
    if track_id is not None and reader.value("SELECT 1 FROM tracks WHERE track_id = :id", id=track_id):
        return track_id
    most_awards = f"awards IS NULL, awards DESC, track_id LIMIT {MOST + 1}"
    found = reader.rows(f"{_TRACKS} WHERE name = :name ORDER BY {most_awards}", name=word)
    if not found:
        pattern = _pattern(plain(word))
        found = reader.rows(f"{_TRACKS} WHERE lower(name) LIKE :pattern ESCAPE '\\' ORDER BY track_id", pattern=pattern)
    candidates = [
        NamedMatch(
            row["track_id"],
            plain(row["name"] or ""),
            f"by {(row['uploader_name'] or '').strip() or 'unknown'}, {_counted(row['awards'], 'award')}",
        )
        for row in found
    ]
    return _only("track", word, candidates)


def find_driver(reader: Reader, word: str, user_id: int | None) -> int:
    """Return the id of the website account that `word` means: its id (`user_id`, if `word` is one) or its name.

    Upper case and missing parts of the name do not matter. Raise InvalidInput if there is none, or several.
    """
    _check_text("driver", word)
    if user_id is not None and reader.value("SELECT 1 FROM replays WHERE user_id = :id LIMIT 1", id=user_id):
        return user_id
    found = reader.rows(_DRIVERS, name=word)
    if not found:
        best = _names_in_any_case(reader, word)
        if not best:
            names = [row["name"] for row in reader.rows(_NAMES) if _matches(word, row["name"])]
            best = [name for name in names if name.casefold() == word.casefold()] or names
        found = [row for name in best[: MOST + 1] for row in reader.rows(_DRIVERS, name=name)]
    candidates = [NamedMatch(row["user_id"], row["user_name"], _counted(row["replays"], "replay")) for row in found]
    return _only("driver", word, candidates)


_TRACKS = "SELECT track_id, name, uploader_name, awards FROM tracks"
_DRIVERS = "SELECT user_id, user_name, replays FROM drivers WHERE user_name = :name AND user_id IS NOT NULL"
# Jumps from name to name in the index: 0.3 s for 90,000 drivers of 10 million replays, not a pass over all of them.
_NAMES = """
WITH RECURSIVE names (name) AS (
  SELECT min(user_name) FROM replays
  UNION ALL
  SELECT (SELECT min(user_name) FROM replays WHERE user_name > names.name) FROM names WHERE names.name IS NOT NULL)
SELECT name FROM names WHERE name IS NOT NULL"""


def _names_in_any_case(reader: Reader, word: str) -> list[str]:
    """Return the drivers' names that differ from `word` only in upper and lower case.

    Looks up each beginning of the name in the index: some dozens of steps, where a pass over all names needs 90,000.
    SQLite only: a server's index may not be in the order of code points, so that names with a common beginning need
    not be next to each other. The empty list on other engines.
    """
    if reader.file is None:
        return []
    beginnings = [""]
    for letter in word:
        longer = (beginning + case for beginning in beginnings for case in {letter, letter.lower(), letter.upper()})
        beginnings = [text for text in longer if (_first_name(reader, text) or "").startswith(text)]
    return [name for name in beginnings if _first_name(reader, name) == name]


def _first_name(reader: Reader, text: str) -> str | None:
    """Return the first name in the index that is `text` or follows it."""
    name: str | None = reader.value("SELECT min(user_name) FROM replays WHERE user_name >= :text", text=text)
    return name


def _check_text(noun: str, word: str) -> None:
    """Raise InvalidInput for no text, and for text that no database can compare: NUL, and bytes that are not UTF-8."""
    if not word.strip():
        raise InvalidInput(f"The name of the {noun} is empty.", code="input.name")
    if "\0" in word:
        raise InvalidInput(f"The name of the {noun} contains a NUL character.", code="input.name")
    try:
        word.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"The name of the {noun} is not valid UTF-8.", code="input.name") from None


def _only(noun: str, word: str, candidates: Sequence[NamedMatch]) -> int:
    wanted = plain(word).casefold()
    matching = [one for one in candidates if _matches(word, one.name)]
    exact = [one for one in matching if one.name.casefold() == wanted]
    chosen = {one.item_id: one for one in exact or matching}
    if not chosen:
        raise InvalidInput(
            f"The database has no {noun} {word[:60]!r}. Give a {noun}'s id, or its name or a part of it.",
            code="input.no_row",
        )
    if len(chosen) > 1:
        is_cut = len(chosen) > MOST
        lines = [f"  {id_name(one.item_id)}  {one.name[:60]}, {one.detail}" for one in list(chosen.values())[:SHOWN]]
        if len(chosen) > SHOWN:
            lines.append("  and more" if is_cut else f"  and {len(chosen) - SHOWN:,} more")
        n = f"More than {MOST}" if is_cut else f"{len(chosen):,}"
        raise InvalidInput(
            f"{n} {noun}s match {word[:60]!r}. Give the id of one:\n" + "\n".join(lines), code="input.many"
        )
    return next(iter(chosen))


def _counted(n: int | None, noun: str) -> str:
    return f"{n or 0} {noun}" + ("" if n == 1 else "s")


def _matches(word: str, name: str) -> bool:
    return plain(word).casefold() in plain(name).casefold()


def _pattern(word: str) -> str:
    """Return a LIKE pattern that all wanted names match: style codes may stand between any two letters.

    SQLite's `lower` knows ASCII letters only, so others match anything here.
    """
    letters = (
        f"\\{letter}" if letter in "%_\\" else letter if letter.isascii() else "" for letter in word[:60].lower()
    )
    return f"%{'%'.join(letter for letter in letters if letter)}%"
