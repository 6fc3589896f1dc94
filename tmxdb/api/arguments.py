"""What callers pass as ids and as values of `:name`, checked and turned into numbers that every driver takes."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from tmxdb.clock import iso
from tmxdb.errors import InvalidInput
from tmxdb.reports.parameters import check_parameters

MAX_ID = 2**63 - 1
"""The largest number that SQLite stores."""


def whole_number(value: Any) -> int:
    """Return an id as an int, also one of NumPy. Raise TypeError for anything else."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"an id is a whole number, not {value!r} ({type(value).__name__})") from None


def whole_numbers(values: Iterable[Any]) -> frozenset[int]:
    """Return ids as ints. Raise TypeError for anything else, and for text: each of its characters would be an id."""
    if isinstance(values, str | bytes):
        raise TypeError(f"ids are a list of whole numbers, not {values!r}")
    return frozenset(map(whole_number, values))


def is_storable(number: int) -> bool:
    """Return whether a database can store this number; others are no ids, and no driver takes them."""
    return -MAX_ID - 1 <= number <= MAX_ID


def values_for(sql: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the parameters of `sql`: those of NumPy as Python's own, times as columns have them.

    Raise InvalidInput if a parameter of `sql` has no value or a value no parameter, as a misspelt argument would be,
    and for a time without a time zone.
    """
    check_parameters(sql, values, give="Give it as an argument, {name}=…")
    plain = {name: _plain(name, value) for name, value in values.items()}
    for name, value in plain.items():
        if isinstance(value, int) and not is_storable(value):
            raise InvalidInput(f"The value of :{name} is too large for a database: {value}.", code="input.sql")
    return plain


def _plain(name: str, value: Any) -> Any:
    """Return a scalar of NumPy as a Python object: SQLite would store its bytes, and compare them with nothing.

    Return a time in the form of the columns, because the drivers bind it in another one.
    """
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        if value.dtype.kind == "M":  # `item` of nanoseconds is a number; NumPy's times are in UTC
            moment = value.astype("datetime64[ms]").item()
            value = None if moment is None else moment.replace(tzinfo=UTC)
        else:
            value = value.item()
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInput(
                f"The time :{name} has no time zone. Columns are in UTC: give it with tzinfo=timezone.utc.",
                code="input.sql",
            )
        return iso(round(value.timestamp() * 1000))
    return value.isoformat() if isinstance(value, date) else value
