"""`tmxdb export tracks|replays|maps|captures|checkpoints|inputs`: complete, typed, page by page, in three formats."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import signal
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import tmxdb
from tests import needs
from tests.gbx.made import a_replay
from tests.gbx.samples import SAMPLES, expected, needs_samples
from tests.processes import needs_ctrl_c
from tests.rows import Rows
from tests.tool import Tool, tool, until
from tmxdb.arrays.line import read_line
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import ReplayInputsRow, table_of
from tmxdb.export.tables.export import export_table
from tmxdb.export.tables.line_rows import line_rows
from tmxdb.export.tables.sources import TABLE_NAMES, TableColumn, pages, table_sources
from tmxdb.export.tables.writers import JsonLines
from tmxdb.gbx import read_replay
from tmxdb.queue.job import WorkerStopping

__all__ = ["tool"]

parquet = needs.module("pyarrow.parquet")
NAME = '=Ann "the\nfast", ünïcode'


def fill(rows: Rows) -> None:
    """Track 1 with replays 11 to 13, track 2 with 21: one without checkpoints, one with a checkpoint not crossed."""
    for track_id in (1, 2):
        rows.track(track_id, name=f"Track {track_id}", is_public=True)
    rows.replay(11, "done", track_id=1, race_time_ms=300, checkpoints_ms="[100, 300]", user_name=NAME, finished=True)
    rows.replay(12, track_id=1)
    rows.replay(13, "done", track_id=1, checkpoints_ms="[150, null, -1, 900]", finished=False)
    rows.replay(21, "done", track_id=2, race_time_ms=200, checkpoints_ms="[200]", finished=True)
    inputs = table_of(ReplayInputsRow)
    with rows.database.write() as connection:
        for replay_id in (11, 21):
            events = [[0, "Accelerate", 1], [10 * replay_id, "Steer", -65536]]
            connection.execute(inputs.insert().values(replay_id=replay_id, events=json.dumps(events)))


CHECKPOINTS = [
    (11, 1, 1, 100, False), (11, 1, 2, 300, True), (13, 1, 1, 150, False),
    (13, 1, 4, 900, False), (21, 2, 1, 200, True),
]  # fmt: skip
INPUTS = [
    (11, 1, 0, "Accelerate", 1), (11, 1, 110, "Steer", -65536),
    (21, 2, 0, "Accelerate", 1), (21, 2, 210, "Steer", -65536),
]  # fmt: skip


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_every_row_comes_once_whatever_the_size_of_a_page(rows: Rows, page: int) -> None:
    fill(rows)
    sources = {name: source.__class__(**{**_fields(source), "page": page}) for name, source in table_sources().items()}
    found = {
        name: [tuple(row) for part in pages(rows.database, source) for row in part] for name, source in sources.items()
    }
    assert found["checkpoints"] == CHECKPOINTS
    assert found["inputs"] == INPUTS
    assert [row[0] for row in found["tracks"]] == [1, 2]
    assert [row[0] for row in found["replays"]] == [11, 12, 13, 21]
    assert found["maps"] == found["captures"] == []


def _fields(source: Any) -> dict[str, Any]:
    return {name: getattr(source, name) for name in source.__dataclass_fields__}


def test_only_the_rows_of_named_tracks_come(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmxdb.export.tables.sources.MAX_IDS_PER_STATEMENT", 1)
    fill(rows)
    for name, keys in {"replays": [21], "checkpoints": [21], "inputs": [21, 21], "tracks": [2]}.items():
        assert [row[0] for part in pages(rows.database, table_sources()[name], [2, 3]) for row in part] == keys


@pytest.fixture
def filled(tool: Tool, sqlite_template: Path) -> Tool:
    shutil.copyfile(sqlite_template, tool.folder / "tmx.db")
    database = Database(str(tool.folder / "tmx.db"))
    fill(Rows(database))
    database.close()
    return tool


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """Return the rows with lists and times as the other formats have them."""
    rows = parquet.read_table(path).to_pylist()
    return [{name: _as_text(value) for name, value in row.items()} for row in rows]


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return json.dumps(value)
    return iso(round(value.timestamp() * 1000)) if isinstance(value, datetime) else value


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_parquet_and_json_lines_have_the_same_rows(filled: Tool, table: str) -> None:
    filled("export", table, "a.parquet")
    filled("export", table, "a.jsonl")
    assert read_parquet(filled.folder / "a.parquet") == read_jsonl(filled.folder / "a.jsonl")


def test_parquet_columns_have_the_types_of_the_database_also_if_all_values_are_null(filled: Tool) -> None:
    filled("export", "replays", "a.parquet")
    schema = parquet.read_schema(filled.folder / "a.parquet")
    types = {name: str(schema.field(name).type) for name in ("replay_id", "race_time_ms", "finished", "user_name")}
    assert types == {"replay_id": "int64", "race_time_ms": "int64", "finished": "bool", "user_name": "string"}
    assert str(schema.field("stunt_score").type) == "int64"
    assert not {"claim_token", "priority", "attempts"} & set(schema.names)
    times = {name: str(schema.field(name).type) for name in ("checkpoints_ms", "listed_at")}
    assert times == {"checkpoints_ms": "list<element: int64>", "listed_at": "timestamp[ms, tz=UTC]"}
    about = schema.field("race_time_ms").metadata
    assert about[b"unit"] == b"ms"
    assert about[b"description"].startswith(b"race time")
    metadata = parquet.read_metadata(filled.folder / "a.parquet")
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_table_without_rows_is_a_valid_file(filled: Tool) -> None:
    filled("export", "captures", "a.parquet")
    assert parquet.read_table(filled.folder / "a.parquet").num_rows == 0
    filled("export", "captures", "a.csv")
    assert (filled.folder / "a.csv").read_text().startswith("capture_id,")


def test_csv_keeps_every_character_and_can_be_made_safe_for_spreadsheets(filled: Tool) -> None:
    filled("export", "replays", "a.csv")
    with (filled.folder / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["replay_id"], row["user_name"], row["finished"]) for row in rows] == [
        ("11", NAME, "true"), ("12", "", ""), ("13", "", "false"), ("21", "", "true"),
    ]  # fmt: skip
    filled("export", "replays", "b.csv", "--spreadsheet")
    with (filled.folder / "b.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["user_name"] == f"'{NAME}"


def test_an_existing_file_is_kept_without_force(filled: Tool) -> None:
    filled("export", "tracks", "a.csv")
    before = (filled.folder / "a.csv").read_bytes()
    assert "a.csv" in filled("export", "replays", "a.csv", ends=1).error
    assert (filled.folder / "a.csv").read_bytes() == before
    filled("export", "replays", "a.csv", "--force")
    assert (filled.folder / "a.csv").read_bytes() != before
    filled("export", "tracks", "tmx.db", "--format", "csv", "--force", ends=1)


def test_counts_are_printed_and_an_unknown_track_is_named(filled: Tool) -> None:
    ran = filled("export", "inputs", "a.jsonl", "--json")
    assert ran.json == {"rows": 4, "bytes": (filled.folder / "a.jsonl").stat().st_size}
    ran = filled("export", "inputs", "b.jsonl", "--track-id", 2, "--track-id", 77, ends=3)
    assert "The database has no track 77." in ran.err
    assert "2 rows, " in ran.err


@pytest.mark.parametrize("arguments", [("a.txt",), ("a",)])
def test_a_format_that_nothing_says_is_wrong_usage(filled: Tool, arguments: tuple[str, ...]) -> None:
    assert "choose a format with --format" in filled("export", "tracks", *arguments, ends=2).error


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("a.parquet", "--spreadsheet", "--format", "jsonl"), "--spreadsheet writes CSV, and --format says jsonl"),
        (("a.jsonl", "--spreadsheet"), "a.jsonl: --spreadsheet writes csv, and the name says .jsonl"),
        (("a.csv", "--format", "parquet"), "a.csv: --format parquet writes parquet, and the name says .csv"),
        (("a.xlsx", "--format", "csv"), "a.xlsx: --format csv writes csv, and the name says .xlsx"),
        (("a.csv", "--since-last"), "a.csv: --since-last writes a folder of files"),
        (("-", "--format", "csv"), "-: an export is a file. For rows on stdout use `tmxdb query --csv`"),
        (("-", "--since-last"), "-: --since-last writes a folder of files"),
    ],
)
def test_a_name_that_does_not_fit_the_options_is_wrong_usage(
    filled: Tool, arguments: tuple[str, ...], told: str
) -> None:
    before = sorted(os.listdir(filled.folder))
    assert told in filled("export", "replays", *arguments, ends=2).error
    assert sorted(os.listdir(filled.folder)) == before


@pytest.mark.parametrize("command", ["lake", "frames", "vcp"])
def test_a_folder_is_not_named_like_a_file(filled: Tool, command: str) -> None:
    for name in ("out.csv", "-"):
        assert f"{name}: `export {command}` writes a folder" in filled("export", command, name, ends=2).error
        assert not (filled.folder / name).exists()


def test_an_interrupted_export_leaves_no_file(rows: Rows, tmp_path: Path) -> None:
    fill(rows)
    stop = threading.Event()
    stop.set()
    with pytest.raises(WorkerStopping):
        export_table(
            rows.database, "replays", tmp_path / "a.csv", "csv", (), for_spreadsheet=False, force=False, stop=stop
        )
    assert not list(tmp_path.glob("*a.csv*"))


def test_json_lines_have_null_for_what_is_not_a_number() -> None:
    file = io.BytesIO()
    JsonLines(file, [TableColumn("x", "number")]).write([(math.nan,), (1.5,)])
    assert file.getvalue() == b'{"x":null}\n{"x":1.5}\n'


def test_values_of_another_type_than_their_column_become_null_in_parquet(filled: Tool) -> None:
    filled.change(
        "update replays set race_time_ms = 'fast', user_name = 5, listed_at = 'now', checkpoints_ms = '[1, \"a\"]'"
        " where replay_id = 11"
    )
    filled("export", "replays", "a.parquet")
    first = read_parquet(filled.folder / "a.parquet")[0]
    assert (first["race_time_ms"], first["user_name"], first["listed_at"]) == (None, "5", None)
    assert first["checkpoints_ms"] == "[1, null]"


@pytest.fixture
def downloaded(filled: Tool) -> Tool:
    """Replays 11, 13 and 21 have files; that of 13 is damaged."""
    for replay_id, track_id in ((11, 1), (13, 1), (21, 2)):
        path = f"replays/{track_id}/{replay_id}.Replay.Gbx"
        file = filled.folder / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"damaged" if replay_id == 13 else a_replay())
        filled.change("update replays set file_path = ? where replay_id = ?", path, replay_id)
    return filled


@pytest.mark.parametrize("processes", [1, 2])
def test_lines_are_the_positions_in_the_files(downloaded: Tool, processes: int) -> None:
    ran = downloaded("export", "lines", "a.parquet", "--processes", processes, ends=3)
    assert "Replay 13: " in ran.err
    assert "1 replay without positions left out." in ran.err
    samples, moved = list(read_replay(a_replay()).samples or ()), read_line(a_replay()).jumps
    rows = [
        {"replay_id": replay_id, "track_id": track_id, **sample._asdict(), "jump": at in moved, "after_finish": False}
        for replay_id, track_id in ((11, 1), (21, 2))
        for at, sample in enumerate(samples)
    ]
    assert read_parquet(downloaded.folder / "a.parquet") == rows


def test_lines_say_where_a_respawn_moved_the_car_and_where_the_race_was_over(downloaded: Tool) -> None:
    samples = [(float(place) + 400 * (place > 21), 10.0, 500.0) for place in range(62)]
    data = a_replay(samples=samples, race_time_ms=5_950)
    (downloaded.folder / "data/replays/2/21.Replay.Gbx").write_bytes(data)
    downloaded("export", "lines", "a.parquet", "--track-id", 2, "--processes", 1)
    rows = read_parquet(downloaded.folder / "a.parquet")
    assert [row["time_ms"] for row in rows if row["jump"]] == read_line(data).times_ms[read_line(data).jumps].tolist()
    assert [row["time_ms"] for row in rows if row["jump"]] == [2_200]
    assert [row["time_ms"] for row in rows if row["after_finish"]] == [6_000, 6_100]
    (downloaded.folder / "data/replays/2/21.Replay.Gbx").write_bytes(a_replay(race_time_ms=None))
    downloaded("export", "lines", "b.jsonl", "--track-id", 2, "--processes", 1)
    assert {row["after_finish"] for row in read_jsonl(downloaded.folder / "b.jsonl")} == {None}


@needs_samples
def test_jumps_of_real_runs_are_those_of_their_lines() -> None:
    found = 0
    for file, facts in expected("golden.json").items():
        rows = line_rows((1, 1, file), SAMPLES) if facts["kind"] == "replay" else ""
        if isinstance(rows, str):
            continue
        marked = [at for at, row in enumerate(rows) if row[-2]]
        assert marked == read_line(SAMPLES / file).jumps.tolist(), file
        found += len(marked)
    assert found > 10


def test_lines_of_one_track_and_of_a_missing_file(downloaded: Tool) -> None:
    downloaded("export", "lines", "a.jsonl", "--track-id", 2, "--processes", 1)
    assert {row["replay_id"] for row in read_jsonl(downloaded.folder / "a.jsonl")} == {21}
    (downloaded.folder / "data/replays/2/21.Replay.Gbx").unlink()
    ran = downloaded("export", "lines", "b.jsonl", "--track-id", 2, "--processes", 1, ends=3)
    assert "21.Replay.Gbx: No such file or directory. Run `tmxdb verify --repair`" in ran.err


def test_the_file_of_a_replay_adopted_in_its_place_is_read(downloaded: Tool, tmp_path: Path) -> None:
    elsewhere = tmp_path / "old.Replay.Gbx"
    (downloaded.folder / "data/replays/2/21.Replay.Gbx").rename(elsewhere)
    downloaded.change("update replays set file_path = ? where replay_id = 21", elsewhere.as_posix())
    downloaded("export", "lines", "a.jsonl", "--track-id", 2, "--processes", 1)
    assert len(read_jsonl(downloaded.folder / "a.jsonl")) == len(read_replay(a_replay()).samples or ())
    downloaded("export", "vcp", "vcp", "--track-id", 2)
    assert (downloaded.folder / "vcp/2_0.5m_cl.npy").is_file()
    with tmxdb.open(downloaded.folder / "tmx.db") as mirror:
        assert mirror.replay(21).path == elsewhere
        assert mirror.replay(21).file.samples


@needs_ctrl_c
def test_ctrl_c_ends_an_export_in_processes_quietly_and_leaves_no_file(downloaded: Tool) -> None:
    data = a_replay()
    for replay_id in range(1000, 1600):
        (downloaded.folder / f"data/replays/1/{replay_id}.Replay.Gbx").write_bytes(data)
        downloaded.change(
            "insert into replays (replay_id, track_id, status, finished_at, file_path, file_bytes, sha256)"
            " values (?, 1, 'done', '2026-01-01T00:00:00.000Z', ?, 1, ?)",
            replay_id, f"replays/1/{replay_id}.Replay.Gbx", "0" * 64,
        )  # fmt: skip
    command = ("export", "lines", "a.csv", "--processes", 2)
    with downloaded.started(*command, before=os.setpgrp) as process:
        until(
            lambda: any(path.stat().st_size > 1000 for path in downloaded.folder.glob(".*.partial")) or process.poll()
        )
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers too
        _, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    assert process.returncode in (130, 3)  # 3: it ended just before, with the damaged file left out
    assert (downloaded.folder / "a.csv").exists() == (process.returncode == 3)
    assert not list(downloaded.folder.glob(".*.partial"))
