"""`ago`: spans of time before now."""

from __future__ import annotations

import pytest

from tmxdb.clock import from_iso
from tmxdb.db.engines.ago import ago

NOW = from_iso("2026-03-31T12:00:00.500Z")


@pytest.mark.parametrize(
    ("span", "moment"),
    [
        ("2 days", "2026-03-29T12:00:00.500Z"),
        ("1 day 2 hours 3 min 4s", "2026-03-30T09:56:56.500Z"),
        ("1 week", "2026-03-24T12:00:00.500Z"),
        ("1 month", "2026-02-28T12:00:00.500Z"),
        ("1y", "2025-03-31T12:00:00.500Z"),
        ("0d", "2026-03-31T12:00:00.500Z"),
    ],
)
def test_a_span_is_taken_from_now(span: str, moment: str) -> None:
    assert ago(span, NOW) == moment


@pytest.mark.parametrize(
    "span", ["", " ", "2", "days", "2 fortnights", "-1 day", "1 day x", "3000 years", "9" * 30, "²d"]
)
def test_anything_else_is_refused(span: str) -> None:
    with pytest.raises(ValueError, match=r"span of time|before the year 1"):
        ago(span, NOW)
