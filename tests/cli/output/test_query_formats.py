"""`tmxdb query`: formats, files, parameters, and tables that fit the terminal. `tmxdb schema`."""

from __future__ import annotations

import json

import pytest

from tests.tool import Tool
from tmxdb.cli.formats.table import table_lines
from tmxdb.cli.formats.text import width_of
from tmxdb.db.database import Database
from tmxdb.db.models import Base
from tmxdb.db.models.views import VIEWS

ODD = "select 'a|b' || char(9) || char(10) as text, null as empty, 1.5 as number"
WRITTEN = {
    "csv": 'text,empty,number\n"a|b\t\n",,1.5\n',
    "tsv": "text\tempty\tnumber\na|b\\t\\n\t\t1.5\n",
    "json": '[\n  {"text": "a|b\\t\\n", "empty": null, "number": 1.5}\n]\n',
    "jsonl": '{"text": "a|b\\t\\n", "empty": null, "number": 1.5}\n',
    "markdown": "| text | empty | number |\n| --- | --- | --- |\n| a\\|b\\t\\n |  | 1.5 |\n",
    "vertical": "-- row 1 --\ntext    a|b\\t\\n\nempty\nnumber  1.5\n",
    "table": "text     empty  number\n-------  -----  ------\na|b\\t\\n            1.5\n",
}


@pytest.mark.parametrize("form", WRITTEN)
def test_each_format_writes_the_same_row_in_its_way(done: Tool, form: str) -> None:
    assert done("query", "--format", form, ODD).out == WRITTEN[form]


@pytest.mark.parametrize(
    ("name", "form"), [("a.md", "markdown"), ("a.jsonl", "jsonl"), ("a.TSV", "tsv"), ("a.txt", "csv"), ("a", "csv")]
)
def test_the_name_of_the_file_decides_its_format(done: Tool, name: str, form: str) -> None:
    done("query", "--out", name, ODD)
    assert (done.folder / name).read_text("utf-8") == WRITTEN[form]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--out", "a.xlsx"), "--out a.xlsx: `query` does not write this format"),
        (("--out", "a.parquet"), "--out a.parquet: `query` does not write this format"),
        (("--out", "a.csv", "--json"), "a.csv: --format json writes json, and the name says .csv"),
        (("--out", "a.jsonl", "--spreadsheet"), "a.jsonl: --format csv writes csv, and the name says .jsonl"),
        (("-p", "a=1", "-p", "a=2"), "-p a is given twice"),
    ],
)
def test_options_that_do_not_agree_are_wrong_usage(done: Tool, words: tuple[str, ...], told: str) -> None:
    assert told in done("query", *words, ODD, ends=2).error
    assert not list(done.folder.glob("a.*"))


def test_a_chosen_format_may_have_any_other_name(done: Tool) -> None:
    done("query", "--out", "a.txt", "--json", ODD)
    assert (done.folder / "a.txt").read_text("utf-8") == WRITTEN["json"]


def test_out_may_be_stdout(done: Tool) -> None:
    assert done("query", "--out", "-", "--csv", ODD).out == WRITTEN["csv"]
    assert not (done.folder / "-").exists()


def test_a_query_comes_from_a_file_with_its_parameters(done: Tool) -> None:
    (done.folder / "of_track.sql").write_text("-- one track\nselect track_id from tracks where track_id = :id;\n")
    track_id = done.one("select min(track_id) from tracks")
    assert done("query", "of_track.sql", "-p", f"id={track_id}", "--json").json == [{"track_id": track_id}]
    assert "missing.sql" in done("query", "missing.sql", ends=2).error
    assert "-p id=VALUE" in done("query", "of_track.sql", ends=1).error
    assert "NAME=VALUE" in done("query", "select 1", "-p", "id", ends=2).error


def test_columns_with_the_same_name_are_all_in_the_json(done: Tool) -> None:
    assert done("query", "--json", "select 1 as a, 2 as a").json == [{"a": 1, "a_2": 2}]
    assert done("query", "--json", "select 1 as a, 2 as a_2, 3 as a").json == [{"a": 1, "a_2": 2, "a_3": 3}]


def test_an_infinite_number_is_null_in_json(done: Tool) -> None:
    for form in ("json", "jsonl"):
        written = done("query", "--format", form, "select 9e999 as a, -9e999 as b, 1.5 as c").out
        assert json.loads(written.strip("[] \n")) == {"a": None, "b": None, "c": 1.5}


def test_the_schema_lists_every_table_and_view_with_its_columns(tool: Tool) -> None:
    found = {one["name"]: one for one in tool("schema", "--json").json}
    assert set(found) == {*Base.metadata.tables, *VIEWS}
    for name, table in Base.metadata.tables.items():
        assert {column["name"] for column in found[name]["columns"]} == {column.name for column in table.columns}
    out = tool("schema", "leaderboard").out
    assert "gap_ms" in out
    assert "Did you mean 'leaderboard'?" in tool("schema", "leaderbord", ends=1).error


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_of_a_table_is_wider_than_the_terminal(width: int) -> None:
    row = (2233, "A01-Race 漢字 " + "x" * 80, "replays/2233/3236_Tuxrafa366_34650ms.Replay.Gbx", 34650, None)
    columns = ("track_id", "name", "file_path", "time_ms", "error_code")
    lines = list(table_lines(columns, [row, row], width))
    assert max(map(width_of, lines)) <= width
    text = "\n".join(lines)
    assert "2233" in text
    assert "34650" in text
    assert "…" in text or width == 200


def test_a_table_that_cannot_fit_shows_each_row_as_a_block() -> None:
    columns = [f"column_{i}" for i in range(30)]
    lines = list(table_lines(columns, [list(range(30))], 80))
    assert lines[:2] == ["-- row 1 --", "column_0   0"]
    assert len(lines) == 31


def test_without_a_terminal_nothing_is_cut() -> None:
    assert list(table_lines(["name"], [["x" * 150]]))[2] == "x" * 150


def test_sql_files_are_looked_for_only_where_the_argument_is_a_file_name(done: Tool) -> None:
    assert done("query", "--csv", "select 'report.sql' as a, 'x.sql'").out.splitlines()[0] == "a,'x.sql'"


@pytest.mark.parametrize(("n", "said"), [(1000, "1,000 rows"), (1001, "The first 1,000 rows; --csv")])
def test_a_table_that_is_cut_says_so(database: Database, tool: Tool, n: int, said: str) -> None:
    sql = f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {n}) select i from n"
    ran = tool("--db", database.location, "query", sql)
    assert ran.err.startswith(said)
    assert ran.out.splitlines()[-1].strip() == "1000"
