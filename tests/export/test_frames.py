"""`tmxdb export frames`: what comes out, and that it goes on where it was interrupted."""

from __future__ import annotations

import json
import signal
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.frames import captured_database, car, jpeg
from tmxdb.db.engine import Database

from ..tool import Tool, until
from .conftest import RUNS

parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow")

MANY_SHARDS = ("--split", "train=0.6,val=0.4", "--shard-frames", 8)


def in_tars(out: Path) -> Iterator[tuple[str, str, bytes, dict[str, Any]]]:
    """(part, key, jpeg, facts) of every sample."""
    for path in sorted(out.rglob("*.tar")):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            assert len(members) % 2 == 0
            for picture, facts in zip(members[::2], members[1::2], strict=True):
                assert picture.name.removesuffix(".jpg") == facts.name.removesuffix(".json")
                data, text = tar.extractfile(picture), tar.extractfile(facts)
                assert data
                assert text
                yield path.parent.name, facts.name.removesuffix(".json"), data.read(), json.loads(text.read())


def in_parquet(out: Path) -> Iterator[tuple[str, str, bytes, dict[str, Any]]]:
    for path in sorted(out.rglob("*.parquet")):
        for row in parquet.read_table(path).to_pylist():
            image = row.pop("image")
            yield path.name.split("-")[0], image["path"].removesuffix(".jpg"), image["bytes"], row


READERS = {"webdataset": in_tars, "parquet": in_parquet}


@pytest.mark.parametrize("form", READERS)
def test_every_frame_is_there_once_with_its_label_and_no_map_in_two_parts(captured: Tool, form: str) -> None:
    captured("export", "frames", "out", "--format", form, *MANY_SHARDS)
    samples = list(READERS[form](captured.folder / "out"))
    assert len({key for _, key, _, _ in samples}) == len(samples) == sum(RUNS.values())
    parts: dict[int, set[str]] = {}
    for part, key, data, facts in samples:
        parts.setdefault(facts["track_id"], set()).add(part)
        assert key == f"{facts['capture_id']:08d}_{facts['step']:06d}"
        assert data == jpeg(facts["time_ms"])
        assert facts["map_uid"] == f"map {facts['track_id']}"
        state = facts.get("state", facts)
        assert state["position"] == [round(value, 6) for value in car(facts["time_ms"]).position]
        assert facts["race_time_ms"] == 100 * (RUNS[facts["replay_id"]] - 1)
    assert all(len(names) == 1 for names in parts.values())
    assert {name for names in parts.values() for name in names} == {"train", "val"}


@pytest.mark.parametrize("form", READERS)
def test_the_frames_of_a_run_follow_each_other(captured: Tool, form: str) -> None:
    captured("export", "frames", "out", "--format", form, *MANY_SHARDS)
    keys = [key for _, key, _, _ in READERS[form](captured.folder / "out")]
    runs = [key.split("_")[0] for key in keys]
    assert sum(one != next_one for one, next_one in pairwise(["", *runs])) == len(RUNS)


def test_the_columns_of_parquet_are_numbers_that_can_be_filtered(captured: Tool) -> None:
    captured("export", "frames", "out", "--format", "parquet")
    table = parquet.read_table(
        captured.folder / "out/data", columns=["speed_kmh", "time_ms", "rotation"], filters=[("speed_kmh", ">", 22)]
    )
    assert table.num_rows == sum(1 for frames in RUNS.values() for step in range(frames) if 20 + step > 22)
    assert table.to_pylist()[0]["rotation"] == [1, 0, 0, 0, 1, 0, 0, 0, 1]


@pytest.mark.parametrize("form", READERS)
def test_an_export_that_is_killed_goes_on_and_ends_as_if_nothing_had_been(captured: Tool, form: str) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", dict.fromkeys(range(70, 80), 300))
    database.close()
    command = ("export", "frames", "out", "--format", form, "--shard-frames", 300)
    out = captured.folder / "out"
    ending = "tar" if form == "webdataset" else "parquet"
    with captured.started(*command) as process:
        until(lambda: len(list(out.glob(f"*/*.{ending}"))) >= 2)
        process.send_signal(signal.SIGKILL)
    kept = {path: path.stat().st_mtime_ns for path in out.glob(f"*/*.{ending}")}
    noted = [json.loads(line)["file"] for line in (out / "export.done.jsonl").read_text().splitlines()]
    ran = captured(*command)
    assert "going on" in ran.err
    for path, written_ns in kept.items():
        if path.relative_to(out).as_posix() in noted:
            assert path.stat().st_mtime_ns == written_ns  # not written again
    captured("export", "frames", "anew", *command[3:])
    assert shards(out) == shards(captured.folder / "anew")
    assert captured("export", "frames", "out", "--check").err.endswith("0 wrong.\n")


def shards(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.glob("*/*.*") if path.is_file()}


def test_ctrl_c_leaves_whole_shards_only(captured: Tool) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", dict.fromkeys(range(70, 80), 400))
    database.close()
    with captured.started("export", "frames", "out", "--shard-frames", 400) as process:
        until(lambda: list((captured.folder / "out").glob("*/*.tar")))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on from here" in err
    assert not [path for path in (captured.folder / "out").rglob("*~*") if path.is_file()]
    captured("export", "frames", "out", "--shard-frames", 400)
    assert sum(1 for _ in in_tars(captured.folder / "out")) == sum(RUNS.values()) + 4000


