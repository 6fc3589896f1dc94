"""Ids that a user names: as arguments, and in files with one id or URL per line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tmxdb.cli.framework.text_files import read_user_text
from tmxdb.cli.opening.items import item_id_in
from tmxdb.cli.shared.output import message
from tmxdb.storage import id_name

MAX_FILE_BYTES = 64_000_000
SHOWN = 10


def read_ids(words: Iterable[str], files: Iterable[str]) -> tuple[list[int], list[str]]:
    """Return each track id once, in the order given, and a description of each word that is not an id.

    `-` as a file is stdin. Raise UsageError if a file cannot be read and for a URL of another site, InvalidInput if a
    file is larger than 64 MB.
    """
    ids, bad = _parse_ids(words, "argument")
    for path in files:
        more, worse = _parse_ids(
            read_user_text(path, at_most=MAX_FILE_BYTES, what="a list of track ids", code="input.ids").splitlines(),
            f"{path}, line",
        )
        ids += more
        bad += worse
    return list(dict.fromkeys(ids)), bad


def _parse_ids(lines: Iterable[str], where: str) -> tuple[list[int], list[str]]:
    """Return the ids in `lines`, and a sentence for each line that is not an id or a URL.

    Empty lines and # comments are allowed.
    """
    ids, bad = [], []
    for number, line in enumerate(lines, 1):
        word = line.strip() if "://" in line else line.split("#", 1)[0].strip()
        if not word or word.startswith("#"):
            continue
        track_id = item_id_in(word, "track")
        if track_id is None:
            bad.append(f"{where} {number}: {word[:60]!r} is not a track id")
        else:
            ids.append(track_id)
    return ids, bad


def first_few(items: Sequence[object], separator: str) -> str:
    """Return the first 10 of `items` as text, and how many more there are. A number is an id: -3 is `local3`."""
    more = [f"and {len(items) - SHOWN:,} more"] if len(items) > SHOWN else []
    shown = [id_name(item) if isinstance(item, int) else str(item) for item in items[:SHOWN]]
    return separator.join([*shown, *more])


def say_missing(noun: str, ids: Sequence[int]) -> None:
    """Say which of the ids that were named are not in the database, if any. `noun`: track or replay."""
    if ids:
        message(f"The database has no {noun} {first_few(ids, ', ')}.")
