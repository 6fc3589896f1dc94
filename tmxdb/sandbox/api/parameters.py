"""Query parameters of one method: known ones checked, unknown ones ignored, as the site does."""

from __future__ import annotations

from collections.abc import Iterable

from tmxdb.sandbox.api.refusal import Refusal
from tmxdb.sandbox.catalogue.dates import parse_date

_MAY_REPEAT = {"tag", "etag"}
MOST_ROWS = 1000  # what is asked beyond is cut to this; whether the site does so is unknown, every client asks for 1000


class Parameters:
    """Values by lower-case name. A known parameter that comes twice or with a bad value is refused."""

    def __init__(self, pairs: Iterable[tuple[str, str]], known: frozenset[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name in known:
                self._values.setdefault(name, []).append(value)
        for name, values in self._values.items():
            if len(values) > 1 and name not in _MAY_REPEAT:
                raise _bad(name)

    def text(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[0] if values and values[0] != "" else None

    def number(self, name: str) -> int | None:
        return _one_number(name, self.text(name))

    def numbers(self, name: str) -> list[int]:
        """All numbers of a comma list, or of a parameter that may repeat."""
        texts = [text for value in self._values.get(name, ()) for text in value.split(",") if text]
        return [number for text in texts if (number := _one_number(name, text)) is not None]

    def switch(self, name: str) -> bool | None:
        number = self.number(name)
        return None if number is None else number != 0

    def date_ms(self, name: str) -> int | None:
        text = self.text(name)
        try:
            return None if text is None else parse_date(text)
        except ValueError:
            raise _bad(name) from None

    def count(self, default: int) -> int:
        wanted = self.number("count")
        return default if wanted is None else max(1, min(MOST_ROWS, wanted))

    def key(self, without: frozenset[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What was asked, as a value to keep computed lists under."""
        return tuple(sorted((name, tuple(v)) for name, v in self._values.items() if name not in without))


def _one_number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        raise _bad(name) from None
    if not -(2**63) <= number < 2**63:
        raise _bad(name)
    return number


def _bad(name: str) -> Refusal:
    return Refusal(f"Invalid value for '{name}'")
