"""Objects inside a body: each is written where it is first referred to, and has a number from then on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from . import limits
from .classes import class_name, new_id
from .stream import Stream

T = TypeVar("T")

_NONE = -1
_LIST_VERSION = 10  # in front of every list of references in 111 replays and 384 maps


class Nodes:
    """Follows the references of one body. `unread` collects what was not understood in any of its objects."""

    __slots__ = ("_depth", "_seen", "stream", "unread")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.unread: list[str] = []
        self._seen: dict[int, object] = {}
        self._depth = 0

    def read(self, readers: Mapping[int, Callable[[Nodes], T]], *, may_be_other: bool = False) -> T | None:
        """The object of the next reference, read by the reader of its class; None for a reference to nothing.

        An object seen before is the same object. One of another class than those of `readers` ends the stream if
        it `may_be_other`, as only a part of all kinds is known; else it is a GbxError.
        """
        stream = self.stream
        at = stream.pos
        index = stream.i32()
        if index == _NONE:
            return None
        if index in self._seen:
            return self._seen[index]  # type: ignore[return-value]  # the file says so; callers look at its class
        class_id = stream.u32()
        reader = readers.get(new_id(class_id))
        if reader is None:
            if may_be_other:
                stream.stop(self.unread, f"{class_name(class_id)} and all behind it")
                return None
            raise stream.error("gbx.unsupported", f"a {class_name(class_id)} where none can be", at)
        if self._depth == limits.MAX_NODE_DEPTH:
            raise stream.error("gbx.too_large", f"objects in objects, more than {limits.MAX_NODE_DEPTH} deep", at)
        if len(self._seen) == limits.MAX_NODES:
            raise stream.error("gbx.too_large", f"more than {limits.MAX_NODES} objects", at)
        self._depth += 1
        node = self._seen[index] = reader(self)
        self._depth -= 1
        return node

    @property
    def next_is_none(self) -> bool:
        """Whether the next reference is to nothing."""
        at = self.stream.pos
        index = self.stream.i32()
        self.stream.pos = at
        return index == _NONE

    def read_list(
        self, readers: Mapping[int, Callable[[Nodes], T]], limit: int, what: str, *, may_be_other: bool = False
    ) -> tuple[int, list[T]]:
        """A list of references: how many it announces, and the objects up to where the stream can be followed."""
        at = self.stream.pos
        version = self.stream.u32()
        if version != _LIST_VERSION:
            raise self.stream.error("gbx.unsupported", f"a list of {what} of version {version}, not 10", at)
        number = self.stream.count(4, limit, what)
        nodes: list[T] = []
        for _ in range(number):
            node = self.read(readers, may_be_other=may_be_other)
            if node is not None:
                nodes.append(node)
            if self.stream.stopped:
                break
        return number, nodes
