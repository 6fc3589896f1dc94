"""Events of the other packages: captures and notices."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import ClassVar

from tmxdb.events.bus import Event


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
