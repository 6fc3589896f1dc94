"""The pages of captures: what was stored, what was missed, the contact sheet; thumbnails in the list of tracks."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.frames import captured_database
from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.db.models import CaptureRow


@pytest.fixture
def captured(rows: Rows, database: Database, tmp_path: Path) -> Database:
    """Captures 10, whole, and 20, with missed frames and another time; 21 is not done."""
    captured_database(database, tmp_path / "data", {10: 40, 20: 30})
    rows.change(CaptureRow, 20, frames_missed=4, time_matches=False, race_finished=True)
    rows.replay(21, track_id=2)
    rows.capture(21, 21, "failed", track_id=2)
    return database


def numbers(html: str) -> list[int]:
    """Return the captures that a list shows."""
    return [int(part.partition('"')[0]) for part in html.split('<td class="n"><a href="/capture/')[1:]]


@pytest.mark.parametrize(("query", "found"), [
    ("", [21, 20, 10]), ("status=done", [20, 10]), ("problem=missed", [20]), ("problem=time", [20]),
    ("problem=unfinished", []), ("after=20", [10]), ("status=failed&problem=missed", []),
])  # fmt: skip
def test_captures_are_listed(captured: Database, serve: Callable[..., Any], query: str, found: list[int]) -> None:
    html = serve(captured).get(f"/captures?{query}").text
    assert numbers(html) == found
    assert "5.4 %" in html  # 4 of 74 frames


def test_captures_follow_each_other(
    rows: Rows, database: Database, serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(database)
    monkeypatch.setattr("tmxdb.serve.pages.captures.PAGE", 2)
    for n in range(1, 6):
        rows.capture(n, n)
    shown: list[int] = []
    path = "/captures?status=pending"
    while path:
        html = client.get(path).text
        shown += numbers(html)
        path = html.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert shown == [5, 4, 3, 2, 1]


def test_a_capture_says_what_was_missed(captured: Database, tmp_path: Path, serve: Callable[..., Any]) -> None:
    folder = tmp_path / "data" / "frames" / "2" / "20"
    lines = (folder / "manifest.json").read_text("utf-8").splitlines(keepends=True)
    (folder / "manifest.json").write_text("".join(lines[:5] + lines[9:]), "utf-8")  # frames 4 to 7 are missing
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    (folder / "metadata.json").write_text(json.dumps(metadata | {"frames_late": 7, "restarts": 2}), "utf-8")
    html = serve(captured).get("/capture/20").text
    assert '<td class="n">0:00.30</td><td class="n">4</td>' in html
    for fact in (
        "Frames late</dt><dd>7",
        "Restarts</dt><dd>2",
        "Frames missed</dt><dd>4",
        "Times are equal</dt><dd>no",
    ):
        assert fact in html


def test_a_contact_sheet_is_drawn(captured: Database, serve: Callable[..., Any]) -> None:
    answer = serve(captured).get("/capture/10/sheet.png")
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (answer.headers["content-type"], picture.format, picture.width) == ("image/png", "PNG", 8 + 6 * 208)
    assert serve(captured).get("/capture/21/sheet.png").status_code == 404


@pytest.mark.parametrize("damage", ["[\n", "", "[\n{}\n]\n"])
def test_a_damaged_capture_is_named(captured: Database, tmp_path: Path, serve: Callable[..., Any], damage: str) -> None:
    (tmp_path / "data" / "frames" / "1" / "10" / "manifest.json").write_text(damage)
    client = serve(captured)
    answer = client.get("/capture/10")
    assert (answer.status_code, "cannot be shown" in answer.text, "sheet.png" in answer.text) == (200, True, False)
    assert client.get("/capture/10/sheet.png").status_code == 400


def test_tracks_have_the_pictures_of_their_maps(rows: Rows, database: Database, serve: Callable[..., Any]) -> None:
    rows.track(1)
    rows.track(2)
    client = serve(database)
    rows.map(2, "done", thumbnail_bytes=0)
    assert "<img" not in client.get("/tracks?fragment=1").text
    rows.map(1, "done", thumbnail_bytes=9)
    html = client.get("/tracks?fragment=1").text
    assert html.count("<img") == html.count('<img class="small" src="/track/1/thumbnail.jpg"') == 1
