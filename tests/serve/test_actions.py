"""Forms that change rows: what they do, and that only pages of this server can send them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests import needs
from tests.rows import NOW, Rows
from tests.serve.conftest import HOSTILE
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayRow, TrackRow
from tmxdb.upkeep.actions import Actions

TOKEN = "a-token-of-this-test"
HERE = {"origin": "http://127.0.0.1:8421", "sec-fetch-site": "same-origin"}


@pytest.fixture
def client(database: Database, rows: Rows, serve: Callable[..., Any]) -> Any:
    """A browser with the token, on a server that allows actions."""
    needs.module("starlette")
    rows.track(1, "done", name="A01")
    rows.replay(11, "failed", position=0, user_name="Ann")
    rows.replay(12, "skipped", position=1)
    rows.replay(13, "pending", position=2)
    found = serve(database, token=TOKEN, actions=Actions(database.location, lambda: NOW))
    found.get(f"/?token={TOKEN}")
    return found


def word(client: Any) -> str:
    """Return the word in the forms of the overview."""
    match = re.search(r'name="csrf" value="([0-9a-f]{64})"', client.get("/").text)
    assert match is not None
    return match[1]


def send(client: Any, action: str, headers: dict[str, str] | None = None, **fields: str) -> Any:
    fields = {"csrf": word(client), "back": "/failures?kind=download", **fields}
    return client.post(f"/actions/{action}", data=fields, headers=HERE if headers is None else headers)


def test_rows_are_tried_again(client: Any, rows: Rows) -> None:
    answer = send(client, "retry", kind="download", code="gbx.lzo", status="failed")
    assert answer.url.path == "/failures"
    assert answer.url.params["kind"] == "download"
    assert "download: 1 row is pending again." in answer.text
    assert rows.statuses() == {11: "pending", 12: "skipped", 13: "pending"}
    assert "0 rows are pending" in send(client, "retry", kind="download", id="13", status="failed").text


def test_rows_are_skipped_with_a_reason(client: Any, rows: Rows) -> None:
    assert "1 row skipped" in send(client, "skip", kind="download", id="13", reason=f"$f00{HOSTILE}").text
    row = rows.one(ReplayRow, 13)
    assert (row["status"], row["error_code"], "script" in row["error"]) == ("skipped", "user.skipped", True)
    assert "<script>alert" not in client.get("/replay/13").text
    assert send(client, "skip", kind="download", id="11", reason=" ").status_code == 400


def test_a_leaderboard_is_listed_again(client: Any, rows: Rows) -> None:
    assert "List the leaderboard again" in client.get("/track/1").text
    assert "will be listed again" in send(client, "refresh", track="1", back="/track/1").text
    assert rows.one(TrackRow, 1)["status"] == "pending"
    assert "List the leaderboard again" not in client.get("/track/1").text
    assert "is already waiting to be listed" in send(client, "refresh", track="1", back="/track/1").text
    assert send(client, "refresh", track="local1").status_code == 400


def test_kinds_are_paused_and_resumed(client: Any, rows: Rows) -> None:
    assert (
        "download is paused for" in send(client, "pause", kind="download", minutes="60", reason="line", back="/").text
    )
    assert [row[0] for row in rows.sql("select kind from pauses")] == ["download"]
    assert "All kinds are paused until it is resumed." in send(client, "pause", kind="all", minutes="", reason="").text
    assert "But every kind is paused" in send(client, "resume", kind="download").text
    assert "is lifted" in send(client, "resume", kind="all").text
    assert rows.sql("select kind from pauses") == []


@pytest.mark.parametrize("headers", [
    {}, {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:3000"},
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "none"},
    HERE | {"origin": "https://127.0.0.1:8421"}, HERE | {"sec-fetch-site": "same-site"},
])  # fmt: skip
def test_no_other_page_can_send_a_form(client: Any, rows: Rows, headers: dict[str, str]) -> None:
    assert send(client, "retry", headers, kind="download", code="gbx.lzo", status="failed").status_code == 403
    assert rows.statuses()[11] == "failed"


@pytest.mark.parametrize("wrong", ["", "0" * 64, TOKEN, "é"])
def test_a_form_without_the_word_is_refused(client: Any, rows: Rows, wrong: str) -> None:
    answer = send(client, "retry", csrf=wrong, kind="download", code="gbx.lzo", status="failed")
    assert (answer.status_code, rows.statuses()[11]) == (400, "failed")


def test_a_form_without_the_token_is_refused(client: Any, rows: Rows) -> None:
    fields = {"csrf": word(client), "kind": "download", "code": "gbx.lzo", "status": "failed", "token": TOKEN}
    client.cookies.clear()
    assert client.post("/actions/retry", data=fields, headers=HERE).status_code == 401
    assert client.post(f"/actions/retry?token={TOKEN}", data=fields, headers=HERE).status_code == 401
    assert rows.statuses()[11] == "failed"


@pytest.mark.parametrize(("action", "fields"), [
    ("retry", {"kind": "download", "status": "failed"}), ("retry", {"kind": "download", "status": "done", "id": "11"}),
    ("retry", {"kind": "x", "status": "failed", "id": "11"}), ("skip", {"kind": "download", "reason": "x"}),
    ("skip", {"kind": "download", "reason": "x", "id": "1 or 1=1"}), ("pause", {"kind": "x"}), ("pause", {}),
    ("pause", {"kind": "all", "minutes": "-1"}), ("pause", {"kind": "all", "minutes": "9" * 10}), ("refresh", {}),
    ("refresh", {"track": "0"}), ("retry", {"kind": "download", "status": "failed", "id": "11", "x": "y" * 5000}),
])  # fmt: skip
def test_wrong_fields_change_nothing(client: Any, rows: Rows, action: str, fields: dict[str, str]) -> None:
    assert send(client, action, **fields).status_code == 400
    assert rows.statuses() == {11: "failed", 12: "skipped", 13: "pending"}
    assert rows.sql("select kind from pauses") == []


def test_other_methods_paths_and_types_are_refused(client: Any) -> None:
    fields = {"csrf": word(client), "kind": "all"}
    answer = client.get("/actions/pause")
    assert (answer.status_code, "only for forms" in answer.text) == (405, True)
    assert client.post("/tracks", data=fields, headers=HERE).status_code == 405
    assert client.put("/actions/pause", data=fields, headers=HERE).status_code == 405
    assert client.post("/actions/drop", data=fields, headers=HERE).status_code == 404
    assert client.post("/actions/pause", json=fields, headers=HERE).status_code == 400


@pytest.mark.parametrize("back", ["//evil.example/", "/\\evil.example", "http://evil.example", "javascript:alert(1)",
                                  "/x\r\nset-cookie: a=b", ""])  # fmt: skip
def test_a_form_leads_to_no_other_server(client: Any, back: str) -> None:
    fields = {"csrf": word(client), "kind": "all", "back": back}
    answer = client.post("/actions/resume", data=fields, headers=HERE, follow_redirects=False)
    assert re.fullmatch(r"/\?notice=[\w-]+", answer.headers["location"])


@pytest.mark.parametrize("token", [None, TOKEN])
def test_nothing_can_be_changed_unless_it_is_allowed(
    database: Database, rows: Rows, serve: Callable[..., Any], token: str | None
) -> None:
    rows.track(1, "done")
    rows.replay(11, "failed")
    client = serve(database, token=token)
    client.get(f"/?token={token}")
    for path in ("/", "/failures", "/replay/11", "/track/1"):
        html = client.get(path).text
        assert 'method="post"' not in html
        assert "these pages only read" in html
    assert client.post("/actions/pause", data={"kind": "all"}, headers=HERE).status_code == 405


def test_actions_need_a_token(database: Database, serve: Callable[..., Any]) -> None:
    client = serve(database, actions=Actions(database.location))
    assert 'method="post"' not in client.get("/").text
    assert client.post("/actions/pause", data={"kind": "all"}, headers=HERE).status_code == 405


def test_the_failures_are_read_again_after_a_change(client: Any, rows: Rows) -> None:
    assert "gbx.lzo" in client.get("/failures").text
    rows.change(ReplayRow, 11, error_code="tmx.gone")
    send(client, "resume", kind="all", back="/failures")
    assert "gbx.lzo" not in client.get("/failures").text
