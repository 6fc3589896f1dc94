"""Events of the other packages: requests outside jobs, captures, and notices."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from tmxdb.clock import span
from tmxdb.events.bus import Event


@dataclass(frozen=True, slots=True)
class RequestRetried(Event):
    """A request outside a job (a sync, an import) failed and is sent again after `wait_s`."""

    logger: ClassVar[str] = "tmxdb.sync"
    code: str
    message: str
    attempt: int
    wait_s: float

    def __str__(self) -> str:
        return f"{self.message} Next attempt in {span(self.wait_s)}."


@dataclass(frozen=True, slots=True)
class CaptureStateChanged(Event):
    """A capture entered another state of its drive."""

    logger: ClassVar[str] = "tmxdb.capture"
    capture_id: int
    state: str
    detail: str = ""

    @property
    def level(self) -> int:
        return logging.DEBUG

    def __str__(self) -> str:
        return f"capture {self.capture_id}: {self.state}{f' ({self.detail})' if self.detail else ''}."


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """A sentence for a person that no other event covers. `source` is the package: `capture` for `tmxdb.capture`."""

    message: str
    source: str = "cli"

    @property
    def logger(self) -> str:  # type: ignore[override]
        return f"tmxdb.{self.source}"

    def __str__(self) -> str:
        return self.message
