"""The SQL page selects and does nothing else, whatever it gets, within its limits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from tests import needs
from tests.reports.test_query import CHANGES, ENDLESS
from tests.rows import Rows
from tests.serve.conftest import HOSTILE
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader
from tmxdb.reports.query import run_query

needs.module("starlette")
answer: Any = needs.module("tmxdb.serve.sql.answer")


@pytest.fixture
def ask(database: Database, rows: Rows, serve: Callable[..., Any]) -> Callable[..., Any]:
    """A function that sends SQL to the page of a database with one track."""
    rows.track(1, name="A01", awards=3)
    client = serve(database)
    return lambda sql, path="/sql", headers=None, **more: client.get(
        path, params={"q": sql, **more}, headers=headers or {}
    )


def test_rows_are_shown_and_sent_as_csv(ask: Callable[..., Any]) -> None:
    html = ask("select track_id, name, null as empty from tracks").text
    for part in ("<bdi>A01</bdi>", "1 row in", "null", '<th class="n"><bdi>track_id</bdi></th>', "/sql.csv?q=select"):
        assert part in html
    csv = ask("select track_id, name, null as empty from tracks", "/sql.csv")
    assert csv.content == b"track_id,name,empty\n1,A01,\n"
    assert csv.headers["content-disposition"] == 'attachment; filename="query.csv"'


def test_parameters_become_fields(ask: Callable[..., Any]) -> None:
    sql = "select name from tracks where track_id = :id"
    assert 'name="p_id"' in ask(sql).text
    assert "Give a value" in ask(sql).text
    assert "<bdi>A01</bdi>" in ask(sql, p_id="1").text
    assert "<bdi>A01</bdi>" not in ask(sql, p_id="1 or 1=1").text


def test_the_questions_of_the_cookbook_are_links_that_work(ask: Callable[..., Any]) -> None:
    from tmxdb.reports.cookbook import cookbook_queries

    queries = cookbook_queries()
    assert len(queries) == 20
    html = ask("").text
    for one in queries:
        assert f'href="/sql?q={quote(one.sql)}"' in html
        assert ask(one.sql).status_code == 200, one.question


@pytest.mark.parametrize("sql", [*CHANGES, "pragma query_only = off", "pragma writable_schema = 1", "attach 'x' as y",
                                 "select load_extension('x')", "rollback", "begin", "nonsense", "select"])  # fmt: skip
def test_nothing_can_be_changed(ask: Callable[..., Any], rows: Rows, sql: str) -> None:
    for path in ("/sql", "/sql.csv"):
        answered = ask(sql, path)
        assert answered.status_code == 400, answered.text
        assert "Traceback" not in answered.text
    assert rows.sql("select track_id, name from tracks") == [(1, "A01")]
    assert "<bdi>A01</bdi>" in ask("select name from tracks").text


def test_a_statement_that_takes_too_long_is_ended(ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "SHOWN_S", 0.1)
    monkeypatch.setattr(answer, "CSV_S", 0.1)
    assert "cancelled after 0.1 s" in ask(ENDLESS).text
    assert ask(ENDLESS, "/sql.csv").status_code == 400


def test_rows_that_come_slowly_are_cut_at_the_limit(ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL the limit of a statement is one of each hundred rows that are fetched."""
    monkeypatch.setattr(answer, "SHOWN_S", 0)
    monkeypatch.setattr("tmxdb.serve.sql.answer.SqlRunner._run", unlimited)
    html = ask("select 1 as n union all select 2").text
    assert "0 rows in" in html or "The first 0 rows" in html


@contextmanager
def unlimited(runner: Any, sql: str, parameters: Any, seconds: float) -> Iterator[Any]:
    with closing(Reader(runner._location)) as reader, run_query(reader, sql, parameters) as result:
        yield result


def test_a_pattern_is_limited(sqlite: Database, serve: Callable[..., Any]) -> None:
    """One comparison of SQLite cannot be interrupted."""
    client = serve(sqlite)
    for length, status in ((900, 200), (2000, 400)):
        sql = f"select 'x' like '{'%a' * (length // 2)}'"
        assert client.get("/sql", params={"q": sql}).status_code == status


def test_rows_are_limited(ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) select i from n"
    html = ask(many).text
    assert html.count("<tr>") == 1001
    assert "The first 1,000 rows" in html
    monkeypatch.setattr(answer, "MAX_CSV_ROWS", 1500)
    csv = ask(many, "/sql.csv")
    assert (csv.content.count(b"\n"), "query-first-1500-rows.csv" in csv.headers["content-disposition"]) == (1501, True)
    wide = f"with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000) select {'i,' * 99}i from n"
    assert ask(wide).text.count("<tr>") == 301


def test_values_are_limited(sqlite: Database, serve: Callable[..., Any]) -> None:
    client = serve(sqlite)
    for sql in (
        "select zeroblob(2000000)", "select hex(zeroblob(900000))",
        "select replace(hex(zeroblob(100000)), '0', 'many zeros')",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000)"
        " select group_concat(i) from n",
    ):  # fmt: skip
        assert "too big" in client.get("/sql", params={"q": sql}).text, sql
    shown = client.get("/sql", params={"q": "select hex(zeroblob(1000)) as x, zeroblob(1000) as y"}).text
    assert len(shown.partition('id="result"')[2].partition("</table>")[0]) < 2000


def test_names_and_values_stay_text(ask: Callable[..., Any], rows: Rows) -> None:
    rows.track(2, name=HOSTILE, uploader_name="=1+1")
    html = ask("select name, '<i>' as \"<b>\" from tracks order by 1").text
    assert "<script>alert" not in html
    assert "<b>" not in html
    assert "\u202e" not in html
    assert ask("select uploader_name from tracks where track_id = 2", "/sql.csv").content.endswith(b"'=1+1\n")
    assert "<script>" not in ask(HOSTILE).text


@pytest.mark.parametrize(("site", "runs"), [("none", True), ("same-origin", True), ("same-site", False),
                                            ("cross-site", False)])  # fmt: skip
def test_another_site_cannot_run_sql(ask: Callable[..., Any], site: str, runs: bool) -> None:
    headers = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    page = ask("select name from tracks", headers=headers)
    assert (page.status_code, "<bdi>A01</bdi>" in page.text) == (200, runs)
    assert ask("select name from tracks", "/sql.csv", headers).status_code == (200 if runs else 400)


def test_at_most_two_statements_run_at_once(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from tmxdb.errors import DatabaseError

    monkeypatch.setattr(answer, "WAIT_S", 0.01)
    runner = answer.SqlRunner(sqlite.location)
    inside, leave = threading.Barrier(3), threading.Event()

    def hold() -> None:
        with runner._run("select 1", {}, 60):
            inside.wait(30)
            leave.wait(30)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(30)
    with pytest.raises(DatabaseError, match="two other statements"):
        runner.shown("select 1", {})
    leave.set()
    for thread in threads:
        thread.join()
    assert runner.shown("select 1", {}).rows[0][0].text == "1"


def test_too_long_a_statement_is_refused(ask: Callable[..., Any]) -> None:
    assert ask("select " + "1" * 3600).status_code == 400
    assert ask("select '" + "x" * 12_000 + "'").status_code == 414
    assert ask("select '" + "," * 3400 + "'").status_code == 200  # three bytes each in the address
