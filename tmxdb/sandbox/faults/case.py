"""One fault that is about to happen, and how to make it happen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TypeAlias

from tmxdb.sandbox.faults.rule import Rule
from tmxdb.sandbox.wire.messages import Request, Response

Serve: TypeAlias = Callable[[Request], Response]


@dataclass(frozen=True)
class Case:
    rule: Rule
    request: Request
    serve: Serve  # the healthy site
    left_s: float  # how long the rule stays in force

    @property
    def healthy(self) -> Response:
        """What a site on a good day would answer."""
        return self.serve(self.request)

    def with_retry_after(self, response: Response, seconds: float | None) -> Response:
        """In whole seconds or as a date, rounded up: who comes back then is not too early."""
        if seconds is None:
            return response
        date = formatdate(math.ceil(time.time() + seconds), usegmt=True)
        return response.with_headers(Retry_After=date if self.rule.retry_date else str(math.ceil(seconds)))


Make: TypeAlias = Callable[[Case], Response]


@dataclass(frozen=True)
class Fault:
    """A kind of fault: what it answers, and the areas where it makes sense if the rule names none."""

    help: str
    make: Make
    areas: tuple[str, ...] = ("all",)
