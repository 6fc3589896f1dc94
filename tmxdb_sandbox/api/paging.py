"""Cursor paging: `after`, `before` and `from` identify an item by its id, in any order of the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tmxdb_sandbox.api.parameters import Parameters

T = TypeVar("T")


def page(
    items: Sequence[T], position_of: Callable[[int], int | None], query: Parameters, default_count: int
) -> tuple[Sequence[T], bool]:
    """Return the requested items and whether there are more in that direction.

    `position_of` returns the position of an id in `items`, or None. An id that is not in the list counts as no
    cursor, so the first page is returned. This is inferred from clients that start with `after=0`; it is a trap for
    clients whose cursor was deleted.
    """
    count = query.count(default_count)
    if (before := query.number("before")) is not None and (end := position_of(before)) is not None:
        return items[max(0, end - count) : end], end > count
    start = 0
    if (after := query.number("after")) is not None and (found := position_of(after)) is not None:
        start = found + 1
    elif (first := query.number("from")) is not None and (found := position_of(first)) is not None:
        start = found
    return items[start : start + count], start + count < len(items)
