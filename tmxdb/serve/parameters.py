"""Read values from the address of a request. A wrong one is refused with a sentence that names it."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date as day

from starlette.requests import Request

from tmxdb.errors import InvalidInput
from tmxdb.storage import id_in_name

MAX_TEXT = 200
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def path_id(request: Request, name: str) -> int:
    """Return the id in the path, as a number or as `local3`. Raise InvalidInput `input.no_row` if it is not one."""
    text = request.path_params[name]
    item_id = id_in_name(text)
    if not item_id:
        raise InvalidInput(f"{text[:60]!r} is not an id.", code="input.no_row")
    return item_id


def item_id(name: str, word: str) -> int:
    """Return the id in the parameter `name`, as a number or as `local3`. Raise InvalidInput if it is not one."""
    found = id_in_name(word)
    if not found:
        raise InvalidInput(f"{name}: {word[:40]!r} is not an id.", code="input.parameter")
    return found


def text(request: Request, name: str, *, at_most: int = MAX_TEXT) -> str:
    """Return a parameter without spaces around it; empty if it is missing.

    Raise InvalidInput if it is too long, or has a NUL character, which PostgreSQL does not take.
    """
    value: str = request.query_params.get(name, "").strip()
    if "\0" in value:
        raise InvalidInput(f"{name} contains a NUL character.", code="input.parameter")
    if len(value) > at_most:
        raise InvalidInput(f"{name} has more than {at_most:,} characters.", code="input.parameter")
    return value


def number(request: Request, name: str, default: int | None = None, *, at_most: int = 2**31 - 1) -> int | None:
    """Return a parameter as a number of at least 0, or `default` if it is missing."""
    found = whole_number(name, text(request, name), at_most=at_most)
    return default if found is None else found


def whole_number(name: str, value: str, *, at_most: int = 2**31 - 1) -> int | None:
    """Return `value` as a number of at least 0; None if it is empty. Raise InvalidInput if it is not one."""
    if not value:
        return None
    if not _NUMBER.fullmatch(value) or int(value) > at_most:
        raise InvalidInput(f"{name}: {value[:40]!r} is not a number from 0 to {at_most:,}.", code="input.parameter")
    return int(value)


def date(request: Request, name: str) -> str:
    """Return a parameter as a date such as 2026-11-30, or an empty text."""
    value = text(request, name)
    if value and not _is_date(value):
        raise InvalidInput(f"{name}: {value[:40]!r} is not a date such as 2026-11-30.", code="input.parameter")
    return value


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and bool(day.fromisoformat(text))
    except ValueError:
        return False


def choice(request: Request, name: str, words: Collection[str], default: str = "") -> str:
    """Return a parameter that is one of `words`, or `default` if it is missing."""
    value = text(request, name).lower()
    return one_of(name, value, words) if value else default


def one_of(name: str, value: str, words: Collection[str]) -> str:
    """Return `value` if it is one of `words`. Raise InvalidInput if it is not."""
    if value not in words:
        raise InvalidInput(f"{name}: {value[:40]!r} is not one of {', '.join(words)}.", code="input.parameter")
    return value
