"""One fault to apply to a request, and the type of the functions that do it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TypeAlias

from tmxdb_sandbox.faults.rule import HttpFaultRule
from tmxdb_sandbox.wire.http_messages import Request, Response

Serve: TypeAlias = Callable[[Request], Response]


@dataclass(frozen=True)
class FaultContext:
    """What a fault function needs to build its response."""

    rule: HttpFaultRule
    request: Request
    serve: Serve  # the healthy site
    remaining_s: float  # how long the rule stays in force

    @property
    def healthy(self) -> Response:
        """The response of the healthy site."""
        return self.serve(self.request)

    def with_retry_after(self, response: Response, seconds: float | None) -> Response:
        """Add Retry-After in whole seconds or as a date, rounded up so that a client that obeys it is not too early."""
        if seconds is None:
            return response
        if not self.rule.retry_date:
            return response.with_headers(Retry_After=str(math.ceil(seconds)))
        now_s = time.time()
        until = formatdate(math.ceil(now_s + seconds), usegmt=True)
        return response.with_headers(Retry_After=until, Date=formatdate(now_s, usegmt=True))


FaultFunction: TypeAlias = Callable[[FaultContext], Response]


@dataclass(frozen=True)
class HttpFault:
    """A kind of fault: the function that builds its response, and the areas it applies to unless the rule has `on=`."""

    help: str
    apply: FaultFunction
    areas: tuple[str, ...] = ("all",)
