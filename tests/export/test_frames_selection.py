"""`tmxdb export frames`: which captures are exported, and what is said about the others."""

from __future__ import annotations

import re

import pytest

from tests import needs
from tests.export.conftest import RUNS
from tests.export.readers import in_tars
from tests.frames import captured_database
from tests.tool import Tool
from tmxdb.db.database import Database

parquet = needs.module("pyarrow.parquet")


def test_only_selected_captures_are_exported(captured: Tool) -> None:
    captured.change("update captures set time_matches = 0 where replay_id = 12")
    captured.change("update captures set frames_missed = 2 where replay_id = 11")
    captured("export", "frames", "a", "--track-id", 1, "--track-id", 2)
    captured("export", "frames", "b", "--track-id", 1, "--only-exact")
    (captured.folder / "ids.txt").write_text("3\n")
    captured("export", "frames", "c", "--track-ids", "ids.txt")
    load_export = [{facts["replay_id"] for *_, facts in in_tars(captured.folder / name)} for name in "abc"]
    assert load_export == [{10, 11, 12, 20}, {10}, {30, 31}]


@pytest.mark.parametrize(("name", "usual", "other"), [("width", 64, 96), ("camera", 1, 2)])
def test_pictures_that_look_different_are_mixed_only_on_request(
    captured: Tool, name: str, usual: int, other: int
) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 5}, **{name: other})
    database.close()
    refused = captured("export", "frames", "out", ends=1).error
    assert f"9 with {name}={usual}; 1 with {name}={other}" in refused
    captured("export", "frames", "some", "--setting", f"{name}={other}")
    assert sum(1 for _ in in_tars(captured.folder / "some")) == 5
    captured("export", "frames", "both", "--mixed")
    assert sum(1 for _ in in_tars(captured.folder / "both")) == sum(RUNS.values()) + 5


def test_pictures_of_a_watched_ghost_have_no_labels_and_are_refused(captured: Tool) -> None:
    database = Database(str(captured.folder / "tmx.db"))
    captured_database(database, captured.folder / "data", {70: 5}, drive="ghost")
    database.close()
    for words in ((), ("--mixed",), ("--setting", "drive=ghost"), ("--track-id", 7)):
        assert "selected captures show a watched ghost" in captured("export", "frames", "out", *words, ends=1).error
    captured("export", "frames", "out", "--setting", "drive=script")
    assert sum(1 for _ in in_tars(captured.folder / "out")) == sum(RUNS.values())
    captured("convert-captures", "--to", "tar", "--track-id", 7)


def test_settings_that_rows_leave_out_are_their_defaults(captured: Tool) -> None:
    words = ("export", "frames", "out", "--dry-run", "--json", "--split", "all=1")
    matching = captured(*words, "--setting", "store=files", "--setting", "telemetry-hz=100").json
    assert matching["all"]["runs"] == len(RUNS)
    assert f"{len(RUNS)} with store=files" in captured(*words, "--setting", "store=tar", ends=1).error


def test_a_dry_run_counts_and_writes_nothing(captured: Tool) -> None:
    before = captured.files()
    parts = captured("export", "frames", "out", "--dry-run", "--json", "--split", "train=1").json
    assert parts == {"train": {"shards": 1, "tracks": 6, "runs": len(RUNS), "frames": sum(RUNS.values())}}
    assert captured.files() == before


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("out", "--split", "train"), 2, "write it like train=0.8"),
        (("out", "--setting", "width"), 2, "write it as NAME=VALUE"),
        (("out", "--setting", "step-ms=10", "--setting", "step_ms=20"), 2, "step_ms is given twice: 10 and 20"),
        (("out", "--split", "train=0.8"), 2, "the shares add up to 0.8"),
        (("out", "--split", "a=0.5,b=0.5", "--split", "a=1"), 2, "a is given twice"),
        (("out", "--setting", "widht=64"), 2, "--setting widht: unknown setting. Did you mean width?"),
        (("out", "--setting", "zoom=2"), 2, "Known settings: fps, width, height"),
        (("out", "--track-id", "9"), 1, "no finished capture matches (track 9). Captures left out: 9 of other tracks."),
        (("out", "--setting", "width=96"), 1, "Captures left out: 9 with width=64."),
        (("data",), 1, "data is not empty and contains no export"),
        (("data", "--check"), 1, "data contains no export"),
        (("out", "--track-ids", "nothing.txt"), 2, "nothing.txt: No such file"),
    ],
)
def test_an_impossible_export_is_one_sentence(
    captured: Tool, arguments: tuple[str, ...], status: int, told: str
) -> None:
    assert told in captured("export", "frames", *arguments, ends=status).error


