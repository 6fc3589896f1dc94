"""The required `fields` parameter: `TrackId,Uploader.Name,Authors[].User.Name` in, rows of just these out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from tmxdb.sandbox.api.refusal import Refusal

Getter: TypeAlias = Callable[[Any], Any]


class Nested:
    """A field with fields of its own: `get` finds the object (or, for `many`, the list of them)."""

    def __init__(self, get: Getter, fields: Mapping[str, Field], *, many: bool = False) -> None:
        self.get = get
        self.fields = fields
        self.many = many


Field: TypeAlias = Getter | Nested
Plan: TypeAlias = list[tuple[str, Getter]]


def reader(text: str | None, known: Mapping[str, Field]) -> Callable[[Any], dict[str, Any]]:
    """A function that turns an item into the JSON object with the fields that `text` lists."""
    if not text:
        raise Refusal("The 'fields' parameter is required")
    return _reader(text, _Known(known))


class _Known:
    """A table of fields as a key of the cache: the tables are constants, so their identity will do."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields

    def __hash__(self) -> int:
        return id(self.fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other.fields is self.fields


@lru_cache(maxsize=64)
def _reader(text: str, known: _Known) -> Callable[[Any], dict[str, Any]]:
    tree: dict[str, Any] = {}
    for path in text.split(","):
        _plant(tree, path.strip(), known.fields)
    return _compile(tree, known.fields)


def _plant(tree: dict[str, Any], path: str, known: Mapping[str, Field]) -> None:
    names = [name.removesuffix("[]") for name in path.split(".")]
    for depth, name in enumerate(names):
        field = known.get(name)
        last = depth == len(names) - 1
        if field is None or not (last or isinstance(field, Nested)):
            raise Refusal(f"Specified field '{path}' does not exist")
        tree = tree.setdefault(name, {})
        if isinstance(field, Nested):
            known = field.fields
            if last:  # the object itself: all it has
                for inner in known:
                    _plant(tree, inner, known)


def _compile(tree: dict[str, Any], known: Mapping[str, Field]) -> Callable[[Any], dict[str, Any]]:
    plan: Plan = []
    for name, inner in tree.items():
        field = known[name]
        plan.append((name, _nested(field, inner) if isinstance(field, Nested) else field))
    return lambda item: {name: get(item) for name, get in plan}


def _nested(field: Nested, tree: dict[str, Any]) -> Getter:
    read, get = _compile(tree, field.fields), field.get
    if field.many:
        return lambda item: [read(one) for one in get(item)]

    def one(item: Any) -> dict[str, Any] | None:
        found = get(item)
        return None if found is None else read(found)

    return one