def test_what_was_captured_since_is_no_part_of_an_export_begun_before(captured: Tool) -> None:
    captured("export", "frames", "out")
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 5})
    database.close()
    captured("export", "frames", "out")
    assert sum(1 for _ in in_tars(captured.folder / "out")) == sum(RUNS.values())


@pytest.mark.parametrize("form", READERS)
def test_check_finds_a_shard_that_was_changed_cut_or_deleted(captured: Tool, form: str) -> None:
    captured("export", "frames", "out", "--format", form, *MANY_SHARDS)
    one, two, three, *_ = sorted(path for path in (captured.folder / "out").glob("*/*.*") if path.is_file())
    whole = one.read_bytes()
    one.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    two.write_bytes(two.read_bytes()[:-10])
    three.unlink()
    ran = captured("export", "frames", "out", "--check", ends=3)
    assert "3 wrong." in ran.err
    assert ran.err.count("not what was written") == 2
    assert ran.err.count("not there") == 1
    one.unlink()
    captured("export", "frames", "out", "--format", form, *MANY_SHARDS)
    assert captured("export", "frames", "out", "--check").err.endswith("0 wrong.\n")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "frame_00001_100ms.jpeg").unlink(),
        lambda folder: (folder / "frame_00001_100ms.jpeg").write_bytes(b"<html>"),
        lambda folder: (folder / "manifest.json").write_text("[\n]\n"),
        lambda folder: (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:-300]),
        lambda folder: (folder / "metadata.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text(
            (folder / "manifest.json").read_text().replace("frame_00001_100ms.jpeg", "../../../tmx.db")
        ),
    ],
    ids=["frame gone", "frame is a page", "nothing listed", "cut off", "no metadata", "another path"],
)
def test_a_damaged_run_is_left_out_whole_and_told(captured: Tool, spoil: Any) -> None:
    spoil(captured.folder / "data" / "frames" / "1" / "11")
    ran = captured("export", "frames", "out", ends=3)
    assert "1 run left out." in ran.err
    assert "verify" in ran.err
    replays = {facts["replay_id"] for _, _, _, facts in in_tars(captured.folder / "out")}
    assert replays == RUNS.keys() - {11}
    captured("export", "frames", "out", "--check")
    listed = [json.loads(line) for line in (captured.folder / "out" / "runs.jsonl").read_text().splitlines()]
    assert {row["replay_id"] for row in listed} == RUNS.keys() - {11}
    assert all(row["shard"].startswith(row["split"]) for row in listed)


def test_only_what_was_asked_for_is_exported(captured: Tool) -> None:
    captured.change("update captures set time_matches = 0 where replay_id = 12")
    captured.change("update captures set frames_missed = 2 where replay_id = 11")
    captured("export", "frames", "a", "--track-id", 1, "--track-id", 2)
    captured("export", "frames", "b", "--track-id", 1, "--only-exact")
    (captured.folder / "ids.txt").write_text("3\n")
    captured("export", "frames", "c", "--track-ids", "ids.txt")
    found = [{facts["replay_id"] for *_, facts in in_tars(captured.folder / name)} for name in "abc"]
    assert found == [{10, 11, 12, 20}, {10}, {30, 31}]


def test_pictures_of_two_sizes_are_not_mixed_unless_asked_for(captured: Tool) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 5}, width=96)
    database.close()
    assert "9 with width=64; 1 with width=96" in captured("export", "frames", "out", ends=1).error
    captured("export", "frames", "narrow", "--setting", "width=96")
    assert sum(1 for _ in in_tars(captured.folder / "narrow")) == 5
    captured("export", "frames", "both", "--mixed")
    assert sum(1 for _ in in_tars(captured.folder / "both")) == sum(RUNS.values()) + 5


def test_a_dry_run_says_what_would_be_and_writes_nothing(captured: Tool) -> None:
    before = captured.files()
    parts = captured("export", "frames", "out", "--dry-run", "--json", "--split", "train=1").json
    assert parts == {"train": {"shards": 1, "tracks": 6, "runs": len(RUNS), "frames": sum(RUNS.values())}}
    assert captured.files() == before


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("out", "--split", "train"), 2, "write it like train=0.8"),
        (("out", "--setting", "width"), 2, "write it like width=64"),
        (("out", "--track-id", "9"), 1, "no finished capture matches (track 9)"),
        (("data",), 1, "data is not empty and holds no export"),
        (("data", "--check"), 1, "data holds no export"),
        (("out", "--track-ids", "nothing.txt"), 1, "nothing.txt: No such file"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    captured: Tool, arguments: tuple[str, ...], status: int, told: str
) -> None:
    assert told in captured("export", "frames", *arguments, ends=status).error


def test_a_part_that_came_out_empty_is_told(captured: Tool) -> None:
    ran = captured("export", "frames", "out", "--track-id", 1, "--split", "train=0.5,val=0.5", "--json")
    (empty,) = [name for name, part in ran.json.items() if not part["frames"]]
    assert f"{empty} has 0% of the frames instead of 50%" in ran.err


def test_another_wish_in_the_same_folder_is_refused_by_its_difference(captured: Tool) -> None:
    captured("export", "frames", "out")
    assert "seed was 0, is 1" in captured("export", "frames", "out", "--seed", 1, ends=1).error
