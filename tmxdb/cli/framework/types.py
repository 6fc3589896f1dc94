"""Types of option values: choices with suggestions, numbers in a range, and ids of rows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from typing import TypeAlias

    _ClickChoice: TypeAlias = click.Choice[str]
    _IntType: TypeAlias = click.ParamType[int]
else:  # older versions of Click have no type parameters
    _ClickChoice, _IntType = click.Choice, click.ParamType

MAX_ID = 2**63 - 1
"""The largest number that the databases can store."""
_LOCAL = re.compile(r"local(0*[1-9]\d{0,17})", re.I | re.ASCII)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the known word closest to `word`, or nothing if none is close."""
    import difflib

    words = list(known)
    swapped = [one for one in words if sorted(one) == sorted(word.lower())]  # difflib prefers `stats` for `stauts`
    close = swapped[:1] or difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


class WordChoice(_ClickChoice):
    """One of several words; a mistyped one gets a suggestion."""

    def __init__(self, words: Sequence[str], *, case_sensitive: bool = True) -> None:
        super().__init__(words, case_sensitive=case_sensitive)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word as it is spelled in the list."""
        try:
            return str(super().convert(value, param, ctx))
        except click.BadParameter as error:
            hint = suggestion(str(value), map(str, self.choices))
            raise click.BadParameter(error.message + hint, ctx=ctx, param=param) from None


class RowId(_IntType):
    """The id of any row, as a number; `local3` is -3."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the id. Fail if the databases cannot store it."""
        text = str(value).strip()
        item_id = row_id_in(f"local{text[1:]}" if text.startswith("-") else text)
        if item_id is None:
            raise click.BadParameter(f"{str(value)[:80]!r} is not the id of a row.", ctx=ctx, param=param)
        return item_id


def row_id_in(text: str) -> int | None:
    """Return the id of a row that `text` is, as a number or as `local3`; None if it is neither."""
    text = text.strip()
    local = local_id_in(text)
    if local is not None:
        return local
    is_number = text.isascii() and text.isdigit() and len(text) < 20
    return int(text) if is_number and int(text) <= MAX_ID else None


def local_id_in(text: str) -> int | None:
    """Return -3 for `local3`, a track or replay that no exchange knows; None for any other text."""
    local = _LOCAL.fullmatch(text)
    return -int(local[1]) if local else None


def is_plain_number(text: str) -> bool:
    """Return whether a number in `text` can only be read in one way. Python also reads 1_0 and digits such as ٣."""
    return text.isascii() and "_" not in text


def _check_plain(value: Any, name: str, param: click.Parameter | None, ctx: click.Context | None) -> None:
    if not is_plain_number(str(value)):
        raise click.BadParameter(f"{str(value)[:80]!r} is not a valid {name}.", ctx=ctx, param=param)


class WholeNumber(click.IntRange):
    """A whole number in a range. Click would call it an `integer range` in its messages."""

    name = "whole number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        _check_plain(value, self.name, param, ctx)
        return int(super().convert(value, param, ctx))


class FiniteFloat(click.FloatRange):
    """A number in a range; `nan` and `inf` are refused."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        _check_plain(value, self.name, param, ctx)
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            raise click.BadParameter(f"{value!r} is not a finite number.", ctx=ctx, param=param)
        return number


def float_range(least: float, most: float = 1e6) -> FiniteFloat:
    """Return the type of a number from `least` to `most`."""
    return FiniteFloat(least, most)


def int_range(least: int, most: int = 2**31 - 1) -> WholeNumber:
    """Return the type of a whole number that every database and library can store."""
    return WholeNumber(least, most)


ROW_ID = RowId()
