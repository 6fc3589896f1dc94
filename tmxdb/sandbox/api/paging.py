"""Cursor paging: `after`, `before` and `from` name an item by its id, in whatever order the list has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from tmxdb.sandbox.api.parameters import Parameters

T = TypeVar("T")


def page(
    items: Sequence[T], place: Callable[[int], int | None], asked: Parameters, default: int
) -> tuple[Sequence[T], bool]:
    """The items asked for, and whether there are more in that direction.

    `place` finds the place of an id, or None. An id that is not in the list counts as no cursor: the
    first page comes again (inferred from clients that start with `after=0`; a trap for those whose
    cursor was deleted).
    """
    count = asked.count(default)
    if (before := asked.number("before")) is not None and (end := place(before)) is not None:
        return items[max(0, end - count) : end], end > count
    start = 0
    if (after := asked.number("after")) is not None and (found := place(after)) is not None:
        start = found + 1
    elif (first := asked.number("from")) is not None and (found := place(first)) is not None:
        start = found
    return items[start : start + count], start + count < len(items)
