"""Only this machine, or a browser with the token, reads the pages; nothing from outside becomes part of a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from tests import needs
from tests.serve.conftest import HOSTILE
from tmxdb.db.database import Database

PAGES = [
    "/",
    "/tracks",
    "/tracks?q=script",
    "/track/1",
    "/replay/11",
    "/replay/12?with=11",
    "/captures",
    "/capture/1",
    "/driver/7",
    "/driver?q=script",
    "/failures",
    "/nothing",
]
TOKEN = "a-token-of-this-test"


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("path", PAGES)
def test_hostile_text_stays_text(hostile_rows: Database, serve: Callable[..., Any], path: str) -> None:
    answer = serve(hostile_rows).get(path)
    assert answer.status_code == (404 if path == "/nothing" else 200), answer.text
    for tag, attributes in Tags(answer.text).found:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        assert tag != "script" or str(attributes["src"]).startswith("/static/")
        assert tag != "img" or str(attributes["src"]).startswith(("/static/", "/track/", "/capture/"))
        assert not str(attributes.get("href", "")).lower().startswith(("javascript", "data", "//"))
    assert "<style" not in answer.text
    assert "\u202e" not in answer.text
    assert "\x07" not in answer.text
    assert " 49 " not in answer.text  # the template inside the name
    if path not in ("/nothing", "/driver?q=script"):
        assert "&lt;script&gt;alert(1)" in answer.text


@pytest.mark.parametrize("word", [HOSTILE, "%00", "<b>", "{{7*7}}", "../../etc/passwd"])
def test_what_a_visitor_types_stays_text(hostile_rows: Database, serve: Callable[..., Any], word: str) -> None:
    client = serve(hostile_rows)
    for path, name in (("/tracks", "q"), ("/tracks", "selection"), ("/driver", "q"), ("/failures", "kind")):
        answer = client.get(path, params={name: word})
        assert answer.status_code in (200, 400)
        assert "<b>" not in answer.text
        assert "<script>" not in answer.text


@pytest.mark.parametrize("path", [*PAGES, "/static/style.css", "/track/1/thumbnail.jpg", "/track/x"])
def test_every_answer_has_the_headers(hostile_rows: Database, serve: Callable[..., Any], path: str) -> None:
    headers = serve(hostile_rows).get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/",
        "/static/..\\app.py", "/static/style.css%00", "/track/..%2f..%2fetc", "/track/1%00", "/track/-1", "/track/0",
        "/track/99999999999999999999", "/track/local0", "/driver/abc",
        "/replay/x", "/replay/0", "/capture/1/frames/1.jpg", "/capture/1/sheet.png", "/capture/x", "/capture/2",
        "/capture/1/frames/..%2f1.jpg", "/driver/9999999999999999999999",
    ],
)  # fmt: skip
def test_paths_lead_nowhere_else(hostile_rows: Database, serve: Callable[..., Any], path: str) -> None:
    answer = serve(hostile_rows).get(path, follow_redirects=False)
    assert answer.status_code == 404
    assert "import" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/tracks?q=" + "x" * 12_000, 414, "longer than"),
        ("/tracks?q=" + "x" * 300, 400, "more than 200 characters"),
        ("/tracks?" + "&".join(f"a{n}=1" for n in range(60)), 400, "parameters"),
        ("/tracks?min_awards=99999999999999999999", 400, "not a number"),
        ("/tracks?min_awards=-1", 400, "not a number"),
        ("/tracks?environment=mars", 400, "is not one of snow"),
        ("/tracks?uploaded_after=yesterday", 400, "not a date"),
        ("/tracks?uploaded_after=2027-02-30", 400, "not a date"),
        ("/tracks?order=1;drop", 400, "is not one of awards"),
        ("/track/1?top=1000000", 400, "not a number from 0 to 1,000"),
        ("/replay/11?with=1;2", 400, "is not an id"),
        ("/driver/7?order=x", 400, "is not one of latest"),
    ],
)
def test_huge_and_wrong_values_are_refused(
    hostile_rows: Database, serve: Callable[..., Any], path: str, status: int, sentence: str
) -> None:
    answer = serve(hostile_rows).get(path)
    assert (answer.status_code, sentence in answer.text) == (status, True), answer.text


def test_nothing_but_reading_is_possible(hostile_rows: Database, serve: Callable[..., Any]) -> None:
    client = serve(hostile_rows)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.request(method, "/tracks").status_code == 405
    assert client.head("/tracks").status_code == 200


@pytest.mark.parametrize(("name", "status"), [
    ("127.0.0.1:8421", 200), ("localhost", 200), ("[::1]:8421", 200), ("evil.example", 421),
    ("127.0.0.1.evil.example", 421), ("", 421),
])  # fmt: skip
def test_a_name_of_another_site_that_leads_here_is_refused(
    hostile_rows: Database, serve: Callable[..., Any], name: str, status: int
) -> None:
    assert serve(hostile_rows).get("/", headers={"host": name}).status_code == status


def test_another_site_cannot_read_but_link(hostile_rows: Database, serve: Callable[..., Any]) -> None:
    client = serve(hostile_rows)
    for mode, status in (("cors", 403), ("no-cors", 403), ("navigate", 200)):
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": mode}
        assert client.get("/tracks", headers=headers).status_code == status


def test_other_machines_need_the_token_once(hostile_rows: Database, serve: Callable[..., Any]) -> None:
    client = serve(hostile_rows, token=TOKEN, base_url="http://mirror.example")
    for path in ("/", "/static/style.css", "/tracks?token=", "/tracks?token=wrong", "/?token=%C3%A9"):
        assert client.get(path).status_code == 401
    answer = client.get(f"/tracks?order=name&token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/tracks?order=name")
    assert re.search(r"tmxdb_token=.*HttpOnly.*SameSite=strict", answer.headers["set-cookie"], re.I)
    assert client.get("/tracks").status_code == 200
    assert TOKEN not in client.get("/tracks").text


@pytest.mark.parametrize("other", ['a={"b":1}', "version=3", "x", "x=a b", "=; ;"])
def test_cookies_of_other_programs_do_not_hide_ours(
    hostile_rows: Database, serve: Callable[..., Any], other: str
) -> None:
    client = serve(hostile_rows, token=TOKEN, base_url="http://mirror.example")
    name, _, value = client.get(f"/?token={TOKEN}", follow_redirects=False).headers["set-cookie"].partition("=")
    client.cookies.clear()
    assert client.get("/tracks", headers={"cookie": f"{other}; {name}={value.partition(';')[0]}"}).status_code == 200


def test_two_servers_on_one_machine_do_not_take_the_cookie_of_each_other(
    hostile_rows: Database, serve: Callable[..., Any]
) -> None:
    first = serve(hostile_rows, token=TOKEN, base_url="http://127.0.0.1:8421")
    second = serve(hostile_rows, token="another-token", base_url="http://127.0.0.1:8422")
    first.get(f"/?token={TOKEN}")
    second.cookies.update(first.cookies)  # as in a browser, whose cookies are for all ports
    second.get("/?token=another-token")
    first.cookies.update(second.cookies)
    assert [client.get("/tracks").status_code for client in (first, second)] == [200, 200]


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "///evil.example"])
def test_the_token_leads_to_no_other_machine(hostile_rows: Database, serve: Callable[..., Any], path: str) -> None:
    client = serve(hostile_rows, token=TOKEN, base_url="http://mirror.example")
    answer = client.get(f"http://mirror.example{path}?token={TOKEN}", follow_redirects=False)
    assert answer.headers["location"].startswith("/")
    assert not answer.headers["location"].startswith(("//", "/\\"))


@pytest.mark.parametrize(("host", "is_local"), [
    ("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.8.8", True), ("0.0.0.0", False), ("::", False),
    ("192.168.1.5", False), ("localhost.example", False), ("", False),
])  # fmt: skip
def test_only_loopback_needs_no_token(host: str, is_local: bool) -> None:
    needs.module("uvicorn")
    from tmxdb.serve.server import new_token

    assert (new_token(host) is None) is is_local
