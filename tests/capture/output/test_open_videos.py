"""Videos that stay open to be read again: few of them, and none while its file is replaced or deleted."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import needs
from tests.capture.output.stored import PATH, made, read_all
from tmxdb.capture.output.reader import read_frames, read_image
from tmxdb.capture.store.convert import convert
from tmxdb.capture.store.video import close_videos
from tmxdb.storage import Storage, durable
from tmxdb.upkeep.capture_integrity import capture_problem

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows itself refuses it: tests/capture/output/test_store.py")


def test_no_more_than_four_videos_stay_open(tmp_path: Path) -> None:
    needs.module("av")
    folders = [made(tmp_path / str(number), "video", fps=10) for number in range(7)]
    with without_garbage_collection():
        for folder in folders:
            read_image(folder, next(read_frames(folder)))
        assert {path.parent for path in open_files() if path.name == "frames.mp4"} == set(folders[-4:])
        close_videos()
        assert not [path for path in open_files() if path.name == "frames.mp4"]


@pytest.mark.parametrize("target", ["files", "tar", "video-lossless"])
def test_a_conversion_replaces_and_deletes_no_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """Windows refuses both."""
    folder, touched = made(tmp_path, "video"), set()
    read_all(folder)

    def checked(real: Callable[..., None]) -> Callable[..., None]:
        def operation(*paths: Any, **options: Any) -> None:
            assert not open_files() & set(map(Path, paths))
            touched.update(map(Path, paths))
            real(*paths, **options)

        return operation

    for name in ("replace", "unlink"):
        monkeypatch.setattr(durable, name, checked(getattr(durable, name)))
    with without_garbage_collection():
        assert convert(Storage(tmp_path), PATH, target, owner="me") is not None
    assert folder / "frames.mp4" in touched
    assert capture_problem(Storage(tmp_path), PATH, content=True) is None


def open_files() -> set[Path]:
    """Return the files that this process has open."""
    return {Path(file.path) for file in psutil.Process().open_files()}


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep open what only the garbage collector would close."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
