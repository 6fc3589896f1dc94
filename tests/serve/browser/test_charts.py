"""The charts: drawn in Chromium, moved by frames and by the 3D view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.frames import captured_database
from tests.rows import Rows
from tests.serve.browser.conftest import WAIT_MS, on_linux
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow

pytestmark = [pytest.mark.slow, on_linux]


def test_the_charts_of_a_run_move_with_frames_and_3d(
    sqlite: Database, data: Path, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    rows = Rows(sqlite)
    captured_database(sqlite, data, {10: 61})
    run = {"file_path": "whole.gbx", "file_bytes": 1, "sha256": "0" * 64, "checkpoints_ms": "[4170, 6110]"}
    rows.change(ReplayRow, 10, status="done", finished_at="2027-01-15T08:00:00.000Z", position=0, **run)
    rows.replay(
        11, "done", position=1, race_time_ms=6110, **run | {"checkpoints_ms": "[4000, 6110]", "sha256": "1" * 64}
    )
    rows.map(1, "done", file_path="map.gbx")
    page = opened(address() + "/replay/10?with=11", viewport={"width": 800, "height": 600})
    page.wait_for_selector("#charts[data-state=ready]", timeout=WAIT_MS)
    assert page.locator("#charts canvas").count() == int(page.get_attribute("#charts", "data-charts")) == 5
    page.locator(".strip button").nth(10).click()
    speed = page.locator("#charts .chart").first.locator(".u-value")
    assert speed.first.inner_text() == "0:02.60"
    page.click("#show-scene")
    assert page.locator("#show-scene").is_hidden()
    page.wait_for_selector("#view[data-state=ready]", timeout=WAIT_MS)
    page.locator(".strip button").nth(23).click()
    page.wait_for_function("() => document.getElementById('view').dataset.time === '6000'", timeout=WAIT_MS)
    page.locator("#scrub").focus()
    page.keyboard.press("Home")
    page.wait_for_function("() => document.querySelector('.u-value').textContent === '0:00.00'", timeout=WAIT_MS)
    page.locator("#charts .u-over").first.click(position={"x": 300, "y": 50})
    page.wait_for_function("() => Number(document.getElementById('view').dataset.time) > 1000", timeout=WAIT_MS)
    page.emulate_media(color_scheme="dark")
    assert page.locator("#charts canvas").count() == 5


def test_the_counts_over_time_are_drawn_and_the_overview_stays_live(
    sqlite: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    rows, now_ms = Rows(sqlite), wall_clock()
    rows.replays(1, 2, 3, status="done")
    for minute in range(1, 200):
        rows.write(
            "INSERT INTO past_progress (at, kind, done, failed, skipped, open, bytes)"
            f" VALUES ('{iso(now_ms - 60_000 * minute)}', 'download', {200 - minute}, 0, 0, {minute}, 1000)"
        )
    page = opened(address() + "/", viewport={"width": 800, "height": 600})
    page.wait_for_selector("#progress-charts[data-state=ready]", timeout=WAIT_MS)
    assert page.locator("#progress-charts canvas").count() == 3
    assert page.get_attribute("#progress-charts", "data-moments") == "200"
    page.click("#spans [data-span=all]")
    page.wait_for_selector("#progress-charts[data-span=all]", timeout=WAIT_MS)
    rows.replays(*range(11, 1242), status="done")
    page.wait_for_function("() => document.getElementById('details').innerText.includes('1,234')", timeout=WAIT_MS)
    assert page.locator("#progress-charts canvas").count() == 3


def test_the_record_of_a_track_is_drawn(
    sqlite: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    rows = Rows(sqlite)
    rows.track(1, "done", author_time_ms=31_000)
    for n in range(5):
        rows.replay(10 + n, site_time_ms=33_000 - 100 * n, replay_at=f"20{10 + n}-05-01T00:00:00.000Z", position=4 - n)
    page = opened(address() + "/track/1", viewport={"width": 390, "height": 844})
    page.wait_for_selector("#record-chart[data-state=ready]", timeout=WAIT_MS)
    page.locator("#record-chart .u-over").hover(position={"x": 2, "y": 40})
    assert "0:33.00 by" in page.locator("#record-chart .u-value").nth(1).inner_text()


def test_a_result_is_drawn_and_saved(sqlite: Database, address: Callable[[], str], opened: Callable[..., Any]) -> None:
    for n in range(1, 6):
        Rows(sqlite).track(n, name=f"Track {n}", awards=n)
    page = opened(address() + "/sql", viewport={"width": 800, "height": 600})
    page.fill("#sql", "select name, awards from tracks order by awards desc")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#sql-chart canvas", timeout=WAIT_MS)
    assert page.locator("#result tbody tr").first.inner_text().split("\t") == ["Track 5", "5"]
    page.click("#save")
    saved = page.locator("#saved a")
    assert saved.inner_text() == "select name, awards from tracks order by awards desc"
    page.goto(page.url.partition("?")[0])
    saved.click()
    page.wait_for_selector("#sql-chart canvas", timeout=WAIT_MS)
    page.click("#saved button")
    assert page.locator("#saved").is_hidden()
