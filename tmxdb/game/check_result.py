"""One result of `tmxdb game check`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was checked.

    `ok`: False if captures will fail, None if they may work without it or it cannot be determined. `fix`: what to do.
    """

    what: str
    ok: bool | None
    found: str
    fix: str | None = None
