"""axe-core finds nothing serious on any page, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.frames import captured_database
from tests.rows import NOW, Rows
from tests.serve.browser.conftest import WAIT_MS, on_linux
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import CaptureRow, ReplayRow
from tmxdb.upkeep.actions import Actions

pytestmark = [pytest.mark.slow, on_linux]
FIND = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`)"""
PAGES = {
    "/": "#progress-charts[data-state=ready]", "/tracks": "#results table",
    "/track/1": "#record-chart[data-state=ready]", "/track/1/3d": "#view[data-state=ready]",
    "/replay/10?with=11": "#charts[data-state=ready]", "/driver": "h1",
    "/driver/7": "h1", "/captures": "h1", "/capture/10": "h1", "/failures": ".failure",
    "/sql?q=select+name,+awards+from+tracks": "#sql-chart canvas", "/sql?q=nonsense": ".banner", "/nothing": "h1",
}  # fmt: skip
"""Every kind of page, and what is there when it is complete."""


@pytest.fixture
def filled(sqlite: Database, data: Path) -> Database:
    """Rows with something for every part of every page."""
    rows = Rows(sqlite)
    times = {"author_time_ms": 6_000, "gold_ms": 7_000, "silver_ms": 8_000, "bronze_ms": 9_000}
    rows.track(1, "done", name="A01", uploader_name="Zoë", awards=3, tags="[5]", environment=7, **times)
    rows.track(2, name="A02", awards=1)
    rows.map(1, "done", file_path="map.gbx")
    captured_database(sqlite, data, {10: 30})
    run = {
        "file_path": "whole.gbx",
        "file_bytes": 1,
        "sha256": "0" * 64,
        "checkpoints_ms": "[4170, 6110]",
        "user_id": 7,
    }
    rows.change(ReplayRow, 10, status="done", finished_at=iso(NOW), position=1, site_time_ms=6_110, race_time_ms=6_110,
                replay_at=iso(NOW - 9_000_000_000), device="pad", **run)  # fmt: skip
    rows.change(CaptureRow, 10, frames_missed=2)
    run |= {"checkpoints_ms": "[4000, 6000]", "sha256": "1" * 64, "user_name": "Bob"}
    rows.replay(11, "done", position=0, site_time_ms=6_000, race_time_ms=6_000, replay_at=iso(NOW), **run)
    rows.replay(12, "failed", position=2, user_name="Eve")
    rows.replay(13, "retry", position=3)
    rows.select("best", 1)
    return sqlite


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    filled: Database, address: Callable[..., str], opened: Callable[..., Any], scheme: str
) -> None:
    axe = Path(needs.module("axe_playwright_python").__file__).with_name("axe.min.js")
    url = address("a-token", Actions(filled.location))
    page = opened(f"{url}/?token=a-token", color_scheme=scheme, bypass_csp=True, ignored=("404", "400"))
    found = {}
    for path, complete in PAGES.items():
        page.goto(url + path)
        page.wait_for_selector(complete, timeout=WAIT_MS)
        page.add_script_tag(path=axe)
        found[path] = page.evaluate(FIND)
    assert {path: problems for path, problems in found.items() if problems} == {}
