"""The error of a failed transfer, for modules that need no library for HTTP."""

from __future__ import annotations

from typing import Literal

Kind = Literal["timeout", "cut", "too large", "invalid", "connection"]


class TransferError(Exception):
    """A transfer that failed. `reason` says why, in a few words."""

    def __init__(self, kind: Kind, reason: str, received: int = 0) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.received = kind, reason, received
