"""SHA256SUMS of captured frames: every file of each format, also pictures in files of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.tool import Tool
from tmxdb.export.hub_card import read_sums, sums_text
from tmxdb.storage.hashing_file import file_sha256

OWN = {"README.md", "SHA256SUMS", "export.json", "export.done.jsonl"}
"""What the export has for itself."""
FORMATS = {
    "webdataset": (),
    "parquet": ("pyarrow.parquet",),
    "lerobot": ("pyarrow.parquet", "numpy"),
    "lerobot --pictures video": ("pyarrow.parquet", "av"),
    "minari": ("h5py",),
    "huggingface": ("pyarrow.parquet",),
    "huggingface --pictures files": (),
    "rulka": (),
}
WITH_PICTURES = {"huggingface --pictures files": "metadata.jsonl", "rulka": "manifest.json"}
"""Formats with pictures in files of their own, with the file that lists them."""


def export(captured: Tool, form: str) -> Path:
    captured("export", "frames", "out", "--no-progress", "--shard-frames", 8, "--format", *form.split())
    return captured.folder / "out"


def right_sums(out: Path) -> dict[str, str]:
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    return {name: file_sha256(path) for name, path in files.items() if name not in OWN}


@pytest.mark.parametrize("form", FORMATS)
def test_every_file_has_its_sum(captured: Tool, form: str) -> None:
    for name in FORMATS[form]:
        needs.module(name)
    out = export(captured, form)
    assert read_sums((out / "SHA256SUMS").read_bytes()) == right_sums(out)
    assert "`SHA256SUMS` has the SHA-256 of every file.\n" in (out / "README.md").read_text()


@pytest.mark.parametrize("form", WITH_PICTURES)
def test_a_picture_that_has_changed_is_found_and_comes_back_as_the_message_says(captured: Tool, form: str) -> None:
    out = export(captured, form)
    picture = next(path for path in sorted(out.rglob("*")) if path.suffix in (".jpg", ".jpeg"))
    before = picture.read_bytes()
    picture.unlink()  # it may be a link to the file of the capture
    picture.write_bytes(before[:-2] + b"\0" + before[-2:])
    index = next(folder / WITH_PICTURES[form] for folder in picture.parents if (folder / WITH_PICTURES[form]).exists())
    said = captured("export", "--check", "out", ends=3).err
    assert (
        f"{index.relative_to(out).as_posix()}: 1 of the files beside it are missing or have changed. Delete"
        f" {index.name} and run the same export again.\n"
    ) in said
    assert "1 problem." in said
    index.unlink()
    export(captured, form)
    assert picture.read_bytes() == before
    assert "0 problems" in captured("export", "--check", "out").err


@pytest.mark.parametrize("form", WITH_PICTURES)
def test_sums_of_an_older_version_are_completed_by_the_same_command(captured: Tool, form: str) -> None:
    out = export(captured, form)
    listed = {
        name: sha256 for name, sha256 in right_sums(out).items() if name.endswith(("runs.jsonl", WITH_PICTURES[form]))
    }
    (out / "SHA256SUMS").write_bytes(sums_text(listed))
    assert "0 problems" in captured("export", "--check", "out").err
    export(captured, form)
    assert read_sums((out / "SHA256SUMS").read_bytes()) == right_sums(out)
