"""The one exception of these rooms: the request can not be answered as asked."""

from __future__ import annotations


class Refusal(Exception):
    """Becomes a problem+json answer with `status` and this text as its detail."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
