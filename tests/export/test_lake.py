"""`tmxdb export lake`, and tables into a folder: complete, resumable, incremental, and open for other programs."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import needs
from tests.gbx.made import a_replay
from tests.permissions import bound_by_permissions
from tests.processes import is_running
from tests.rows import Rows
from tests.tool import Tool, tool, until
from tmxdb.db.database import Database
from tmxdb.export.lake import layout
from tmxdb.export.lake.layout import LakeShard, shards_of
from tmxdb.gbx import read_replay

__all__ = ["tool"]
parquet = needs.module("pyarrow.parquet")
ROOT = Path(__file__).parents[2]
STADIUM, SNOW = 7, 1


@pytest.fixture
def mirror(tool: Tool, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Three tracks in two environments, one of them local; five replays of which four are downloaded, one damaged."""
    monkeypatch.setattr(layout, "IDS_PER_FILE", dict.fromkeys(layout.IDS_PER_FILE, 1000))
    shutil.copyfile(sqlite_template, tool.folder / "tmx.db")
    database = Database(str(tool.folder / "tmx.db"))
    rows = Rows(database)
    for track_id, environment in ((1, STADIUM), (2, SNOW), (-3, None)):
        rows.track(track_id, name=f"Track {track_id}", environment=environment, tags="[1, 7]")
    for replay_id, track_id in ((11, 1), (12, 1), (1500, 1), (21, 2), (-5, -3)):
        facts = {"race_time_ms": 6_110, "checkpoints_ms": "[4170, 6110]", "finished": True, "device": "keyboard"}
        if replay_id == 12:
            rows.replay(12, track_id=1)
            continue
        path = f"replays/{track_id}/{replay_id}.Replay.Gbx"
        file = tool.folder / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"damaged" if replay_id == 21 else a_replay())
        rows.replay(replay_id, "done", track_id=track_id, file_path=path, **facts)
    database.close()
    return tool


def lake_files(tool: Tool, name: str = "lake") -> dict[str, bytes]:
    folder = tool.folder / name
    data = (path for path in folder.rglob("*.*") if path.is_file() and "=" in path.parent.name)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in data}


