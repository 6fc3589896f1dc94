"""The query parameters of one API method: known ones are checked, unknown ones ignored, as on the site."""

from __future__ import annotations

from collections.abc import Iterable

from tmxdb_sandbox.api.problem import ApiProblem
from tmxdb_sandbox.catalogue.dates import parse_date

_REPEATABLE = {"tag", "etag"}
MAX_ROWS = 1000  # a larger count is cut to this; the site's own limit is unknown, and every client requests 1000


class Parameters:
    """Values by lower-case name. Raise ApiProblem for a known parameter that is repeated or has a bad value."""

    def __init__(self, pairs: Iterable[tuple[str, str]], known: frozenset[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name in known:
                self._values.setdefault(name, []).append(value)
        for name, values in self._values.items():
            if len(values) > 1 and name not in _REPEATABLE:
                raise _invalid(name)

    def text(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0] if values and values[0] != "" else None

    def number(self, name: str) -> int | None:
        return _parse_number(name, self.text(name))

    def numbers(self, name: str) -> list[int]:
        """Return all numbers of a comma-separated list or of a repeatable parameter."""
        texts = [text for value in self._values.get(name, ()) for text in value.split(",") if text]
        return [number for text in texts if (number := _parse_number(name, text)) is not None]

    def switch(self, name: str) -> bool | None:
        number = self.number(name)
        return None if number is None else number != 0

    def date_ms(self, name: str) -> int | None:
        text = self.text(name)
        try:
            return None if text is None else parse_date(text)
        except ValueError:
            raise _invalid(name) from None

    def count(self, default: int) -> int:
        requested = self.number("count")
        return default if requested is None else max(1, min(MAX_ROWS, requested))

    def cache_key(self, without: frozenset[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return the parameters other than `without` as a hashable value."""
        return tuple(sorted((name, tuple(v)) for name, v in self._values.items() if name not in without))


def _parse_number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        raise _invalid(name) from None
    if not -(2**63) <= number < 2**63:
        raise _invalid(name)
    return number


def _invalid(name: str) -> ApiProblem:
    return ApiProblem(f"Invalid value for '{name}'")