def test_an_export_that_selects_nothing_counts_the_reasons(captured: Tool) -> None:
    captured.change("update captures set status = 'pending', finished_at = null where replay_id = 12")
    captured.change("update captures set time_matches = 0 where replay_id in (10, 11)")
    error = captured("export", "frames", "out", "--track-id", 1, "--only-exact", ends=1).error
    assert "6 of other tracks, 2 not exact (--only-exact), 1 not finished" in error


def test_a_track_that_is_not_in_the_database_is_named_and_the_rest_exported(captured: Tool) -> None:
    ran = captured("export", "frames", "out", "--track-id", 1, "--track-id", 99, ends=3)
    assert "The database has no track 99." in ran.err
    assert {facts["track_id"] for *_, facts in in_tars(captured.folder / "out")} == {1}


def test_an_empty_part_is_reported(captured: Tool) -> None:
    ran = captured("export", "frames", "out", "--track-id", 1, "--split", "train=0.5,val=0.5", "--json")
    (empty,) = [name for name, part in ran.json.items() if not part["frames"]]
    assert f"{empty} has 0% of the frames instead of 50%" in ran.err


def test_a_small_part_that_is_empty_is_reported_too(captured: Tool) -> None:
    ran = captured("export", "frames", "out", "--track-id", 1, "--split", "train=0.9", "--split", "val=0.1", "--json")
    (empty,) = [name for name, part in ran.json.items() if not part["frames"]]
    assert f"{empty} has 0% of the frames" in ran.err


def test_other_options_for_the_same_folder_are_rejected_with_their_difference(captured: Tool) -> None:
    captured("export", "frames", "out")
    ran = captured("export", "frames", "out", "--seed", 1, "--format", "parquet", "--track-id", 1, ends=1)
    (said,) = re.findall("another export: (.*) Choose another folder", ran.error)
    differences = [
        "--format: webdataset before, parquet now",
        "--seed: 0 before, 1 now",
        "captures: all before, track 1 now.",
    ]
    assert said.split("; ") == differences
    ran = captured("export", "frames", "out", "--split", "train=0.5,val=0.5", ends=1)
    assert "--split: train=0.9,val=0.1 before, train=0.5,val=0.5 now." in ran.error


def test_an_export_of_a_live_selection_continues_after_its_tracks_changed(captured: Tool) -> None:
    captured("select", "first", "--where", "track_id < 3")
    captured("export", "frames", "out", "--only", "first")
    wanted = captured("export", "frames", "out", "--only", "first", "--json").json
    captured.change("delete from selection_tracks where track_id = 2")
    next((captured.folder / "out").glob("*/*.tar")).unlink()
    assert captured("export", "frames", "out", "--only", "first", "--json").json == wanted
    assert {facts["track_id"] for *_, facts in in_tars(captured.folder / "out")} == {1, 2}
    ran = captured("export", "frames", "out", "--only", "first", "--track-id", 1, ends=1)
    assert "captures: selection first before, selection first (track 1) now." in ran.error


def test_an_export_that_an_earlier_version_began_continues(captured: Tool) -> None:
    captured("select", "first", "--where", "track_id < 3")
    captured("export", "frames", "out", "--only", "first")
    plan = captured.folder / "out" / "export.json"
    plan.write_text(plan.read_text().replace('"selection first"', '"track 1, track 2"'))
    next((captured.folder / "out").glob("*/*.tar")).unlink()
    assert "continuing." in captured("export", "frames", "out", "--only", "first").err
