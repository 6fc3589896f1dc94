"""What an open page says when the server or its database fails, and what works again afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rows import Rows
from tests.serve.browser.conftest import WAIT_MS, on_linux
from tmxdb.db.database import Database

pytestmark = [pytest.mark.slow, on_linux]
FULL = '<main><p class="banner bad">the disk is full.</p></main>'
SAYS = "([id, text]) => document.getElementById(id).innerText.includes(text)"


def says(page: Any, element_id: str, text: str) -> None:
    """Wait until an element contains `text`."""
    page.wait_for_function(SAYS, arg=[element_id, text], timeout=WAIT_MS)


@pytest.fixture
def driven(sqlite: Database, data: Path) -> Database:
    """A track with its map and a replay."""
    rows = Rows(sqlite)
    rows.track(1, "done", name="A01")
    rows.map(1, "done", file_path="map.gbx")
    run = {"file_path": "whole.gbx", "file_bytes": 1, "sha256": "0" * 64, "checkpoints_ms": "[4170, 6110]"}
    rows.replay(10, "done", position=0, race_time_ms=6_110, **run)
    return sqlite


def test_the_overview_says_why_it_is_not_up_to_date(
    driven: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    page = opened(address() + "/", ignored=("503",))  # parts of the page may load while the database is away
    says(page, "live", "Live.")
    path = Path(driven.location)
    path.rename(path.with_suffix(".away"))
    says(page, "live", "not up to date: no database at")
    path.with_suffix(".away").rename(path)
    says(page, "live", "Live.")


def test_parts_of_pages_say_what_the_server_says(
    driven: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    url, refused = address(), ("503",)
    search = opened(url + "/tracks", ignored=refused)
    path = Path(driven.location)
    path.rename(path.with_suffix(".away"))
    search.fill("#filters [name=q]", "a01")
    says(search, "results", "no database at")
    path.with_suffix(".away").rename(path)
    search.fill("#filters [name=q]", "a0")
    says(search, "results", "A01")
    for page_path, data, note in (
        ("/replay/10", "runs.json", "charts-note"),
        ("/track/1/3d", "scene.bin", "scene-note"),
        ("/", "progress.json", "progress-note"),
    ):
        page = opened("about:blank", ignored=refused)
        page.route(f"**/{data}*", lambda route: route.fulfill(status=503, content_type="text/html", body=FULL))
        page.goto(url + page_path)
        says(page, note, "cannot be shown: the disk is full.")


def test_a_search_says_that_the_server_has_ended(
    driven: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    page = opened(address() + "/tracks", ignored=("ERR_INTERNET_DISCONNECTED",))
    page.context.set_offline(True)
    page.fill("#filters [name=q]", "a")
    says(page, "results", "the server does not answer")


def test_the_3d_view_says_that_it_loads_and_leaves_keys_of_the_browser_alone(
    driven: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    page, waiting = opened("about:blank"), []
    page.route("**/scene.bin*", lambda route: waiting.append(route))
    page.goto(address() + "/track/1/3d")
    says(page, "scene-note", "Loading")
    assert page.locator("#play").is_hidden()
    waiting[0].continue_()
    page.wait_for_selector("#view[data-state=ready]", timeout=WAIT_MS)
    assert page.inner_text("#scene-note") == ""
    page.locator("#view").focus()
    for keys, time_ms in (("ArrowRight", 1000), ("Alt+ArrowUp", 1000), ("Control+ArrowLeft", 1000), ("ArrowLeft", 0)):
        page.keyboard.press(keys)
        page.wait_for_function(f"() => document.getElementById('view').dataset.time === '{time_ms}'", timeout=WAIT_MS)
    page.keyboard.press("Control+c")
    assert page.get_attribute("#view", "data-camera") == "free"
    page.keyboard.press("Shift+C")
    assert page.get_attribute("#view", "data-camera") == "follow"


def test_a_3d_view_without_lines_shows_its_reason_instead_of_an_empty_box(
    driven: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    page = opened(address() + "/track/1/3d?replays=12")
    says(page, "scene-note", "Replay 12 is not drawn: it is not downloaded.")
    assert [page.locator(name).is_hidden() for name in ("#view", ".player", "#top")] == [True, True, False]


def test_buttons_that_need_scripts_are_hidden_without_them(
    driven: Database, address: Callable[[], str], opened: Callable[..., Any]
) -> None:
    url = address()
    for path, button in (("/replay/10", "#show-scene"), ("/sql", "#save")):
        page = opened(url + path, java_script_enabled=False)
        assert page.locator(button).is_hidden()
