"""`--format webdataset` and captures stored as tars, read with the webdataset library."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import needs
from tests.export.conftest import RUNS
from tests.export.readers import in_tars
from tests.tool import Tool


def samples(files: list[Path]) -> Iterator[dict[str, Any]]:
    """Yield what the library reads, pictures as RGB images."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about packages that it imports
        webdataset = needs.module("webdataset")
        yield from webdataset.WebDataset([str(file) for file in files], shardshuffle=False).decode("pil")


def test_the_library_reads_every_sample_of_an_export(captured: Tool) -> None:
    captured("export", "frames", "out", "--format", "webdataset", "--no-progress")
    out = captured.folder / "out"
    expected = {key: facts for _, key, _, facts in in_tars(out)}
    found = list(samples(sorted(out.rglob("*.tar"))))
    assert len(found) == len(expected) == sum(RUNS.values())
    for sample in found:
        assert sample["json"] == expected[sample["__key__"]]
        assert sample["jpg"].size == (64, 64)
        assert abs(sample["jpg"].getpixel((0, 0))[0] - sample["json"]["time_ms"] // 100) <= 2


def test_the_library_reads_a_capture_that_is_stored_as_a_tar(captured: Tool) -> None:
    captured("convert-captures", "--to", "tar", "--no-progress")
    found = list(samples(sorted((captured.folder / "data" / "frames").rglob("frames.tar"))))
    assert len(found) == sum(RUNS.values())
    for sample in found:
        assert sample["jpg"].size == (64, 64)
        assert abs(sample["jpg"].getpixel((0, 0))[0] - sample["json"]["time_ms"] // 100) <= 2
        assert isinstance(sample["cls"], int)
