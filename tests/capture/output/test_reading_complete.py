"""Complete captures are recognised by their manifest, which is read entry by entry."""

from __future__ import annotations

import errno
import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from tests.capture.output.test_manifest import RUN
from tests.capture.output.test_output_folder import PATH, SETTINGS, keep, make, storage
from tests.capture.race.cars import car
from tmxdb.capture.output.folder import read_complete
from tmxdb.capture.output.manifest import MANIFEST, METADATA, FrameRecord
from tmxdb.errors import DiskError
from tmxdb.storage import Storage

__all__ = ["storage"]


def test_a_long_manifest_is_read_entry_by_entry(storage: Storage) -> None:
    folder, frames, settings = make(storage, keep(0, 0)), 3000, replace(SETTINGS, store="video")
    entries = (FrameRecord(step, 10 * step, car(), 0).to_json() for step in range(frames))
    (folder / MANIFEST).write_text("[\n" + ",\n".join(entries) + "\n]\n")
    (folder / "frames.mp4").write_bytes(b"x")
    metadata = json.loads((folder / METADATA).read_bytes()) | {
        "total_frames": frames,
        "settings": settings.to_dict(),
        "store": {"kind": "video", "file": "frames.mp4", "bytes": 1},
    }
    (folder / METADATA).write_text(json.dumps(metadata))
    tracemalloc.start()
    try:
        assert read_complete(storage, PATH, RUN.replay_id, settings) == metadata
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (folder / MANIFEST).stat().st_size / 4


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
def test_a_folder_whose_manifest_cannot_be_read_is_not_taken_for_damaged(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It would be replaced."""
    make(storage, keep(0, 0))

    def refuse(folder: Path) -> None:
        raise OSError(number, os.strerror(number), str(folder / MANIFEST))

    monkeypatch.setattr("tmxdb.capture.output.reader._open_manifest", refuse)
    with pytest.raises(DiskError) as refused:
        read_complete(storage, PATH, RUN.replay_id, SETTINGS)
    assert refused.value.code == {errno.EIO: "disk.failed", errno.EACCES: "disk.unreadable"}[number]
    assert MANIFEST in str(refused.value)
    assert "written" not in str(refused.value)
