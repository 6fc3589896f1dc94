"""Entries of the exchange's lists in which every value has the usual type: nearly all entries.

msgspec checks types and ranges while it reads the JSON, in a fifth of the time that Python takes to read it and to look
at each value. It refuses everything else: other types, unknown fields, NaN, lone surrogates, a byte order mark. Such
JSON is read value by value (`fields.py`), with the same result where a value is usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from tmxdb.clock import site_time
from tmxdb.tmx.fields import INT32, INT64, LONGEST_TEXT, MOST_AUTHORS, MOST_NUMBERS, ListedFields, role, to_json


class _Decoders(NamedTuple):
    """Made at first use, because msgspec takes 20 ms to import, which commands that read no list need not wait for."""

    page: Callable[[bytes], Any]
    entry: Callable[[bytes], Any]
    values: Callable[[Any], tuple[Any, ...]]
    """Returns the values of an object in the order of its type."""
    absent: Mapping[str, Any]
    """What is read where an entry has no object, by path: one without values."""
    refused: tuple[type[Exception], ...]
    """Errors for what is not of the types."""


class TypedList:
    """Reads pages of the list whose entries have `fields`."""

    def __init__(self, fields: ListedFields) -> None:
        self._fields = fields
        self._members: dict[str, dict[str, tuple[str, str]]] = {path: {} for path in ("", *fields.objects)}
        """The columns in each object of an entry: their names, and the kinds and names of their fields."""
        for column, kind, path, name in fields.places:
            self._members[path][column] = (kind, name)
        self._names = tuple(column for columns in self._members.values() for column in columns)
        self._converted = [(column, _CONVERSIONS[kind]) for column, kind, *_ in fields.places if kind in _CONVERSIONS]
        self._unset = {**dict.fromkeys(column for column, *_ in fields.places), "oddities": None}

    def split(self, body: bytes) -> tuple[list[bytes], bool] | None:
        """Return the JSON of each entry of a page, and whether the list has more; None for any other answer."""
        try:
            decoders = self._decoders
        except ImportError:  # it is compiled, and the newest Python may have to wait for it
            return None
        try:
            page = decoders.page(body)
        except decoders.refused:
            return None
        return list(map(bytes, page.Results)), page.More

    def read(self, entry: bytes) -> tuple[int, dict[str, Any]] | None:
        """Return id and columns of an entry, or None if a value is unusual."""
        if rb"\u0000" in entry:  # a NUL, which JSON has in no other form
            return None
        try:
            usual = self._decoders.entry(entry)
            return getattr(usual, self._fields.id), self._columns(usual)
        except self._decoders.refused:
            return None

    def _columns(self, entry: Any) -> dict[str, Any]:
        objects, values_of, absent = {"": entry}, self._decoders.values, self._decoders.absent
        for path, (outer, name) in self._fields.objects.items():
            objects[path] = getattr(objects[outer], name) or absent[path]
        values: list[Any] = []
        for path, members in self._members.items():
            values += values_of(objects[path])[: len(members)]
        columns = self._unset.copy()
        columns.update(zip(self._names, values, strict=True))
        for column, convert in self._converted:
            value = columns[column]
            if value is not None:
                columns[column] = convert(value)
        return columns

    @cached_property
    def _decoders(self) -> _Decoders:
        import msgspec

        kinds = _kinds()
        types: dict[str, Any] = {}
        for path in reversed(self._members):  # inner ones first
            members: list[Any] = [(name, kinds[kind] | None, None) for kind, name in self._members[path].values()]
            members += [
                (name, types[at] | None, None) for at, (outer, name) in self._fields.objects.items() if outer == path
            ]
            types[path] = _struct(path or "Entry", [*members, *([] if path else [(self._fields.id, kinds["id"])])])
        page = _struct("Page", [("Results", list[msgspec.Raw]), ("More", bool)])
        return _Decoders(
            msgspec.json.Decoder(page).decode,
            msgspec.json.Decoder(types[""]).decode,
            msgspec.structs.astuple,
            {path: types[path]() for path in self._fields.objects},
            (msgspec.MsgspecError, ValueError, RecursionError),
        )


def _struct(name: str, members: list[Any]) -> Any:
    """Return a type of msgspec. An unknown member is refused, because its value would not be checked at all."""
    from msgspec import defstruct

    return defstruct(name, members, kw_only=True, forbid_unknown_fields=True, gc=False)


def _kinds() -> dict[str, Any]:
    """Return the type of each kind of value: what `FieldReader` takes without a note, and no more."""
    from msgspec import Meta

    integer, text = Annotated[int, Meta(ge=-INT32, lt=INT32)], Annotated[str, Meta(max_length=LONGEST_TEXT)]
    int64 = Annotated[int, Meta(gt=-INT64, le=INT64 - 1)]
    user: Any = _struct("User", [("UserId", integer | None, None), ("Name", text | None, None)])
    author: Any = _struct("Author", [("User", user | None, None), ("Role", str | int | None, None)])
    return {
        "id": Annotated[int, Meta(gt=0, le=INT64 - 1)],
        "integer": integer,
        "natural": Annotated[int, Meta(ge=0, lt=INT32)],
        "large": Annotated[int, Meta(ge=-INT32, le=INT64 - 1)],
        "text": text,
        "boolean": bool | Literal[0, 1],
        "time": str,
        "length": list[Any],
        "numbers": Annotated[list[int64], Meta(max_length=MOST_NUMBERS)],
        "authors": list[author],
    }


def _authors(authors: list[Any]) -> str:
    """Return the same text as `FieldReader.authors`, in a third of its time."""
    texts = []
    for author in authors[:MOST_AUTHORS]:
        user_id, name = (None, None) if author.User is None else (author.User.UserId, author.User.Name)
        texts.append(f'{{"user_id": {_json(user_id)}, "name": {_json(name)}, "role": {_json(role(author.Role))}}}')
    return f"[{', '.join(texts)}]"


def _json(value: str | int | None) -> str:
    return "null" if value is None else to_json(value) if isinstance(value, str) else str(value)


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "boolean": bool,
    "time": lru_cache(1000)(site_time),  # most tracks were never updated
    "length": len,
    "numbers": str,  # the same text as JSON
    "authors": _authors,
}
