"""Telemetry in memory: the values of each column in one array of machine numbers, about 250 bytes per tick."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from itertools import pairwise

from tmxdb.capture.telemetry.columns import COLUMNS, Column, tick_values
from tmxdb.errors import GameError
from tmxdb.game.state import CarState


class TelemetryTable:
    """Telemetry of one run. Filled by the thread that runs the race, tick by tick, or from a file.

    A column without values, because the game did not report them, is null: `column` returns None for it.
    """

    def __init__(self, values: Mapping[str, array[int] | array[float]] | None = None) -> None:
        """`values`: the flat values of each column by name; None: an empty table to be filled."""
        self._arrays: list[array[int] | array[float] | None] = [
            array(column.code) if values is None else values.get(column.name) for column in COLUMNS
        ]

    def __len__(self) -> int:
        """The number of ticks."""
        times = self._arrays[0]
        return 0 if times is None else len(times)

    @property
    def last_ms(self) -> int | None:
        """Race time of the last tick; None without ticks."""
        times = self._arrays[0]
        return int(times[-1]) if times else None

    @property
    def null_columns(self) -> list[str]:
        """Names of the columns without values."""
        return [column.name for column, values in zip(COLUMNS, self._arrays, strict=True) if values is None]

    def column(self, name: str) -> array[int] | array[float] | None:
        """Return the values of a column, tick after tick; None if it is null. Raise KeyError for other names."""
        for column, values in zip(COLUMNS, self._arrays, strict=True):
            if column.name == name:
                return values
        raise KeyError(name)

    def columns(self) -> list[tuple[Column, array[int] | array[float] | None]]:
        """Return all columns with their values."""
        return list(zip(COLUMNS, self._arrays, strict=True))

    def add(self, time_ms: int, state: CarState) -> None:
        """Add a tick. Raise GameError if a number does not fit its column."""
        row = tick_values(time_ms, state)
        if len(row) < len(COLUMNS):
            self._arrays[len(row) :] = [None] * (len(COLUMNS) - len(row))
        try:
            for column, values, value in zip(COLUMNS, self._arrays, row, strict=False):
                if values is None:
                    continue
                if column.width == 1:
                    values.append(value)
                else:
                    values.extend(value)
        except (OverflowError, TypeError, ValueError):
            raise GameError(
                f"the game sent a state with a number out of range at {time_ms} ms.", code="game.nonsense"
            ) from None

    def clear(self) -> None:
        """Remove all ticks: the race starts over."""
        self._arrays = [array(column.code) for column in COLUMNS]

    def problem(self) -> str | None:
        """Return why this is not the telemetry of a run; None if it is: times increase, and columns are complete."""
        times = self.column("time_ms")
        if times is None:
            return "has no column time_ms"
        for column, values in self.columns():
            if values is None:
                if not column.needs_details:
                    return f"has no column {column.name}"
            elif len(values) != len(times) * column.width:
                return f"has {len(values):,} values in {column.name} instead of {len(times) * column.width:,}"
        if any(later <= earlier for earlier, later in pairwise(times)):
            return "has times that do not increase"
        return None
