"""Track ids that a user names: as arguments or options, and from files, one a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tmxdb.errors import BadInput
from tmxdb.storage import open_text

NAMED_AT_MOST = 10


def read_ids(words: Iterable[str], files: Iterable[str]) -> tuple[list[int], list[str]]:
    """Each id once, in the order given, and what is no id (with where it stands). Raises BadInput for a file that
    can not be read; `-` is standard input."""
    from tmxdb.sync.add import parse_ids

    ids, bad = parse_ids(words, "argument")
    for path in files:
        try:
            with open_text(path) as file:
                more, worse = parse_ids(file, f"{path}, line")
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}.", code="input.ids") from error
        ids += more
        bad += worse
    return list(dict.fromkeys(ids)), bad


def chosen_tracks(ids: Sequence[int], file: str | None) -> list[int]:
    """The tracks of `--track-id` and `--track-ids FILE` together. Raises BadInput if a line is no id."""
    more, bad = read_ids((), [file] if file else ())
    if bad:
        raise BadInput(f"{len(bad):,} lines are no track ids: {some(bad, '; ')}.", code="input.ids")
    return list(dict.fromkeys([*ids, *more]))


def some(items: Sequence[object], between: str) -> str:
    """The first few of many, and how many more there are."""
    more = [f"and {len(items) - NAMED_AT_MOST:,} more"] if len(items) > NAMED_AT_MOST else []
    return between.join([*map(str, items[:NAMED_AT_MOST]), *more])
