"""`tmxdb export frames`: what it writes, and that it continues where it was interrupted."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.export.conftest import RUNS
from tests.export.readers import in_tars
from tests.frames import captured_database, car, jpeg
from tests.processes import needs_ctrl_c
from tests.rows import Rows
from tests.tool import Tool, until
from tmxdb.db.database import Database
from tmxdb.export.export_lock import ExportLock

parquet = needs.module("pyarrow.parquet")

MANY_SHARDS = ("--split", "train=0.6,val=0.4", "--shard-frames", 8)


def in_parquet(out: Path) -> Iterator[tuple[str, str, bytes, dict[str, Any]]]:
    for path in sorted(out.rglob("*.parquet")):
        for row in parquet.read_table(path).to_pylist():
            image = row.pop("image")
            yield path.name.split("-")[0], image["path"].removesuffix(".jpg"), image["bytes"], row


READERS = {"webdataset": in_tars, "parquet": in_parquet}


@pytest.mark.parametrize("form", READERS)
def test_every_frame_is_exported_once_with_its_label_and_no_map_is_in_two_parts(captured: Tool, form: str) -> None:
    captured("export", "frames", "out", "--format", form, *MANY_SHARDS)
    frame_samples = list(READERS[form](captured.folder / "out"))
    assert len({key for _, key, _, _ in frame_samples}) == len(frame_samples) == sum(RUNS.values())
    parts: dict[int, set[str]] = {}
    for part, key, data, facts in frame_samples:
        parts.setdefault(facts["track_id"], set()).add(part)
        assert key == f"{facts['capture_id']:08d}_{facts['step']:06d}"
        assert data == jpeg(facts["time_ms"])
        assert facts["map_uid"] == f"map {facts['track_id']}"
        assert facts["action_idx"] in (1, 2, 10, 11)  # the car of tests/frames.py always accelerates and steers
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
def test_a_killed_export_continues_and_ends_with_the_same_files(captured: Tool, form: str) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", dict.fromkeys(range(70, 80), 300))
    database.close()
    command = ("export", "frames", "out", "--format", form, "--shard-frames", 300)
    out = captured.folder / "out"
    ending = "tar" if form == "webdataset" else "parquet"
    with captured.started(*command) as process:
        until(lambda: len(list(out.glob(f"*/*.{ending}"))) >= 2)
        process.kill()
    kept = {path: path.stat().st_mtime_ns for path in out.glob(f"*/*.{ending}")}
    noted = [json.loads(line)["file"] for line in (out / "export.done.jsonl").read_text().splitlines()]
    ran = captured(*command)
    assert "continuing" in ran.err
    for path, written_ns in kept.items():
        if path.relative_to(out).as_posix() in noted:
            assert path.stat().st_mtime_ns == written_ns  # not written again
    captured("export", "frames", "fresh", *command[3:])
    assert shards(out) == shards(captured.folder / "fresh")
    assert captured("export", "frames", "out", "--check").err.endswith(", 0 problems.\n")


def shards(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.glob("*/*.*") if path.is_file()}


@needs_ctrl_c
def test_ctrl_c_leaves_only_complete_shards(captured: Tool) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", dict.fromkeys(range(70, 80), 400))
    database.close()
    with captured.started("export", "frames", "out", "--shard-frames", 400) as process:
        until(lambda: list((captured.folder / "out").glob("*/*.tar")))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Run the same command again to continue" in err
    assert "jobs" not in err
    assert not [path for path in (captured.folder / "out").rglob("*~*") if path.is_file()]
    captured("export", "frames", "out", "--shard-frames", 400)
    assert sum(1 for _ in in_tars(captured.folder / "out")) == sum(RUNS.values()) + 4000


def test_captures_that_finish_later_are_not_part_of_an_export_begun_before(captured: Tool) -> None:
    captured("export", "frames", "out")
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 5})
    database.close()
    captured("export", "frames", "out")
    assert sum(1 for _ in in_tars(captured.folder / "out")) == sum(RUNS.values())


@pytest.mark.parametrize("form", READERS)
def test_check_finds_a_shard_that_was_changed_cut_short_or_deleted(captured: Tool, form: str) -> None:
    captured("export", "frames", "out", "--format", form, *MANY_SHARDS)
    one, two, three, *_ = sorted(path for path in (captured.folder / "out").glob("*/*.*") if path.is_file())
    whole = one.read_bytes()
    one.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    two.write_bytes(two.read_bytes()[:-10])
    three.unlink()
    ran = captured("export", "frames", "out", "--check", ends=3)
    assert "3 problems." in ran.err
    assert ran.err.count("content has changed") == 2
    assert ran.err.count("missing.") == 1
    one.unlink()
    captured("export", "frames", "out", "--format", form, *MANY_SHARDS)
    assert captured("export", "frames", "out", "--check").err.endswith(", 0 problems.\n")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "frame_00001_100ms.jpeg").unlink(),
        lambda folder: (folder / "frame_00001_100ms.jpeg").write_bytes(b"<html>"),
        lambda folder: (folder / "manifest.json").write_text("[\n]\n"),
        lambda folder: (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:-300]),
        lambda folder: (folder / "metadata.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text(
            (folder / "manifest.json").read_text().replace('"gear":3', '"gear":null')
        ),
        lambda folder: (folder / "manifest.json").write_text(
            (folder / "manifest.json").read_text().replace("frame_00001_100ms.jpeg", "../../../tmx.db")
        ),
    ],
    ids=[
        "frame gone",
        "frame is a page",
        "nothing listed",
        "cut off",
        "no metadata",
        "null instead of a number",
        "another path",
    ],
)
def test_a_damaged_run_is_left_out_completely_and_reported(captured: Tool, spoil: Any) -> None:
    spoil(captured.folder / "data" / "frames" / "1" / "11")
    ran = captured("export", "frames", "out", "--json", ends=3)
    assert "1 run left out." in ran.err
    assert "verify" in ran.err
    assert sum(part["runs"] for part in ran.json.values()) == len(RUNS) - 1
    assert sum(part["frames"] for part in ran.json.values()) == sum(RUNS.values()) - RUNS[11]
    replays = {facts["replay_id"] for _, _, _, facts in in_tars(captured.folder / "out")}
    assert replays == RUNS.keys() - {11}
    captured("export", "frames", "out", "--check")
    listed = [json.loads(line) for line in (captured.folder / "out" / "runs.jsonl").read_text().splitlines()]
    assert {row["replay_id"] for row in listed} == RUNS.keys() - {11}
    assert all(row["shard"].startswith(row["split"]) for row in listed)


@pytest.mark.parametrize("form", READERS)
def test_a_run_that_was_left_out_is_exported_once_it_is_complete(captured: Tool, form: str) -> None:
    arguments = ("export", "frames", "out", "--format", form, "--shard-frames", 20, "--json")
    run = captured.folder / "data" / "frames" / "1" / "11"
    away = run.rename(captured.folder / "away")
    captured(*arguments, ends=3)
    captured(*arguments, ends=3)  # still damaged: nothing is written again
    away.rename(run)
    ran = captured(*arguments)
    assert "continuing." in ran.err
    assert sum(part["runs"] for part in ran.json.values()) == len(RUNS)
    assert Counter(facts["replay_id"] for *_, facts in READERS[form](captured.folder / "out")) == RUNS
    assert "already written" in captured(*arguments).err
    captured("export", "frames", "out", "--check")  # the card has the new counts


@pytest.mark.parametrize("form", READERS)
def test_two_tracks_with_one_map_file_are_in_one_part_although_the_list_does_not_know_its_uid(
    captured: Tool, form: str
) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    for track_id in (1, 2):
        Rows(database).map(track_id, "done", uid="shared")
    database.close()
    captured.change("update tracks set uid = null where track_id = 1")
    captured.change("update tracks set uid = 'of the list' where track_id = 2")
    for seed in range(4):
        out = f"out{seed}"
        captured("export", "frames", out, "--format", form, "--seed", seed, "--split", "train=1,test=1")
        samples = [s for s in READERS[form](captured.folder / out) if s[3]["track_id"] in (1, 2)]
        assert {facts["map_uid"] for *_, facts in samples} == {"shared"}
        assert len({part for part, *_ in samples}) == 1
        listed = [json.loads(line) for line in (captured.folder / out / "runs.jsonl").read_text().splitlines()]
        assert {row["map_uid"] for row in listed if row["track_id"] in (1, 2)} == {"shared"}


def test_a_field_has_one_type_in_all_samples(captured: Tool) -> None:
    captured.change("update tracks set uid = null where track_id in (1, 2, 3)")
    manifest = captured.folder / "data" / "frames" / "1" / "10" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rpm":8000.0', '"rpm":8000'))
    captured("export", "frames", "out")
    samples = [facts for *_, facts in in_tars(captured.folder / "out")]
    assert {type(facts["map_uid"]) for facts in samples} == {str}
    assert {type(facts["state"]["rpm"]) for facts in samples} == {float}
    assert len({json.dumps(_types(facts)) for facts in samples}) == 1


def _types(value: Any) -> Any:
    """Return the shape of a JSON value: field names, and types of the values."""
    if isinstance(value, dict):
        return {name: _types(one) for name, one in value.items()}
    return [_types(value[0])] if isinstance(value, list) else type(value).__name__


def test_datasets_decodes_the_pictures_of_parquet_without_a_cast(captured: Tool) -> None:
    captured("export", "frames", "out", "--format", "parquet")
    (file, *_) = (captured.folder / "out").rglob("*.parquet")
    features = json.loads(parquet.read_schema(file).metadata[b"huggingface"])["info"]["features"]
    assert features == {"image": {"_type": "Image"}}


@pytest.mark.parametrize(("form", "pattern"), [("webdataset", "train/*.tar"), ("parquet", "data/train-*.parquet")])
def test_the_card_names_the_files_of_each_part_and_the_counts(captured: Tool, form: str, pattern: str) -> None:
    captured("export", "frames", "out", "--format", form, *MANY_SHARDS)
    out = captured.folder / "out"
    card = (out / "README.md").read_text()
    front = card.split("---")[1]
    assert f"  - split: train\n    path: {pattern}\n" in front
    assert list(out.glob(pattern))
    rows = [line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith(("| train", "| val"))]
    assert sum(int(row[4]) for row in rows) == sum(RUNS.values())
    assert sum(int(row[3]) for row in rows) == len(RUNS)
    assert "- `width`: 64\n" in card
    assert "- `color`: rgb\n" in card
    assert "unknown" not in card


def test_a_card_that_a_user_has_changed_is_kept_and_its_counts_are_checked(captured: Tool) -> None:
    captured("export", "frames", "out")
    card, last = captured.folder / "out" / "README.md", captured.folder / "out" / "SHA256SUMS"
    card.write_text(card.read_text() + "\nOur own words.\n")
    last.unlink()
    captured("export", "frames", "out")
    assert last.exists()
    assert card.read_text().endswith("Our own words.\n")
    captured("export", "frames", "out", "--check")
    card.write_text("# Something else\n")
    assert "README.md: the counts of train, val differ." in captured("export", "frames", "out", "--check", ends=3).err


def test_a_record_that_was_cut_short_is_reported_and_its_shard_written_again(captured: Tool) -> None:
    captured("export", "frames", "out", *MANY_SHARDS)
    before = shards(captured.folder / "out")
    records = captured.folder / "out" / "export.done.jsonl"
    records.write_bytes(records.read_bytes()[:-20])
    ran = captured("export", "frames", "out", *MANY_SHARDS)
    assert "1 line was cut short in the list of finished shards" in ran.err
    assert len([json.loads(line) for line in records.read_text().splitlines()]) == len(before)
    assert shards(captured.folder / "out") == before
    assert captured("export", "frames", "out", "--check").err.endswith(", 0 problems.\n")


def test_a_second_export_into_the_same_folder_is_refused_while_the_first_one_runs(captured: Tool) -> None:
    lock = ExportLock(captured.folder / "out")
    lock.acquire()
    assert "another export is writing here" in captured("export", "frames", "out", ends=1).error
    lock.release()
    captured("export", "frames", "out")
    assert not (captured.folder / "out" / "export.lock").exists()


def test_an_export_that_selects_nothing_leaves_no_folder(captured: Tool) -> None:
    captured("export", "frames", "out", "--track-id", 9, ends=1)
    assert not (captured.folder / "out").exists()


def test_an_export_never_replaces_a_database(captured: Tool) -> None:
    before = (captured.folder / "tmx.db").read_bytes()
    assert "is a file, not a folder" in captured("export", "frames", "tmx.db", ends=1).error
    assert (captured.folder / "tmx.db").read_bytes() == before
