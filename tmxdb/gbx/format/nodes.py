"""References to objects inside a body: an object is stored at the first reference to it, later ones give its index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from tmxdb.gbx.format import limits
from tmxdb.gbx.format.classes import class_name, new_id
from tmxdb.gbx.format.stream import Stream

T = TypeVar("T")

_NO_NODE = -1
_LIST_VERSION = 10  # before every list of references in 111 replays and 384 maps


class NodeReader:
    """Reads the references of one body. `unread` collects what was not understood in any of its objects."""

    __slots__ = ("_depth", "_seen", "stream", "unread")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.unread: list[str] = []
        self._seen: dict[int, tuple[int, object]] = {}  # class and object
        self._depth = 0

    def read(self, readers: Mapping[int, Callable[[NodeReader], T]], *, may_be_other: bool = False) -> T | None:
        """Return the object of the next reference, read by the reader of its class; None for an empty reference.

        An index seen before returns the same object. For a class without a reader, raise GbxError, or stop the stream
        if it `may_be_other`, because only some classes of that kind are known. An object of another class that was read
        before is left out then.
        """
        stream = self.stream
        at = stream.pos
        index = stream.i32()
        if index == _NO_NODE:
            return None
        if index in self._seen:
            known, seen = self._seen[index]
            if known in readers:
                return cast("T", seen)
            if may_be_other:
                self.unread.append(f"a reference to {class_name(known)}")
                return None
            raise stream.error("gbx.corrupt", f"a reference to an object of another class: {class_name(known)}", at)
        class_id = stream.u32()
        reader = readers.get(new_id(class_id))
        if reader is None:
            if may_be_other:
                stream.stop(self.unread, f"{class_name(class_id)} and everything after it")
                return None
            raise stream.error("gbx.unsupported", f"unexpected object: {class_name(class_id)}", at)
        if self._depth == limits.MAX_NODE_DEPTH:
            raise stream.error("gbx.too_large", f"objects nested more than {limits.MAX_NODE_DEPTH} deep", at)
        if len(self._seen) == limits.MAX_NODES:
            raise stream.error("gbx.too_large", f"more than {limits.MAX_NODES:,} objects", at)
        self._depth += 1
        node = reader(self)
        self._seen[index] = new_id(class_id), node
        self._depth -= 1
        return node

    def read_chunks(self, readers: Mapping[int, Callable[[NodeReader, T], None]], target: T) -> None:
        """Read the chunks of a node into `target`. See `Stream.read_chunks`."""
        self.stream.read_chunks(readers, self, target, self.unread)

    @property
    def next_is_empty(self) -> bool:
        """Whether the next reference is to no object."""
        at = self.stream.pos
        index = self.stream.i32()
        self.stream.pos = at
        return index == _NO_NODE

    def read_list(
        self, readers: Mapping[int, Callable[[NodeReader], T]], limit: int, what: str, *, may_be_other: bool = False
    ) -> tuple[int, list[T]]:
        """Return the announced length of a list of references, and its objects as far as the stream can be read."""
        at = self.stream.pos
        version = self.stream.u32()
        if version != _LIST_VERSION:
            raise self.stream.error("gbx.unsupported", f"list of {what}: version {version}, expected 10", at)
        number = self.stream.count(4, limit, what)
        nodes: list[T] = []
        for _ in range(number):
            node = self.read(readers, may_be_other=may_be_other)
            if node is not None:
                nodes.append(node)
            if self.stream.stopped:
                break
        return number, nodes
