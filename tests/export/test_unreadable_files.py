"""Files of the mirror that exist and cannot be read: exports say so, and nothing is made again for it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.export.test_centerlines import mirrored
from tests.permissions import bound_by_permissions
from tests.tool import Tool
from tmxdb.capture.output.reader import read_frames, read_jpeg, read_metadata
from tmxdb.capture.telemetry.files import read_telemetry
from tmxdb.errors import InvalidInput
from tmxdb.storage import unread

__all__ = ["mirrored"]

CLOSED = "cannot be read (Permission denied). Check the permissions."


@contextmanager
def closed(file: Path) -> Iterator[None]:
    """Take the permission to read `file`."""
    mode = file.stat().st_mode
    file.chmod(0)
    try:
        with bound_by_permissions():
            yield
    finally:
        file.chmod(mode)


@pytest.mark.parametrize(
    "command",
    ["export vcp out --n 1", "export lines out.csv --processes 1", "export lake out --table lines --processes 1"],
)  # in this process, whose rights are taken away
def test_an_export_does_not_advise_to_download_it_again(mirrored: Tool, command: str) -> None:
    file = mirrored.folder / "data/replays/2/21.Replay.Gbx"
    with closed(file):
        said = mirrored(*command.split(), ends=None).err
    assert f"{file}: {CLOSED}" in said
    assert "--repair" not in said


def test_a_missing_file_is_downloaded_again() -> None:
    missing, denied, broken = (OSError(n, os.strerror(n)) for n in (errno.ENOENT, errno.EACCES, errno.EIO))
    assert unread(missing, "a", get_again="Again.") == "a: No such file or directory. Again."
    assert unread(denied, "a", get_again="Again.") == f"a: {CLOSED}"
    assert unread(broken, "a", get_again="Again.") == "a: Input/output error. Check the disk."


CAPTURED = ["metadata.json", "manifest.json", "telemetry.parquet", "frame_00001_100ms.jpeg"]


@pytest.mark.parametrize("name", CAPTURED)
def test_a_capture_that_cannot_be_read_is_not_captured_again(captured: Tool, name: str) -> None:
    (file,) = (captured.folder / "data" / "frames" / "1" / "10").glob(name)
    with closed(file):
        ran = captured("verify", "--hash", "--repair", ends=3)
    assert "unreadable: capture 10, frames/1/10: Permission denied" in ran.out
    assert captured.column("select distinct status from captures") == ["done"]


@pytest.mark.parametrize("name", CAPTURED)
def test_a_file_of_a_capture_is_named(captured: Tool, name: str) -> None:
    (file,) = (captured.folder / "data" / "frames" / "1" / "10").glob(name)

    def read_all(folder: Path) -> None:
        read_metadata(folder)
        read_telemetry(folder, "telemetry.parquet")
        for frame in read_frames(folder):
            read_jpeg(folder, frame)

    read_all(file.parent)
    with closed(file), pytest.raises(InvalidInput) as denied:
        read_all(file.parent)
    assert (denied.value.code, str(denied.value)) == ("input.unreadable", f"{file}: {CLOSED}")
    file.unlink()
    with pytest.raises(InvalidInput, match="verify --repair") as missing:
        read_all(file.parent)
    assert missing.value.code == "capture.damaged"
