"""`--format lerobot --pictures video`: every frame of every video is that of its row, by the rules of the format."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import needs
from tests.export.conftest import RUNS
from tests.export.formats.lerobot_rules import decoded_times, validate
from tests.frames import jpeg
from tests.tool import Tool
from tmxdb.capture.store.video import read_frame
from tmxdb.export.frames.lerobot import rows, video

parquet = needs.module("pyarrow.parquet")
needs.module("av")

EXPORT = ("export", "frames", "dataset", "--format", "lerobot", "--pictures", "video", "--split", "train=0.6,val=0.4",
          "--shard-frames", 8, "--no-progress")  # fmt: skip


def videos(part: Path) -> list[Path]:
    return sorted(part.glob("videos/*/*/*.mp4"))


def red(time_ms: int) -> int:
    """Return a colour that differs by 60 from one frame to the next: more than a video changes it."""
    return time_ms // 100 * 60 % 256


def test_every_frame_of_a_video_is_that_of_its_row(captured: Tool) -> None:
    for path in captured.folder.glob("data/frames/*/*/*.jpeg"):
        path.write_bytes(jpeg(100 * red(int(path.stem.rpartition("_")[2].removesuffix("ms")))))
    captured(*EXPORT)
    out = captured.folder / "dataset"
    infos = [validate(out / name) for name in ("train", "val")]
    assert sum(info["total_frames"] for info in infos) == sum(RUNS.values())
    for part in (out / "train", out / "val"):
        times = [row["time_ms"] for path in sorted(part.glob("data/*/*")) for row in parquet.read_table(path).to_pylist()]  # fmt: skip  # noqa: E501
        shown = [read_frame(path, number) for path in videos(part) for number in range(len(decoded_times(path)[1]))]
        assert len(shown) == len(times)
        for picture, time_ms in zip(shown, times, strict=True):
            assert abs(picture.getpixel((32, 32))[0] - red(time_ms)) < 15
    assert "0 problems" in captured("export", "frames", "dataset", "--check").err


def test_a_video_that_is_gone_is_written_again_with_the_same_bytes(captured: Tool) -> None:
    captured(*EXPORT)
    out = captured.folder / "dataset"
    whole = {path: path.read_bytes() for path in out.rglob("*") if path.suffix in (".parquet", ".mp4")}
    first = videos(out / "train")[0]
    first.unlink()
    assert f"{first.name}: missing" in captured("export", "frames", "dataset", "--check", ends=3).err
    captured(*EXPORT)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.suffix in (".parquet", ".mp4")} == whole
    validate(out / "train")


def test_check_finds_a_video_that_has_changed(captured: Tool) -> None:
    captured(*EXPORT)
    path = videos(captured.folder / "dataset" / "train")[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    said = captured("export", "--check", "dataset", ends=3).err
    assert f"{path.name}: its content has changed." in said


def test_no_video_is_longer_than_its_limit(captured: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (video, rows):
        monkeypatch.setattr(module, "MAX_SECONDS", 0.5)  # five frames
    captured(*EXPORT[:-3], "--no-progress")  # one shard for each part
    lengths = []
    for part in (captured.folder / "dataset" / "train", captured.folder / "dataset" / "val"):
        validate(part)
        lengths += [len(decoded_times(path)[1]) for path in videos(part)]
    assert max(lengths) == 5
    assert sum(lengths) == sum(RUNS.values())


def test_a_run_with_a_picture_that_cannot_be_decoded_is_left_out(captured: Tool) -> None:
    path = captured.folder / "data/frames/2/20/frame_00001_100ms.jpeg"
    path.write_bytes(b"\xff\xd8 no picture \xff\xd9")
    said = captured(*EXPORT, ends=3).err
    assert f"{path.name}: cannot be decoded" in said
    assert "1 run left out" in said
    infos = [validate(captured.folder / "dataset" / name) for name in ("train", "val")]
    assert sum(info["total_frames"] for info in infos) == sum(RUNS.values()) - RUNS[20]


def test_only_lerobot_has_videos(captured: Tool) -> None:
    said = captured("export", "frames", "out", "--pictures", "video", ends=2).error
    assert "--pictures video: only with --format lerobot." in said
