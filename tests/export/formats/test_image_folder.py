"""`--format huggingface --pictures files`: an image folder, read with the `datasets` library and without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.export.conftest import RUNS
from tests.export.readers import loaded_by_datasets
from tests.frames import jpeg
from tests.tool import Tool
from tmxdb.export.frames.huggingface import image_folder
from tmxdb.export.frames.vectors import STATE

EXPORT = ("export", "frames", "out", "--format", "huggingface", "--pictures", "files", "--split", "train=0.6,val=0.4",
          "--shard-frames", 8, "--no-progress")  # fmt: skip


def lines(metadata: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in metadata.read_text().splitlines()]


def test_every_picture_is_a_file_with_a_line_of_facts(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "out"
    found = []
    for metadata in sorted(out.glob("*/*/metadata.jsonl")):
        for line in lines(metadata):
            picture = metadata.parent / line["file_name"]
            assert picture.read_bytes() == jpeg(line["time_ms"])
            found.append(picture)
    assert sorted(found) == sorted(out.rglob("*.jpg"))
    assert len(found) == sum(RUNS.values())
    assert found[0].stat().st_nlink == 2  # a link to the file of the capture
    assert "0 problems" in captured("export", "--check", "out").err


def test_the_datasets_library_loads_it_in_parts_with_types(captured: Tool, tmp_path: Path) -> None:
    captured(*EXPORT)
    with loaded_by_datasets(captured.folder / "out", tmp_path / "cache") as loaded:
        types = {name: getattr(feature, "dtype", None) for name, feature in loaded["val"].features.items()}
        expected = {"track_id": "string", "step": "int64", "left": "bool", "fps": "float64", "map_uid": "string"}
        assert {name: types[name] for name in expected} == expected
        assert "label" not in types
        assert all(len(row["state"]) == len(STATE) for row in loaded["val"])


def test_a_long_run_is_divided_into_folders(captured: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "PICTURES_PER_FOLDER", 4)
    captured("export", "frames", "out", "--format", "huggingface", "--pictures", "files", "--no-progress", "--track-id", 1)  # fmt: skip  # noqa: E501
    names = [line["file_name"] for path in captured.folder.glob("out/*/*/metadata.jsonl") for line in lines(path)]
    mine = [name for name in names if name.startswith("00000012-")]
    assert [name.split("/")[0] for name in mine] == ["00000012-0"] * 4 + ["00000012-1"]


def test_a_damaged_run_leaves_no_picture(captured: Tool) -> None:
    (captured.folder / "data/frames/1/11/frame_00002_200ms.jpeg").write_bytes(b"<html>")
    assert "1 run left out" in captured(*EXPORT, ends=3).err
    assert not list(captured.folder.glob("out/*/*/00000011-*"))
    assert len(list(captured.folder.glob("out/**/*.jpg"))) == sum(RUNS.values()) - RUNS[11]
    assert "0 problems" in captured("export", "--check", "out").err


def test_a_picture_that_is_gone_comes_back_as_the_message_says(captured: Tool) -> None:
    captured(*EXPORT)
    picture = next(captured.folder.glob("out/*/*/*/*.jpg"))
    picture.unlink()
    said = captured("export", "--check", "out", ends=3).err
    assert "1 of its pictures are missing or cut short. Delete metadata.jsonl and run the same export again." in said
    (picture.parent.parent / image_folder.METADATA).unlink()
    captured(*EXPORT)
    assert picture.exists()
    assert "0 problems" in captured("export", "--check", "out").err


def test_other_formats_have_no_files(captured: Tool) -> None:
    said = captured("export", "frames", "out", "--format", "parquet", "--pictures", "files", ends=2).error
    assert "--pictures files: only with --format huggingface." in said
