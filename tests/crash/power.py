"""Simulate a power cut: record every change of the data folder, and rebuild the worst state that a cut may leave.

The rules are those of POSIX: bytes are safe once their file was synced, a name is safe once its folder was synced, and
nothing else is safe. Unsafe names and bytes may survive or be lost; bytes may survive in part.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tmxdb.storage import new_file


@dataclass(frozen=True)
class Event:
    """One change, and the length of the database's write-ahead log at that moment.

    `node` is a file or a folder. A `name` of None in `into` removes a name.
    """

    what: str  # make folder, make file, write, sync, name, unname
    node: int
    parent: int = 0
    name: str = ""
    data: bytes = b""
    wal_bytes: int = 0


@dataclass
class _Node:
    """A file or folder: its present content, and the content that is safe from a power cut."""

    is_folder: bool
    data: bytes = b""
    safe_data: bytes = b""
    names: dict[str, int] = field(default_factory=dict)
    safe_names: dict[str, int] = field(default_factory=dict)


class Recorder:
    """Inside `recording()`, records every change by `tmxdb.storage` below `folder`. The folder itself is safe."""

    def __init__(self, folder: Path, wal: Path) -> None:
        self.folder, self._wal = folder, wal
        self.events: list[Event] = []
        self._lock = threading.Lock()
        self._nodes = {os.stat(folder).st_ino: 0}  # inode -> node; an inode may be used again
        self._count = 0

    @contextmanager
    def recording(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(new_file, "open", self._open, raising=False)
            for name in ("mkdir", "fsync", "replace", "unlink"):
                patch.setattr(os, name, self._wrapped(name, getattr(os, name)))
            yield

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        note = getattr(self, f"_{name}")

        def call(*arguments: Any, **options: Any) -> Any:
            if not self._ours(arguments[0]):
                return real(*arguments, **options)
            return note(real, *arguments)

        return call

    def _ours(self, target: Any) -> bool:
        if isinstance(target, int):
            return os.fstat(target).st_ino in self._nodes
        return Path(target).is_relative_to(self.folder) and ".probe" not in str(target)

    def _open(self, path: str, mode: str, buffering: int = -1) -> Any:
        file = open(path, mode, buffering=buffering)  # noqa: SIM115  # the caller's
        if "w" not in mode:
            return file
        return _File(self, file, self._made("make file", path))

    def _mkdir(self, real: Callable[..., None], path: str) -> None:
        real(path)
        self._made("make folder", path)

    def _fsync(self, real: Callable[..., None], handle: int) -> None:
        real(handle)
        # Noted when it has come back: only then may anybody rely on it.
        self._note(Event("sync", self._nodes[os.fstat(handle).st_ino]))

    def _replace(self, real: Callable[..., None], source: str, target: str) -> None:
        node = self._nodes[os.stat(source).st_ino]
        with self._lock:
            real(source, target)
        self._note(Event("name", node, self._parent(target), os.path.basename(target)))
        self._note(Event("unname", node, self._parent(source), os.path.basename(source)))

    def _unlink(self, real: Callable[..., None], path: str) -> None:
        node = self._nodes[os.stat(path).st_ino]
        real(path)
        self._note(Event("unname", node, self._parent(path), os.path.basename(path)))

    def wrote(self, node: int, data: bytes) -> None:
        self._note(Event("write", node, data=data))

    def _made(self, what: str, path: str) -> int:
        with self._lock:
            self._count += 1
            node = self._nodes[os.stat(path).st_ino] = self._count
        self._note(Event(what, node, self._parent(path), os.path.basename(path)))
        return node

    def _parent(self, path: str) -> int:
        return self._nodes[os.stat(os.path.dirname(path)).st_ino]

    def _note(self, event: Event) -> None:
        with self._lock:
            wal_bytes = self._wal.stat().st_size if self._wal.exists() else 0
            self.events.append(replace(event, wal_bytes=wal_bytes))


class _File:
    """A file whose writes are recorded."""

    def __init__(self, recorder: Recorder, file: Any, node: int) -> None:
        self._recorder, self._file, self._node = recorder, file, node

    def write(self, data: memoryview) -> int:
        written: int = self._file.write(data)
        self._recorder.wrote(self._node, bytes(data[:written]))
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@dataclass(frozen=True)
class Luck:
    """What survives of unsafe changes. `names` and `data` return the surviving share of each, 0 to 1."""

    name: str
    names: Callable[[], bool]
    data: Callable[[], float]


def lucks(seed: int) -> list[Luck]:
    """Return the outcomes to test: nothing unsafe survives; only names survive; a random part survives."""
    rng = random.Random(seed)
    return [
        Luck("nothing survives", lambda: False, lambda: 0.0),
        Luck("names survive, bytes do not", lambda: True, lambda: 0.0),
        Luck("names survive, half of the bytes", lambda: True, lambda: 0.5),
        Luck("by chance", lambda: rng.random() < 0.5, lambda: rng.choice((0.0, rng.random(), 1.0))),
    ]


def left_by(events: list[Event], luck: Luck) -> dict[str, bytes | None]:
    """Return the content after a power cut that follows `events`: path -> bytes of a file, None for a folder."""
    nodes = {0: _Node(is_folder=True)}
    for event in events:
        match event.what:
            case "make folder" | "make file":
                nodes[event.node] = _Node(is_folder=event.what == "make folder")
                nodes[event.parent].names[event.name] = event.node
            case "write":
                nodes[event.node].data += event.data
            case "name":
                nodes[event.parent].names[event.name] = event.node
            case "unname":
                nodes[event.parent].names.pop(event.name, None)
            case "sync":
                node = nodes[event.node]
                node.safe_data, node.safe_names = node.data, dict(node.names)
    left: dict[str, bytes | None] = {}
    _collect(nodes, 0, "", luck, left)
    return left


def _collect(nodes: dict[int, _Node], node: int, path: str, luck: Luck, left: dict[str, bytes | None]) -> None:
    here = nodes[node]
    for name in sorted(here.names.keys() | here.safe_names.keys()):
        now, safe = here.names.get(name), here.safe_names.get(name)
        child = safe if now == safe or not luck.names() else now
        if child is None:
            continue
        below = nodes[child]
        if below.is_folder:
            left[f"{path}{name}"] = None
            _collect(nodes, child, f"{path}{name}/", luck, left)
        else:
            unsafe = below.data[len(below.safe_data) :]
            left[f"{path}{name}"] = below.safe_data + unsafe[: int(len(unsafe) * luck.data())]


def put_back(folder: Path, left: dict[str, bytes | None]) -> None:
    """Write the files and folders of `left` into `folder`."""
    for path, data in left.items():
        if data is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(data)
