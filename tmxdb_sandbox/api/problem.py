"""The exception for a request that the site refuses."""

from __future__ import annotations


class ApiProblem(Exception):
    """Answered as problem+json with `status` and this text as its detail."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
