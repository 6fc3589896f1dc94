"""Answers of the exchange's lists: bytes become pages of records. JSON is checked before it is used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tmxdb.errors import InvalidResponse
from tmxdb.tmx.fields import Values, shown
from tmxdb.tmx.records import REPLAY, TRACK, Page, Record, ReplayRecord, TrackRecord, replay_record, track_record
from tmxdb.tmx.typed_list import TypedList

_TRACKS, _REPLAYS = TypedList(TRACK), TypedList(REPLAY)


def track_page(body: bytes, at_most: int, item: str) -> Page[TrackRecord]:
    """Return a page of /api/tracks. Raise InvalidResponse for anything else, or more than `at_most` entries.

    `item`: what was requested, for messages.
    """
    return _page(body, at_most, item, _TRACKS, TrackRecord, track_record)


def replay_page(body: bytes, at_most: int, item: str) -> Page[ReplayRecord]:
    """Return a page of /api/replays, as `track_page` does."""
    return _page(body, at_most, item, _REPLAYS, ReplayRecord, replay_record)


def _page(
    body: bytes,
    at_most: int,
    item: str,
    typed: TypedList,
    record: Callable[[int, Values], Record],
    checked: Callable[[Mapping[str, Any]], Record | None],
) -> Page[Record]:
    def checked_or_shown(row: Any) -> Record | str:
        entry = checked(row) if isinstance(row, dict) else None
        return shown(row) if entry is None else entry

    def usual_or_checked(row: Any) -> Record | str:
        usual = typed.read(row)
        return checked_or_shown(_json(bytes(row), item)) if usual is None else record(*usual)

    split = typed.split(body)
    if split is not None:
        return _read(*split, at_most, item, usual_or_checked)
    answer = _json(body, item)
    rows, more = (answer.get("Results"), answer.get("More")) if isinstance(answer, dict) else (None, None)
    if not isinstance(rows, list) or not isinstance(more, bool):
        raise InvalidResponse(f"{item}: the answer is not a list of results.", code="tmx.wrong_json")
    return _read(rows, more, at_most, item, checked_or_shown)


def _read(rows: list[Any], more: bool, at_most: int, item: str, read: Callable[[Any], Record | str]) -> Page[Record]:
    """Return the page of `rows`. `read` returns the record of a row, or for people a row without a usable id."""
    if len(rows) > at_most:
        raise InvalidResponse(f"{item}: {len(rows):,} entries, more than requested.", code="tmx.too_large")
    records: list[Record] = []
    unusable: list[str] = []
    for row in rows:
        entry = read(row)
        if isinstance(entry, str):
            unusable.append(entry)
        else:
            records.append(entry)
    if unusable and not records:
        n, first = len(rows), unusable[0]
        found = f"the only entry has no usable id; it is {first}."
        if n > 1:
            found = f"none of the {n:,} entries has a usable id; the first is {first}."
        raise InvalidResponse(f"{item}: {found}", code="tmx.wrong_json")
    return Page(tuple(records), more, tuple(unusable))


def _json(body: bytes, item: str) -> Any:
    try:
        try:
            return json.loads(body)
        except ValueError:  # it may be a number that Python refuses to read
            return json.loads(body, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        if body.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
            raise InvalidResponse(f"{item}: a web page instead of data.", code="tmx.html") from None
        raise InvalidResponse(
            f"{item}: the answer is not JSON ({type(error).__name__}).", code="tmx.wrong_json"
        ) from None


def _integer(text: str) -> int | float:
    """Return a number of JSON; infinity for thousands of digits, which Python refuses to read."""
    return int(text) if len(text) <= 400 else float("inf")
