"""The required `fields` parameter: `TrackId,Uploader.Name,Authors[].User.Name` in, rows of just these out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from tmxdb.sandbox.api.refusal import Refusal

Getter: TypeAlias = Callable[[Any], Any]
Reader: TypeAlias = Callable[[Any], dict[str, Any]]

_READERS_KEPT = 64  # clients ask for the same few lists of fields over and over


class Nested:
    """A field with fields of its own: `get` finds the object (or, for `many`, the list of them)."""

    def __init__(self, get: Getter, fields: Mapping[str, Field], *, many: bool = False) -> None:
        self.get = get
        self.fields = fields
        self.many = many


Field: TypeAlias = Getter | Nested


class Table:
    """The fields that one method knows."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields
        self._readers: dict[str, Reader] = {}

    def reader(self, text: str | None) -> Reader:
        """A function that turns an item into the JSON object with the fields that `text` lists."""
        if not text:
            raise Refusal("The 'fields' parameter is required")
        if text not in self._readers:
            if len(self._readers) >= _READERS_KEPT:
                self._readers.clear()
            tree: dict[str, Any] = {}
            for path in text.split(","):
                _plant(tree, path.strip(), self.fields)
            self._readers[text] = _compile(tree, self.fields)
        return self._readers[text]


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


def _compile(tree: dict[str, Any], known: Mapping[str, Field]) -> Reader:
    plan: list[tuple[str, Getter]] = []
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
