"""The pages in a real browser: no message on its console, nothing that the policy blocks, the 3D view plays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gbx.samples import expected, needs_samples, sample
from tests.rows import Rows
from tests.serve.browser.conftest import WAIT_MS, on_linux
from tmxdb.db.database import Database
from tmxdb.upkeep.actions import Actions

pytestmark = [pytest.mark.slow, on_linux]
REPLAYS = [file for file, facts in expected("golden.json").items() if facts["kind"] == "replay"]


@pytest.mark.parametrize("options", [
    {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "java_script_enabled": False},
])  # fmt: skip
def test_every_page_with_hostile_names_fits(
    hostile_rows: Database, address: Callable[[], str], opened: Callable[..., Any], options: dict[str, Any]
) -> None:
    url = address()
    for path in (
        "/",
        "/tracks",
        "/track/1",
        "/replay/11",
        "/driver/7",
        "/driver?q=script",
        "/failures",
        "/sql",
        "/sql?q=select+*+from+tracks",
    ):
        page = opened(url + path, **options)
        assert page.locator("main h1").count() == 1
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path


def test_tracks_are_found_while_a_name_is_typed(
    sqlite: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    for number in range(1, 60):
        Rows(sqlite).track(number, name=f"Track{number:02d} Élan", awards=number)
    page = opened(address() + "/tracks")
    page.locator("#filters input[name=q]").press_sequentially("elan 4")
    page.wait_for_function("() => document.querySelectorAll('#results tbody tr').length < 20", timeout=WAIT_MS)
    assert page.locator("#results td.name").all_inner_texts()[0] == "Track54 Élan"
    assert page.url.endswith("/tracks?q=elan+4&order=awards")


def test_the_overview_follows_the_database(
    sqlite: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    page = opened(address() + "/")
    page.wait_for_function("() => document.getElementById('live').textContent === 'Live.'", timeout=WAIT_MS)
    Rows(sqlite).replays(*range(1, 1235), status="done")
    page.wait_for_function("() => document.body.innerText.includes('1,234')", timeout=WAIT_MS)


@needs_samples
def test_the_3d_view_plays(
    sqlite: Database, tmp_path: Path, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    from tmxdb.gbx import read_replay

    rows = Rows(sqlite)
    (tmp_path / "data").mkdir(exist_ok=True)
    rows.track(1, "done", name="A01")
    for number, file in enumerate(REPLAYS[:3]):
        (tmp_path / "data" / f"{number}.gbx").write_bytes(sample(file))
        rows.replay(number + 1, "done", position=number, file_path=f"{number}.gbx", sha256=f"{number}" * 64)
    (tmp_path / "data" / "map.gbx").write_bytes(read_replay(sample(REPLAYS[0])).map_bytes)
    rows.map(1, "done", file_path="map.gbx")
    page = opened(address() + "/track/1/3d", viewport={"width": 640, "height": 480})
    view = page.locator("#view")
    page.wait_for_selector("#view[data-state=ready]", timeout=WAIT_MS)
    assert int(view.get_attribute("data-blocks")) > 0
    page.click("#play")
    page.wait_for_function("() => Number(document.getElementById('view').dataset.time) > 500", timeout=WAIT_MS)
    assert view.get_attribute("data-camera") == "follow"
    page.click("#play")
    page.wait_for_selector("#view[data-playing=false]", timeout=WAIT_MS)
    stopped = view.get_attribute("data-time")
    for camera in ("above", "free", "follow"):
        page.select_option("#camera", camera)
    for colour in ("driver", "loss", "pedals", "steer", "gear", "speed"):
        page.select_option("#colour", colour)
        assert page.locator("#legend-keys").is_visible() is (colour in ("pedals", "steer", "gear"))
        assert ("3 of 3 runs have no gears" in page.locator("#scene-known").inner_text()) is (colour == "gear")
    page.locator("#ghosts button").nth(1).click()
    page.locator("#ghosts input").nth(0).click()
    page.locator("#scrub").focus()
    page.keyboard.press("End")
    page.wait_for_function("t => document.getElementById('view').dataset.time !== t", arg=stopped, timeout=WAIT_MS)
    assert page.locator("#clock").inner_text() != "0:00.00"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_button_changes_rows(
    sqlite: Database, address: Callable[..., str], opened: Callable[..., Any], host: str
) -> None:
    rows = Rows(sqlite)
    rows.replay(11, "failed")
    url = address("a-token", Actions(sqlite.location)).replace("127.0.0.1", host)
    page = opened(f"{url}/failures?kind=download&token=a-token")
    page.get_by_role("button", name="Try them again").click()
    page.get_by_text("download: 1 row is pending again.").wait_for(timeout=WAIT_MS)
    assert page.url.startswith(f"{url}/failures?kind=download&notice=")
    assert rows.statuses() == {11: "pending"}
    page.goto(f"{url}/replay/11")
    page.get_by_text("Skip it").click()
    page.get_by_label("Reason").fill("a joke")
    page.get_by_role("button", name="Skip", exact=True).click()
    page.get_by_text("download: 1 row skipped.").wait_for(timeout=WAIT_MS)
    assert rows.statuses() == {11: "skipped"}
