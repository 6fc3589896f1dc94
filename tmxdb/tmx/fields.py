"""Values of one entry of the exchange's lists, each checked by itself: what is unexpected becomes None and is noted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tmxdb.clock import site_time
from tmxdb.storable_text import MAX_INDEXED, storable

MAX_TEXT = 20_000
MAX_NUMBERS, MAX_AUTHORS = 1000, 100
MAX_ROLE = 100
INT32, INT64 = 2**31, 2**63
Values = tuple[Any, ...]
"""Of an entry, in the order of `ListedFields.columns`."""


def role(value: Any) -> str | int | None:
    """Return a role. No source says whether it is text or a number, so both are kept."""
    if isinstance(value, str):
        return storable(value)[:MAX_ROLE]
    return value if type(value) is int and abs(value) < INT64 else None


def shown(value: Any, at_most: int = 200) -> str:
    """Return any value for people to read, even lists nested too deeply for repr."""
    try:
        return repr(value)[:at_most]
    except (RecursionError, ValueError):
        return f"a {type(value).__name__} that cannot be shown"


class ListedFields:
    """The fields of an entry: its number `id`, and for each column of the table a kind of value and the path to it.

    Kinds are the names of functions of `FieldReader`. A path names the objects around a value: `WRReplay.User.Name`.
    """

    def __init__(self, id: str, columns: Mapping[str, tuple[str, str]]) -> None:
        self.id = id
        self.columns = (*columns, "oddities")
        """Names of the columns of an entry."""
        self.position = {name: at for at, name in enumerate(self.columns)}
        self.objects: dict[str, tuple[str, str]] = {}
        """Of each object in an entry, by path: the path of the one around it ("" is the entry) and its name."""
        self.places: list[tuple[str, str, str, str]] = []
        """Of each column: its name, the kind of value, the path of the object that has the field, its name there."""
        for column, (kind, path) in columns.items():
            outer = ""
            *objects, name = path.split(".")
            for inner in objects:
                inner_path = f"{outer}.{inner}" if outer else inner
                self.objects[inner_path] = (outer, inner)
                outer = inner_path
            self.places.append((column, kind, outer, name))

    def checked(self, raw: Mapping[str, Any]) -> Values:
        """Return the values of the entry `raw`; `oddities` names its unexpected values."""
        readers = {"": FieldReader(raw)}
        for path, (outer, name) in self.objects.items():
            readers[path] = readers[outer].part(name)
        values = [getattr(readers[path], kind)(name) for _, kind, path, name in self.places]
        return (*values, readers[""].oddities())


class FieldReader:
    """Reads values from one JSON object and notes the unexpected ones.

    It is called forty times for every entry of a list, so each function looks at the usual value first.
    """

    __slots__ = ("_get", "_prefix", "_unexpected")

    def __init__(self, raw: Mapping[str, Any], prefix: str = "", unexpected: list[str] | None = None) -> None:
        self._get, self._prefix = raw.get, prefix
        self._unexpected = [] if unexpected is None else unexpected

    def part(self, name: str) -> FieldReader:
        """Return a reader of an object in this one; of an empty one if there is none."""
        value = self._get(name)
        if not isinstance(value, dict):
            if value is not None:
                self._note(name, value)
            value = _NOTHING
        return FieldReader(value, f"{self._prefix}{name}.", self._unexpected)

    def oddities(self) -> str | None:
        return to_json(self._unexpected) if self._unexpected else None

    def natural(self, name: str) -> int | None:
        return self.integer(name, 0)

    def large(self, name: str) -> int | None:
        return self.integer(name, below=INT64)

    def integer(self, name: str, minimum: int = -INT32, below: int = INT32) -> int | None:
        value = self._get(name)
        if type(value) is float and value.is_integer():
            value = int(value)
        if value is None or (type(value) is int and minimum <= value < below):
            return value
        self._note(name, value)
        return None

    def name(self, name: str) -> str | None:
        return self.text(name, MAX_INDEXED)

    def text(self, name: str, at_most: int = MAX_TEXT) -> str | None:
        value = self._get(name)
        if isinstance(value, str):
            if value.isascii() and value.isprintable() and len(value) <= at_most:
                return value  # nearly all texts
            clean = storable(value)[:at_most]
            if clean != value:
                self._note(name, value)
            return clean
        if value is not None:
            self._note(name, value)
        return None

    def boolean(self, name: str) -> bool | None:
        value = self._get(name)
        if value is None or value in (0, 1):  # the site answers 0/1 for some, true/false for others
            return None if value is None else bool(value)
        self._note(name, value)
        return None

    def time(self, name: str) -> str | None:
        value = self._get(name)
        try:
            return None if value is None else site_time(value)
        except (TypeError, ValueError, OverflowError):
            self._note(name, value)
            return None

    def length(self, name: str) -> int | None:
        value = self._get(name)
        if isinstance(value, list):
            return len(value)
        if value is not None:
            self._note(name, value)
        return None

    def numbers(self, name: str) -> str | None:
        value = self._get(name)
        if value is None:
            return None
        if (
            isinstance(value, list)
            and len(value) <= MAX_NUMBERS
            and all(type(n) is int and abs(n) < INT64 for n in value)
        ):
            return str(value)  # the same text as JSON
        self._note(name, value)
        return None

    def authors(self, name: str) -> str | None:
        value = self._get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(author, dict) for author in value):
            self._note(name, value)
            return None
        authors = []
        for author in value[:MAX_AUTHORS]:
            user = FieldReader(author, f"{self._prefix}{name}[].", self._unexpected).part("User")
            kept = role(author.get("Role"))
            authors.append({"user_id": user.integer("UserId"), "name": user.text("Name"), "role": kept})
        return to_json(authors)

    def _note(self, name: str, value: Any) -> None:
        self._unexpected.append(f"{self._prefix}{name}: {shown(value, 100)}")


_NOTHING: Mapping[str, Any] = {}
to_json = json.JSONEncoder(ensure_ascii=False).encode  # made once, unlike by json.dumps
