"""Which process something belongs to, and whether that process still runs.

A process ID alone is not enough: the system reuses them, and they mean nothing on another machine. Worker rows store
`this_machine()` and `process_started_ms()`; file names in the game's folders store a ProcessIdentity; settings of a
database that only one process may use store a `process_note()`.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_TEXT = re.compile(r"(\d+)-(\d+)-([A-Za-z0-9]+)")


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process on a machine. `started_ms`: what `process_started_ms` returned for it; 0 if it had just ended."""

    pid: int
    started_ms: int
    host: str

    def __str__(self) -> str:
        """Return a text for file names; `process_in` parses it."""
        return f"{self.pid}-{self.started_ms}-{self.host}"

    def is_alive(self) -> bool:
        """Return False only if the process has certainly ended: True for processes of other machines."""
        return self.host != this_process().host or not has_ended(self.pid, self.started_ms)


def this_process() -> ProcessIdentity:
    """Return the identity of this process."""
    return _cached_identity(os.getpid())


def identity_of(pid: int) -> ProcessIdentity:
    """Return the identity of a running process. One that has just ended gets the start 0, so it is never alive.

    Raise OSError as `process_started_ms` does.
    """
    host = re.sub(r"[^A-Za-z0-9]", "", platform.node())[:20] or "here"
    return ProcessIdentity(pid, process_started_ms(pid) or 0, host)


_cached_identity = cache(identity_of)


def process_in(text: str) -> ProcessIdentity | None:
    """Return the identity whose text is part of `text`, a file name, or None."""
    match = _TEXT.search(text)
    return ProcessIdentity(int(match[1]), int(match[2]), match[3]) if match else None


@cache
def this_machine() -> str:
    """Return a text that is equal for all processes that see the same process IDs.

    The host name is not enough: two machines may both be called `ubuntu`, and a container may share its host's name
    but has its own process IDs.
    """
    parts = [platform.node() or "unknown"]
    with suppress(OSError):
        parts.append(Path("/etc/machine-id").read_text("ascii").strip()[:12])
    with suppress(OSError, AttributeError):
        parts.append(str(os.stat("/proc/self/ns/pid").st_ino))
    if len(parts) == 1:
        parts.append(f"{uuid.getnode():012x}")
    return " ".join(parts)


def process_started_ms(pid: int) -> int | None:
    """Return a number that tells a process from a later one with the same ID. None if there is no such process.

    On Linux it is clock ticks since boot: the start that psutil computes moves whenever the clock is set. On other
    systems it is milliseconds since 1970.

    Raise OSError if the system does not say: too many files are open, or other users' processes are hidden.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
            return None if fields[0] in (b"Z", b"X") else int(fields[19])
        except (FileNotFoundError, ProcessLookupError, IndexError):
            _refuse_hidden(pid)
            return None
    import psutil

    try:
        return round(psutil.Process(pid).create_time() * 1000)
    except psutil.NoSuchProcess:
        return None
    except psutil.Error as error:
        raise PermissionError(str(error)) from error


def has_ended(pid: int, started_ms: int | None) -> bool:
    """Return whether a process of this machine has certainly ended. `started_ms`: what it had when it ran."""
    try:
        return process_started_ms(pid) != started_ms
    except OSError:
        return False


def _refuse_hidden(pid: int) -> None:
    """Raise PermissionError if there is a process `pid` that is only hidden from this one (`hidepid`, man 5 proc)."""
    with suppress(ProcessLookupError, OverflowError):
        os.kill(pid, 0)


def may_live(worker: Mapping[str, Any]) -> bool:
    """Return False for a row of `workers` of this machine whose process has ended. Others cannot be asked."""
    return bool(worker["machine"] != this_machine() or not has_ended(worker["pid"], worker["process_started_ms"]))


def process_note() -> dict[str, Any]:
    """Return what tells this process from all others, as JSON can store it; see `other_process`."""
    pid = os.getpid()
    return {"machine": this_machine(), "pid": pid, "started_ms": process_started_ms(pid)}


def other_process(note: Mapping[str, Any] | None) -> int | None:
    """Return the ID of the process that wrote `note` if it is another one of this machine and may still run."""
    if note is None or note["machine"] != this_machine() or note["pid"] == os.getpid():
        return None
    return None if has_ended(note["pid"], note["started_ms"]) else int(note["pid"])
