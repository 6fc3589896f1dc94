"""What the pages show, on both engines."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests import needs
from tests.rows import NOW, Rows
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database


@pytest.fixture
def many(database: Database, rows: Rows) -> Database:
    """120 tracks: more awards, an older upload and a longer time with each id."""
    for n in range(1, 121):
        rows.track(
            n, name=f"$f00Track{n:03d} Élan", uploader_name="Zoë", awards=n, environment=7 if n % 2 else 1,
            author_time_ms=1000 * n, uploaded_at=iso(NOW - n * 86_400_000), tags="[5]" if n == 3 else "[]",
        )  # fmt: skip
    rows.select("best", 5, 4, 3)
    return database


def ids(html: str) -> list[int]:
    """Return the tracks of a page in its order."""
    return [int(part.partition('"')[0]) for part in html.split('<td class="name">\n<a href="/track/')[1:]] or [
        int(part.partition('"')[0]) for part in html.split('href="/track/')[1:]
    ]


@pytest.mark.parametrize(("order", "first"), [("awards", 120), ("newest", 1), ("name", 1), ("author_time", 1)])
def test_pages_of_tracks_follow_each_other(many: Database, serve: Callable[..., Any], order: str, first: int) -> None:
    client = serve(many)
    shown: list[int] = []
    path = f"/tracks?order={order}"
    while path:
        html = client.get(path).text
        shown += ids(html)
        path = html.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert len(shown) == 120
    assert shown == sorted(shown, reverse=first == 120)


@pytest.mark.parametrize(("query", "found"), [
    ("q=track003", [3]), ("q=ELAN+003", [3]), ("q=zoe+track11&order=name", list(range(110, 120))), ("q=f00", []),
    ("q=7", [n for n in range(120, 0, -1) if "7" in str(n)]),
    ("tag=fullspeed", [3]), ("selection=best", [5, 4, 3]), ("selection=best&q=004", [4]), ("selection=none", []),
    ("environment=snow&min_awards=117", [120, 118]), ("author_time_max=2000&order=author_time", [1, 2]),
    ("uploaded_after=2027-01-13", [2, 1]), ("replays=with", []),
    ("q=track00&environment=snow&order=newest", [2, 4, 6, 8]),
])  # fmt: skip
def test_tracks_are_found(many: Database, serve: Callable[..., Any], query: str, found: list[int]) -> None:
    assert ids(serve(many).get(f"/tracks?{query}&fragment=1").text) == found


def test_a_local_track_with_replays_is_one_with_replays(
    rows: Rows, database: Database, serve: Callable[..., Any]
) -> None:
    rows.track(1, wr_replay_id=11)
    rows.track(2)
    rows.track(-1, "done", listed_count=1)
    rows.track(-2, "done", listed_count=0)
    client = serve(database)
    for choice, expected in (("with", {"/track/1", "/track/local1"}), ("without", {"/track/2", "/track/local2"})):
        html = client.get(f"/tracks?replays={choice}&fragment=1").text
        assert set(re.findall(r'href="(/track/\w+)"', html)) == expected


def test_a_filter_in_upper_case_is_shown_as_chosen(many: Database, serve: Callable[..., Any]) -> None:
    html = serve(many).get("/tracks?environment=SNOW").text
    assert '<option value="snow" selected>' in html
    assert ids(html)[0] == 120


def test_a_search_page_by_page(many: Database, serve: Callable[..., Any]) -> None:
    client = serve(many)
    first = client.get("/tracks?q=track&order=newest").text
    following = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert (ids(first), ids(client.get(following).text)) == (list(range(1, 51)), list(range(51, 101)))


def test_a_track_has_medals_leaderboard_and_gaps(rows: Rows, database: Database, serve: Callable[..., Any]) -> None:
    rows.track(1, "done", name="A01", author_time_ms=30_000, gold_ms=32_000, awards=3, tags="[5]", environment=7)
    rows.replay(11, "done", position=0, site_time_ms=31_000, user_id=7, user_name="Ann", device="keyboard")
    rows.replay(12, "failed", position=1, site_time_ms=31_250, user_id=8, user_name="Bob")
    html = serve(database).get("/track/1").text
    for part in ("A01", "0:30.00", "0:32.00", "0:31.00", "+0.25", "keyboard", 'href="/driver/7"', "fullspeed"):
        assert part in html
    assert "0:31.25" not in serve(database).get("/track/1?top=1").text


def test_a_driver_and_the_failures(rows: Rows, database: Database, serve: Callable[..., Any]) -> None:
    rows.track(1, name="A01")
    rows.replay(11, "done", position=0, site_time_ms=31_000, user_id=7, user_name="Ann")
    rows.replay(12, "failed", position=1, site_time_ms=31_250, user_id=8, user_name="Bob")
    client = serve(database)
    assert "A01" in client.get("/driver/7").text
    assert client.get("/driver?q=ann", follow_redirects=False).headers["location"] == "/driver/7"
    assert "has no driver" in client.get("/driver?q=carl").text
    assert "has no driver" in client.get("/driver?q=99999999999999999999").text
    assert client.get("/driver/9").status_code == 404
    assert "tmxdb retry --kind download --code gbx.lzo" in client.get("/failures").text
    assert "tmxdb retry" not in client.get("/failures?kind=list").text


def test_the_overview_has_counts_and_sends_what_changes(
    rows: Rows, database: Database, serve: Callable[..., Any]
) -> None:
    rows.replays(*range(1, 12), status="done")
    client = serve(database)
    assert "11 replays" in client.get("/").text
    from tmxdb.serve.pages.overview import changes

    async def first(n: int) -> list[str]:
        texts = iter(["<p>\n1</p>", "<p>\n1</p>", "<p>2</p>"])
        return [event async for event, _ in zip_async(changes(lambda: next(texts), 0), n)]

    async def zip_async(events: Any, n: int) -> Any:
        for number in range(n):
            yield await anext(events), number

    assert asyncio.run(first(2)) == ["data: <p>\ndata: 1</p>\n\n", "data: <p>2</p>\n\n"]


def test_a_stream_of_events_says_what_is_wrong_and_goes_on() -> None:
    needs.module("starlette")
    from tmxdb.errors import DatabaseError
    from tmxdb.serve.pages.overview import changes

    answers = iter(["1", DatabaseError("x.db is\nlocked"), DatabaseError("x.db is\nlocked"), "1"])

    def read() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def all_events() -> list[str]:
        events = changes(read, 0)
        return [await anext(events) for _ in range(3)]

    problem = "event: problem\ndata: x.db is\ndata: locked\n\n"
    assert asyncio.run(all_events()) == ["data: 1\n\n", problem, "data: 1\n\n"]


def test_the_counts_over_time_end_with_those_of_now(rows: Rows, database: Database, serve: Callable[..., Any]) -> None:
    rows.replays(1, 2, 3, status="done")
    rows.write(
        "INSERT INTO past_progress (at, kind, done, failed, skipped, open, bytes)"
        f" VALUES ('{iso(wall_clock() - 90_000)}', 'download', 1, 0, 0, 2, 100)"
    )
    client = serve(database)
    found = client.get("/progress.json?span=week").json()
    assert found["kinds"]["download"]["done"] == [1, 3]
    assert found["kinds"]["download"]["open"] == [2, 0]
    assert (len(found["x"]), found["bytes"]) == (2, [100, 3])
    assert client.get("/progress.json?span=year").status_code == 400


def test_the_overview_lists_the_latest_records(rows: Rows, database: Database, serve: Callable[..., Any]) -> None:
    rows.track(1, "done", name="A01")
    rows.replay(11, position=1, site_time_ms=31_250, user_id=8, user_name="Bob")
    rows.replay(12, position=0, position_since=iso(NOW), site_time_ms=31_000, user_id=7, user_name="Ann")
    rows.write(
        "INSERT INTO past_positions (track_id, replay_id, position, from_at, last_seen_at, until_at)"
        f" VALUES (1, 11, 0, '{iso(NOW - 9)}', '{iso(NOW - 9)}', '{iso(NOW)}')"
    )
    html = serve(database).get("/").text
    for part in ("Latest records", "A01", "Ann", "0:31.00", "0.25", "Bob"):
        assert part in html


def test_an_empty_database_has_pages(database: Database, serve: Callable[..., Any]) -> None:
    client = serve(database)
    for path, text in (("/", "No worker is running"), ("/tracks", "No track matches"), ("/failures", "No row")):
        assert text in client.get(path).text


def test_static_files_are_kept_by_browsers(database: Database, serve: Callable[..., Any]) -> None:
    client = serve(database)
    link = client.get("/").text.partition('stylesheet" href="')[2].partition('"')[0]
    answer = client.get(link)
    assert (answer.headers["content-encoding"], "immutable" in answer.headers["cache-control"]) == ("gzip", True)
    assert client.get(link, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert "content-encoding" not in client.get(link, headers={"accept-encoding": "identity"}).headers


def test_the_index_is_built_again_when_it_is_old(rows: Rows, database: Database) -> None:
    needs.module("starlette")
    from tmxdb.serve.mirror import ReaderPool
    from tmxdb.serve.track_index import KeptTrackIndex

    rows.track(1, name="first")
    now_s = [0.0]
    pool = ReaderPool(database.location)
    kept = KeptTrackIndex(pool.reader, steady=lambda: now_s[0], max_age_s=60)
    assert len(kept.get()) == 1
    rows.track(2, name="second")
    assert len(kept.get()) == 1
    now_s[0] = 61.0
    kept.get()  # starts building
    with kept._lock:  # waits for the end
        assert len(kept.get()) == 2
    pool.close()


def test_a_database_that_is_too_busy_says_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    needs.module("starlette")
    from tmxdb.errors import DatabaseError
    from tmxdb.serve import mirror

    monkeypatch.setattr(mirror, "WAIT_S", 0.01)
    pool = mirror.ReaderPool(database.location, size=1)
    with pool.reader(), pytest.raises(DatabaseError, match="too many requests"), pool.reader():
        pass
    pool.close()
