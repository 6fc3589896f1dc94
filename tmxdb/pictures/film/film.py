"""Encodes a film: one picture for each time, at a constant rate."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tmxdb.capture.store.video import VideoWriter, require_av
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.pictures.film.above import AboveView
from tmxdb.pictures.film.runs import FilmRun
from tmxdb.pictures.film.side_by_side import FramesView
from tmxdb.queue.job import WorkerStopping

VIEWS = ("auto", "frames", "above")
HOLD_S = 1.0
"""How long the last picture stays."""
MAX_BESIDE, MAX_RUNS = 2, 8
_MAX_PICTURES = 500_000


class Film:
    """A film of runs, ready to be encoded. Raise InvalidInput or UsageError if it cannot be made."""

    def __init__(self, runs: Sequence[FilmRun], *, view: str, width: int, fps: int, speed: float) -> None:
        """`view`: one of VIEWS. `speed`: seconds of the race per second of the film."""
        require_av()
        _require_pillow()
        _check(runs)
        captured = all(run.frames for run in runs) and len(runs) <= MAX_BESIDE
        if view == "frames" and not captured:
            raise InvalidInput(_no_frames(runs), code="input.not_captured")
        self.view = "frames" if view == "frames" or (view == "auto" and captured) else "above"
        self._picture = FramesView(runs, width) if self.view == "frames" else AboveView(runs, width)
        end_ms = max(run.end_ms for run in runs)
        step_ms = 1000 * speed / fps
        driven = int(end_ms / step_ms) + 1
        if driven > _MAX_PICTURES:
            raise InvalidInput(
                f"a film of {driven:,} pictures is too long. Choose a lower --fps, or a higher --speed.",
                code="input.too_large",
            )
        self.times_ms = [min(end_ms, round(number * step_ms)) for number in range(driven + round(HOLD_S * fps))]
        self._fps = fps

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._picture.size

    def write(self, path: Path, *, stop: threading.Event, on_picture: Callable[[], object]) -> None:
        """Encode the film to `path`. Raise WorkerStopping once `stop` is set, or OSError."""
        width, height = self._picture.size
        video = VideoWriter(path, fps=self._fps, width=width, height=height, lossless=False)
        try:
            last_ms, picture = -1, None
            for time_ms in self.times_ms:
                if stop.is_set():
                    raise WorkerStopping("the film was interrupted")
                if time_ms != last_ms:
                    last_ms, picture = time_ms, self._picture.draw(time_ms)
                video.add(picture)
                on_picture()
            video.finish()
        finally:
            with suppress(OSError):
                video.close()


def _check(runs: Sequence[FilmRun]) -> None:
    if len(runs) > MAX_RUNS:
        raise UsageError(f"at most {MAX_RUNS} runs fit into a film, not {len(runs)}.", code="input.too_many")
    first = runs[0]
    for run in runs:
        if run.end_ms <= 0:
            raise InvalidInput(f"{run.name}: the replay has no race time and no positions.", code="input.no_samples")
        if run.map_uid and first.map_uid and run.map_uid != first.map_uid:
            raise InvalidInput(f"{first.name} and {run.name} are runs on different maps.", code="input.other_map")


def _no_frames(runs: Sequence[FilmRun]) -> str:
    if len(runs) > MAX_BESIDE:
        return f"frames of at most {MAX_BESIDE} runs fit beside each other. Leave --view out to see lines from above."
    name = next(run.name for run in runs if not run.frames)
    return f"{name}: there is no finished capture. Request one with `tmxdb add-captures`, or use --view above."


def _require_pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ModuleNotFoundError as error:
        raise InvalidInput(
            'A film needs Pillow. Install it with: pip install "tmxdb[video]"', code="input.extra"
        ) from error
