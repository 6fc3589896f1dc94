"""A property that is computed once. Like functools.cached_property, but it also remembers a GbxError.

Without that, every access to a damaged file would read it again up to the damage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tmxdb.errors import GbxError

T = TypeVar("T")


class cached_fact(Generic[T]):  # lower case because it reads like `property`
    """Decorate a method without arguments, in a class without slots."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self._failure = f"{self._name} failed"
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        """Return the value, or raise the remembered GbxError.

        Called once per instance for a value: then the instance has an attribute of that name, which takes precedence.
        """
        attributes = instance.__dict__
        if self._failure in attributes:
            raise attributes[self._failure].with_traceback(None)
        try:
            value = attributes[self._name] = self._compute(instance)
        except GbxError as error:
            attributes[self._failure] = error
            raise
        return value
