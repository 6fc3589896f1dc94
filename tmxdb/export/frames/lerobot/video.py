"""Pictures of LeRobot episodes as videos: H.264 at the rate of the data set, several episodes in a file.

PART/videos/observation.image/chunk-000/file-000.mp4

Frame j of an episode is at `from_timestamp` + j / fps in its file, and nothing else ties a picture to its row. LeRobot
compares these times as float32, which is too coarse beyond 1024 s: no file is longer than 1000 s.
docs/facts/training.md#lerobot
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from tmxdb.capture.output.reader import decode_jpeg
from tmxdb.capture.store.video import VideoWriter, read_frame
from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample, RunDamaged
from tmxdb.storage import disk_errors, durable
from tmxdb.storage.os_errors import CHOOSE_OUT

IMAGE = "observation.image"
FILES_PER_CHUNK = 1000
MAX_SECONDS = 1000
VIDEO_PATTERN = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"


class EpisodeVideos:
    """Writes the videos of one shard. Call `finish` or `discard` at the end."""

    def __init__(self, part: Path, first: int) -> None:
        """`first`: the number of the next file of the part. Raise InvalidInput if PyAV is not installed."""
        self._part, self._next = part, first
        self._writer: VideoWriter | None = None
        self._target = part
        self.files: list[dict[str, Any]] = []
        """Complete files: `number`, `bytes`, and what `VideoWriter.finish` returns."""

    def add(self, episode: Sequence[FrameSample]) -> dict[str, int]:
        """Append an episode. Return its `video` (the number of a file) and `video_from` (a frame in it).

        Raise RunDamaged if a picture cannot be decoded or has another size, DiskError.
        """
        run = episode[0].run
        if self._writer is not None and self._writer.frames + len(episode) > MAX_SECONDS * run.fps:
            self._complete()
        with disk_errors(str(self._target), instead=CHOOSE_OUT):
            if self._writer is None:
                self._target = video_path(self._part, self._next)
                self._target.parent.mkdir(parents=True, exist_ok=True)
                size = {"width": run.width, "height": run.height}
                self._writer = VideoWriter(_temporary(self._target), fps=run.fps, lossless=False, **size)
            begin = self._writer.frames
            for sample in episode:
                self._writer.add(_picture(sample))
        return {"video": self._next, "video_from": begin}

    def finish(self) -> list[dict[str, Any]]:
        """Complete the last file. Return all files."""
        if self._writer is not None:
            self._complete()
        return self.files

    def discard(self) -> None:
        """Delete the files of this shard: it will be written again."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            with suppress(OSError):
                durable.unlink(_temporary(self._target), missing_ok=True)
        for file in self.files:
            with suppress(OSError):
                durable.unlink(video_path(self._part, file["number"]), missing_ok=True)
        self.files = []

    def _complete(self) -> None:
        assert self._writer is not None
        temporary = _temporary(self._target)
        with disk_errors(str(self._target), instead=CHOOSE_OUT):
            frames, stored = self._writer.frames, self._writer.finish()
            self._writer = None
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            durable.replace(temporary, self._target)
        names = ("bytes", "codec", "pix_fmt", "fps", "gop", "crf")
        self.files.append({"number": self._next, "frames": frames} | {name: stored[name] for name in names})
        self._next += 1


def video_path(part: Path, number: int) -> Path:
    """Return the path of a video file of a part."""
    chunk, file = divmod(number, FILES_PER_CHUNK)
    return part / "videos" / IMAGE / f"chunk-{chunk:03d}" / f"file-{file:03d}.mp4"


def video_feature(file: Mapping[str, Any], height: int, width: int) -> dict[str, Any]:
    """Return the feature of info.json. `file`: any file of the part; all have one codec, size and rate."""
    return {
        "dtype": "video",
        "shape": [height, width, 3],
        "names": ["height", "width", "channels"],
        "info": {
            "video.height": height,
            "video.width": width,
            "video.channels": 3,
            "video.fps": file["fps"],
            "video.codec": file["codec"],
            "video.pix_fmt": file["pix_fmt"],
            "video.g": file["gop"],
            "video.crf": file["crf"],
            "has_audio": False,
            "is_depth_map": False,
        },
    }


def frame_times(facts: Mapping[str, Any], fps: int) -> dict[str, Any]:
    """Return the columns of `meta/episodes` that say where the pictures of an episode are."""
    chunk, file = divmod(facts["video"], FILES_PER_CHUNK)
    begin = facts["video_from"]
    return {
        f"videos/{IMAGE}/chunk_index": chunk,
        f"videos/{IMAGE}/file_index": file,
        f"videos/{IMAGE}/from_timestamp": begin / fps,  # of a whole number of frames, not a sum of seconds
        f"videos/{IMAGE}/to_timestamp": (begin + facts["length"]) / fps,
    }


def read_pictures(part: Path, files: Sequence[Mapping[str, Any]], most: int) -> list[Any]:
    """Return up to `most` pictures of the videos at equal distances, as arrays (height, width, 3), uint8, RGB."""
    every, begin, pictures = -(-sum(file["frames"] for file in files) // most), 0, []
    for file in files:
        path = video_path(part, file["number"])
        pictures += [np.asarray(read_frame(path, number)) for number in range(-begin % every, file["frames"], every)]
        begin += file["frames"]
    return pictures


def videos_exist(part: Path, files: Sequence[dict[str, Any]]) -> bool:
    """Return whether all files are there in their full size."""
    try:
        return all(video_path(part, file["number"]).stat().st_size == file["bytes"] for file in files)
    except OSError:
        return False


def _temporary(target: Path) -> Path:
    return target.with_name(f"{target.name}.partial")


def _picture(sample: FrameSample) -> Any:
    capture_id, path = sample.facts["capture_id"], sample.run.folder / sample.file
    try:
        picture = decode_jpeg(sample.jpeg, path)
    except InvalidInput as error:
        raise RunDamaged(capture_id, str(error)) from error
    if picture.size != (sample.run.width, sample.run.height):
        raise RunDamaged(
            capture_id, f"{path}: is {picture.size} pixels large. Run `tmxdb verify --repair` to capture it again."
        )
    return picture
