"""Pages whose files are missing or cannot be read: each says so, and none blames the request or fails as a bug."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.frames import captured_database, jpeg
from tests.gbx.made import a_challenge
from tests.names import name_not_utf8
from tests.permissions import bound_by_permissions
from tests.rows import Rows
from tmxdb.db.database import Database

DENIED = PermissionError(errno.EACCES, "Permission denied")
CLOSED = "cannot be read (Permission denied). Check the permissions."


@pytest.fixture
def pictured(rows: Rows, database: Database, tmp_path: Path) -> Database:
    """A track whose map has a picture."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "map.gbx").write_bytes(a_challenge(thumbnail=jpeg(0)))
    rows.track(1, "done")
    rows.map(1, "done", file_path="map.gbx", thumbnail_bytes=len(jpeg(0)))
    return database


def test_the_picture_of_a_map_is_shown(pictured: Database, serve: Callable[..., Any]) -> None:
    client = serve(pictured)
    assert 'src="/track/1/thumbnail.jpg"' in client.get("/track/1").text
    assert client.get("/track/1/thumbnail.jpg").headers["content-type"] == "image/jpeg"


def test_a_map_that_cannot_be_read_has_no_picture_and_a_reason(
    pictured: Database, serve: Callable[..., Any], unreadable: Callable[..., Any]
) -> None:
    client = serve(pictured)
    with unreadable("map.gbx", DENIED):
        page, picture = client.get("/track/1"), client.get("/track/1/thumbnail.jpg")
    assert (page.status_code, "thumbnail.jpg" in page.text, CLOSED in page.text) == (200, False, True)
    assert (picture.status_code, CLOSED in picture.text) == (500, True)


def test_a_map_that_is_missing_has_no_picture_and_a_reason(
    pictured: Database, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    (tmp_path / "data" / "map.gbx").unlink()
    client = serve(pictured)
    assert "The picture of the map cannot be shown: <bdi>map.gbx is missing." in client.get("/track/1").text
    assert client.get("/track/1/thumbnail.jpg").status_code == 404


@pytest.mark.parametrize("name", ["manifest.json", "metadata.json", ".jpeg"])
def test_a_capture_that_cannot_be_read_has_a_reason(
    sqlite: Database, tmp_path: Path, serve: Callable[..., Any], name: str
) -> None:
    captured_database(sqlite, tmp_path / "data", {10: 3})
    for file in (tmp_path / "data").rglob(f"*{name}"):
        file.chmod(0)
    with bound_by_permissions():
        client = serve(sqlite)
        pages = [client.get(path) for path in ("/capture/10", "/replay/10")]
        pictures = [client.get(f"/capture/10/{path}") for path in ("sheet.png", "frames/1.jpg")]
    assert [page.status_code for page in pages] == [200, 200]
    assert name == ".jpeg" or CLOSED in pages[0].text
    if name != "metadata.json":  # no picture needs it
        assert [picture.status_code for picture in pictures] == [500, 500]
        assert all(CLOSED in picture.text for picture in pictures)


def test_a_folder_that_cannot_be_entered_is_not_called_missing(
    sqlite: Database, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    captured_database(sqlite, tmp_path / "data", {10: 3})
    folder = tmp_path / "data" / "frames" / "1"
    folder.chmod(0)
    try:
        with bound_by_permissions():
            page = serve(sqlite).get("/capture/10")
    finally:
        folder.chmod(0o755)
    assert (page.status_code, CLOSED in page.text) == (200, True)


def test_the_overview_shows_a_data_folder_whose_name_is_not_utf8(sqlite: Database, tmp_path: Path) -> None:
    pytest.importorskip("starlette")
    from starlette.testclient import TestClient

    from tmxdb.serve.app import create_app
    from tmxdb.serve.mirror import ServedMirror
    from tmxdb.storage import Storage

    app = create_app(ServedMirror(sqlite.location, Storage(tmp_path / name_not_utf8(tmp_path))))
    with TestClient(app, "http://127.0.0.1:8421") as client:
        assert client.get("/").status_code == 200
