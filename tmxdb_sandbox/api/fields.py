"""The required `fields` parameter: `TrackId,Uploader.Name,Authors[].User.Name` selects these fields of a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from tmxdb_sandbox.api.problem import ApiProblem

Getter: TypeAlias = Callable[[Any], Any]
RowBuilder: TypeAlias = Callable[[Any], dict[str, Any]]

_CACHED_BUILDERS = 64  # clients request the same few lists of fields repeatedly


class NestedField:
    """A field with fields of its own. `get` returns the object, or the list of objects if `many`."""

    def __init__(self, get: Getter, fields: Mapping[str, Field], *, many: bool = False) -> None:
        self.get = get
        self.fields = fields
        self.many = many


Field: TypeAlias = Getter | NestedField


class FieldTable:
    """The fields of one API method."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields
        self._builders: dict[str, RowBuilder] = {}

    def row_builder(self, text: str | None) -> RowBuilder:
        """Return a function that turns an item into a JSON object with the fields listed in `text`."""
        if not text:
            raise ApiProblem("The 'fields' parameter is required")
        if text not in self._builders:
            if len(self._builders) >= _CACHED_BUILDERS:
                self._builders.clear()
            tree: dict[str, Any] = {}
            for path in text.split(","):
                _add_path(tree, path.strip(), self.fields)
            self._builders[text] = _compile(tree, self.fields)
        return self._builders[text]


def _add_path(tree: dict[str, Any], path: str, known: Mapping[str, Field]) -> None:
    names = [name.removesuffix("[]") for name in path.split(".")]
    for depth, name in enumerate(names):
        field = known.get(name)
        is_last = depth == len(names) - 1
        if field is None or not (is_last or isinstance(field, NestedField)):
            raise ApiProblem(f"Specified field '{path}' does not exist")
        tree = tree.setdefault(name, {})
        if isinstance(field, NestedField):
            known = field.fields
            if is_last:  # an object without a subfield: all its fields
                for inner in known:
                    _add_path(tree, inner, known)


def _compile(tree: dict[str, Any], known: Mapping[str, Field]) -> RowBuilder:
    getters: list[tuple[str, Getter]] = []
    for name, inner in tree.items():
        field = known[name]
        getters.append((name, _nested_getter(field, inner) if isinstance(field, NestedField) else field))
    return lambda item: {name: get(item) for name, get in getters}


def _nested_getter(field: NestedField, tree: dict[str, Any]) -> Getter:
    build, get = _compile(tree, field.fields), field.get
    if field.many:
        return lambda item: [build(element) for element in get(item)]

    def build_if_present(item: Any) -> dict[str, Any] | None:
        found = get(item)
        return None if found is None else build(found)

    return build_if_present
