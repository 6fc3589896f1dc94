"""A property that is worked out once, like functools.cached_property; but a GbxError is kept, too.

Without that, every question to a damaged file would read it again up to the damage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tmxdb.errors import GbxError

T = TypeVar("T")


class kept(Generic[T]):  # in lower case, as it reads like `property`
    """Put above a method without arguments of a class without slots."""

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__
        self._failure = f"{self._name} failed"
        self.__doc__ = work_out.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        """Not called again for a value: from then on the instance has an attribute of this name itself."""
        memory = instance.__dict__
        if self._failure in memory:
            raise memory[self._failure].with_traceback(None)
        try:
            value = memory[self._name] = self._work_out(instance)
        except GbxError as error:
            memory[self._failure] = error
            raise
        return value