def read(tool: Tool, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(tool.folder / "lake" / table).to_pylist()
    return rows


def test_a_lake_has_a_file_for_each_environment_and_range_of_ids(mirror: Tool) -> None:
    ran = mirror("export", "lake", "lake", "--processes", 1, ends=3)
    assert "Replay 21: " in ran.err
    assert {name for name in lake_files(mirror) if name.startswith("replays/")} == {
        "replays/environment_name=stadium/replays-00000000-00000999.parquet",
        "replays/environment_name=stadium/replays-00001000-00001999.parquet",
        "replays/environment_name=snow/replays-00000000-00000999.parquet",
        "replays/environment_name=unknown/replays-local.parquet",
    }
    assert sorted(row["replay_id"] for row in read(mirror, "replays")) == [-5, 11, 12, 21, 1500]
    assert {row["track_id"]: row["environment_name"] for row in read(mirror, "tracks")} == {
        1: "stadium", 2: "snow", -3: "unknown",
    }  # fmt: skip
    assert {row["replay_id"] for row in read(mirror, "checkpoints")} == {-5, 11, 21, 1500}
    samples = read_replay(a_replay()).samples or ()
    lines = read(mirror, "lines")
    assert len(lines) == 3 * len(samples)
    assert [(row["x"], row["speed_kmh"]) for row in lines if row["replay_id"] == 1500] == [
        (sample.x, sample.speed_kmh) for sample in samples
    ]
    assert "captures" not in os.listdir(mirror.folder / "lake")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_other_formats_have_the_same_rows(mirror: Tool, form: str) -> None:
    mirror("export", "lake", "lake", "--format", form, "--table", "checkpoints", "--table", "tracks", "--processes", 1)
    (file,) = (mirror.folder / "lake/checkpoints/environment_name=snow").iterdir()
    lines = file.read_text("utf-8").splitlines()
    if form == "csv":
        assert lines[1] == "21,2,1,4170,false,snow"
    else:
        assert json.loads(lines[1])["environment_name"] == "snow"
    assert len(lines) == 3 - (form == "jsonl")


def test_the_same_files_come_from_one_process_and_from_several(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--processes", 1, ends=3)
    mirror("export", "lake", "other", "--processes", 2, ends=3)
    assert lake_files(mirror, "other") == lake_files(mirror)


def test_tables_come_into_a_lake_one_by_one(mirror: Tool) -> None:
    mirror("export", "replays", "lake/", "--processes", 1)
    before = lake_files(mirror)
    mirror("export", "lines", "lake/", "--processes", 1, ends=3)
    assert {name.split("/")[0] for name in lake_files(mirror)} == {"replays", "lines"}
    assert lake_files(mirror).items() >= before.items()
    error = mirror("export", "replays", "lake", "--processes", 1, ends=1).error
    assert "Add what has changed with --since-last, or write it again with --force." in error
    assert "contains another export" in mirror("export", "tracks", "lake", "--format", "csv", ends=1).error
    mirror("export", "replays", "lake", "--force", "--processes", 1)
    mirror("export", "--check", "lake")


def times(tool: Tool) -> dict[str, int]:
    return {name: (tool.folder / "lake" / name).stat().st_ino for name in lake_files(tool)}


def test_since_last_writes_only_what_has_changed(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--processes", 1, ends=3)
    before = times(mirror)
    mirror.change("update replays set position = 3 where replay_id = 1500")
    ran = mirror("export", "lake", "lake", "--since-last", "--processes", 1, "--json", ends=3)
    assert {name for name, file in times(mirror).items() if before.get(name) != file} == {
        "replays/environment_name=stadium/replays-00001000-00001999.parquet",
        "lines/environment_name=snow/lines-00000000-00000999.parquet",  # of the damaged file, which is tried again
    }
    assert (ran.json["written"], ran.json["removed"]) == (2, 0)
    assert {row["replay_id"]: row["position"] for row in read(mirror, "replays")}[1500] == 3


def test_since_last_adds_new_rows_and_removes_files_without_rows(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--processes", 1, ends=3)
    path = mirror.folder / "data/replays/2/21.Replay.Gbx"
    path.write_bytes(a_replay())  # repaired
    mirror.change("delete from replays where replay_id = 1500")
    mirror.change("update replays set replay_id = 2500 where replay_id = 11")
    mirror("export", "lake", "lake", "--since-last", "--processes", 1)
    assert {row["replay_id"] for row in read(mirror, "lines")} == {-5, 21, 2500}
    assert sorted(row["replay_id"] for row in read(mirror, "replays")) == [-5, 12, 21, 2500]
    assert "lines/environment_name=stadium/lines-00001000-00001999.parquet" not in lake_files(mirror)
    assert mirror("export", "--check", "lake").err.endswith("0 problems.\n")


def test_since_last_into_a_new_folder_writes_everything(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--since-last", "--table", "tracks", "--processes", 1)
    assert len(read(mirror, "tracks")) == 3


def test_only_tracks_of_a_selection_or_by_id_are_exported_and_a_lake_stays_of_these(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--table", "replays", "--track-id", 2, "--processes", 1)
    assert [row["replay_id"] for row in read(mirror, "replays")] == [21]
    assert "contains another export" in mirror("export", "lake", "lake", "--since-last", ends=1).error
    (mirror.folder / "ids").write_text("2\n1\n")
    mirror("select", "mine", "--track-ids", "ids")
    mirror("export", "lake", "mine", "--table", "tracks", "--only", "mine", "--processes", 1)
    assert len(parquet.read_table(mirror.folder / "mine/tracks")) == 2
    ran = mirror(
        "export", "lake", "x", "--table", "tracks", "--track-id", 2, "--track-id", 99, "--processes", 1, ends=3
    )
    assert "The database has no track 99." in ran.err


def test_a_dry_run_counts_and_writes_nothing(mirror: Tool) -> None:
    before = mirror.files()
    ran = mirror("export", "lake", "lake", "--dry-run", "--json")
    assert ran.json["replays"] == {"files": 4, "source_rows": 5}
    assert mirror.files() == before


def test_a_folder_with_other_files_and_a_file_are_refused(mirror: Tool) -> None:
    (mirror.folder / "full").mkdir()
    (mirror.folder / "full/a").write_bytes(b"")
    assert "is not empty and contains no export" in mirror("export", "lake", "full", ends=1).error
    assert "is a file, not a folder" in mirror("export", "lake", "tmx.db", ends=1).error


def test_the_card_says_what_and_how_many_and_keeps_changes_by_hand(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--processes", 1, ends=3)
    card = (mirror.folder / "lake/README.md").read_text("utf-8")
    assert card.startswith("---\npretty_name: ")
    assert "- config_name: lines\n  data_files:\n  - split: train\n    path: lines/*/*.parquet\n" in card
    assert "| replays | stadium | 2 | 3 | " in card
    assert "done 4, pending 1" in card
    assert "- replays without a line: 1: the file is missing or damaged." in card
    (mirror.folder / "lake/README.md").write_text(card.replace("# TrackMania", "# My TrackMania"), "utf-8")
    ran = mirror("export", "lake", "lake", "--since-last", "--processes", 1, ends=3)
    assert "README.md was changed by hand" in ran.err
    mirror("export", "--check", "lake")
    assert "# My TrackMania" in (mirror.folder / "lake/README.md").read_text("utf-8")


def test_check_finds_what_is_missing_changed_or_foreign(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--table", "replays", "--table", "tracks", "--processes", 1)
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=mirror.folder / "lake", check=True)
    lake = mirror.folder / "lake"
    changed, missing, *_ = sorted(lake.glob("replays/*/*.parquet"))
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    missing.unlink()
    (lake / "tracks/mine.parquet").write_bytes(b"")
    (lake / "README.md").write_text("mine")
    ran = mirror("export", "--check", "lake", ends=3)
    assert f"{changed.relative_to(lake).as_posix()}: its content has changed." in ran.err
    assert f"{missing.relative_to(lake).as_posix()}: missing." in ran.err
    assert "tracks/mine.parquet: not part of the export" in ran.err
    assert "README.md: its counts differ" in ran.err
    assert ran.err.endswith("4 problems.\n")
    assert "contains no export" in mirror("export", "--check", "data", ends=1).error


@pytest.mark.skipif(os.name == "nt", reason="permissions of Unix")
def test_check_names_a_folder_that_cannot_be_listed(mirror: Tool) -> None:
    mirror("export", "lake", "lake", "--table", "tracks", "--processes", 1)
    closed = mirror.folder / "lake/tracks/mine"
    closed.mkdir(mode=0)
    try:
        with bound_by_permissions():
            said = mirror("export", "--check", "lake", ends=3).err
    finally:
        closed.chmod(0o755)
    assert "tracks/mine: cannot be read. Check the permissions." in said.splitlines()


def _long_mirror(tool: Tool, n: int) -> None:
    """Give the mirror `n` more replays, in as many files of the lake."""
    data = a_replay()
    for replay_id in range(1_000_000, 1_000_000 + 10_000 * n, 10_000):
        path = f"replays/1/{replay_id}.Replay.Gbx"
        (tool.folder / "data" / path).write_bytes(data)
        tool.change(
            "insert into replays (replay_id, track_id, status, finished_at, file_path, file_bytes, sha256)"
            " values (?, 1, 'done', '2026-01-01T00:00:00.000Z', ?, 1, ?)",
            replay_id, path, "0" * 64,
        )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_export_leaves_complete_files_and_continues(mirror: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(layout.IDS_PER_FILE, "lines", 10_000)  # as in the process
    _long_mirror(mirror, 40)
    records = mirror.folder / "lake/lake.files.jsonl"
    with mirror.started("export", "lines", "lake/", "--processes", 2) as process:
        until(lambda: (records.exists() and len(records.read_bytes().splitlines()) >= 5) or process.poll() is not None)
        children = _children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=300)
    until(lambda: not any(is_running(child) for child in children))  # no process goes on writing
    finished = times(mirror)
    assert 5 <= len(finished) < 43
    assert all(parquet.read_table(mirror.folder / "lake" / name).num_rows for name in finished if "snow" not in name)
    recorded = {json.loads(line)["file"] for line in records.read_text().splitlines()}
    with records.open("a") as file:
        file.write('{"table": "lines", "fi')
    assert "the export is not finished" in mirror("export", "--check", "lake", ends=3).err
    counts = mirror("export", "lines", "lake/", "--processes", 2, "--json", ends=3).json
    assert all(times(mirror)[name] == finished[name] for name in recorded)
    assert counts["written"] + counts["kept"] == len(lake_files(mirror))
    assert counts["kept"] >= len(recorded)
    assert {row["replay_id"] for row in read(mirror, "lines")} == {-5, 11, 1500, *range(1_000_000, 1_400_000, 10_000)}
    assert not list((mirror.folder / "lake").rglob("*.partial")) + list((mirror.folder / "lake").rglob(".partial"))
    mirror("export", "--check", "lake")


def _children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def test_shards_of_many_tracks_are_the_same_as_those_of_all(mirror: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_IDS_PER_STATEMENT", 1)
    database = Database(str(mirror.folder / "tmx.db"), read_only=True)
    for table in layout.IDS_PER_FILE:
        assert shards_of(database, table, [1, 2, -3]) == shards_of(database, table)
    assert shards_of(database, "lines", [2]) == {LakeShard("lines", "snow", 0, 999): 1}
    database.close()


EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/export.md").read_text("utf-8"), re.S)


@pytest.mark.parametrize("library", ["duckdb", "polars", "pandas"])
def test_the_line_of_the_docs_opens_a_lake(mirror: Tool, library: str) -> None:
    needs.module(library)
    mirror("export", "lake", "lake", "--processes", 1, ends=3)
    (example,) = [text for text in EXAMPLES if f"import {library}" in text and "lake/" in text]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102
    assert len(names["replays"]) == 5
    assert len(names["lines"]) == 3 * len(read_replay(a_replay()).samples or ())


def test_the_ids_of_tracks_may_come_from_stdin(mirror: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    track_id = mirror.one("select max(track_id) from tracks")
    for command in (("lake", "lake", "--table", "tracks"), ("tracks", "folder/")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{track_id}\n".encode())))
        mirror("export", *command, "--track-ids", "-", "--format", "csv")
    rows = [path.read_text("utf-8").splitlines()[1:] for path in sorted(mirror.folder.rglob("*.csv"))]
    assert [len(lines) for lines in rows] == [1, 1]
