"""A whole export: its plan is written first, then shard after shard; interrupted at any moment it goes on from there.

OUT/export.json         what was wished for, and which run goes into which shard
OUT/export.done.jsonl   a line for each shard that is whole: frames, bytes, SHA-256, runs left out
OUT/runs.jsonl          at the end: a line for each run, with its metadata, its part and its shard
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tmxdb.capture.reading import read_metadata
from tmxdb.errors import BadInput, TmxdbError
from tmxdb.export import parquet, webdataset
from tmxdb.export.plan import Captured, Shard, Wish, as_json, from_json, plan
from tmxdb.export.samples import RunDamaged, Sample, samples
from tmxdb.queue.job import GivenBack
from tmxdb.storage import PARTIAL, Storage, disk_errors, write_whole

_INSTEAD = "give another OUT"
PLAN, DONE, RUNS = "export.json", "export.done.jsonl", "runs.jsonl"
FORMATS = {"webdataset": webdataset, "parquet": parquet}


@dataclass(frozen=True, slots=True)
class Written:
    """A shard that is whole. `left_out`: runs that are not in it after all, by capture, and why."""

    file: str
    frames: int
    bytes: int
    sha256: str
    left_out: dict[int, str] = field(default_factory=dict)


class Export:
    """An export into the folder `out`, begun or found there."""

    def __init__(self, out: Path, wish: Wish, shards: Sequence[Shard]) -> None:
        self.out, self.wish, self.shards = out, wish, shards
        self.written = {row.file: row for row in _written(out)}

    @property
    def missing(self) -> list[Shard]:
        """Shards that are still to be written: never finished, or not there any more in their full size."""
        return [shard for shard in self.shards if not self._is_there(shard)]

    @property
    def left_out(self) -> dict[int, str]:
        """Runs that are damaged, by capture, and why."""
        return {capture: why for row in self.written.values() for capture, why in row.left_out.items()}

    def write(
        self,
        data: Path,
        *,
        stop: threading.Event,
        on_frame: Callable[[], object],
        on_shard: Callable[[Written], object],
    ) -> None:
        """Write every missing shard. Raises GivenBack when told to `stop`, DiskTrouble, BadInput."""
        for shard in self.missing:
            written = self._write_shard(data, shard, stop, on_frame)
            self.written[shard.file] = written
            with disk_errors(DONE, instead=_INSTEAD), (self.out / DONE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(written)) + "\n")
                file.flush()
                os.fsync(file.fileno())
            on_shard(written)
        self._list_runs(data)
        self._tidy()

    def check(self, on_shard: Callable[[Shard], object]) -> list[str]:
        """Read every shard again, whole; answers what is wrong, one sentence each."""
        problems = []
        for shard in self.shards:
            problem = self._problem(shard)
            if problem:
                problems.append(f"{shard.file}: {problem}")
            on_shard(shard)
        return problems

    def _is_there(self, shard: Shard) -> bool:
        written, path = self.written.get(shard.file), self.out / shard.file
        return written is not None and path.is_file() and path.stat().st_size == written.bytes

    def _write_shard(self, data: Path, shard: Shard, stop: threading.Event, on_frame: Callable[[], object]) -> Written:
        left_out: dict[int, str] = {}
        while True:
            try:
                with Storage(self.out, instead=_INSTEAD).new_file(shard.file, owner=f"export-{os.getpid()}") as new:
                    file = _Hashing(new.write)
                    counted = _counted(samples(data, shard, left_out), stop, on_frame)
                    frames = FORMATS[self.wish.form].write(file, counted)
                    new.publish()
                    return Written(shard.file, frames, new.size, file.sha256.hexdigest(), left_out)
            except RunDamaged as damaged:  # begin this shard anew: a run is in it whole or not at all
                left_out[damaged.run.capture_id] = str(damaged)

    def _problem(self, shard: Shard) -> str | None:
        written, path = self.written.get(shard.file), self.out / shard.file
        if written is None or not path.is_file():
            return "not there; the same command writes it."
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != written.sha256:
                return "not what was written; delete it, and the same command writes it anew."
            file.seek(0)
            try:
                frames = FORMATS[self.wish.form].count(file)
            except BadInput as error:
                return f"{error}."
        expected = shard.frames - sum(run.frame_count for run in shard.captures if run.capture_id in written.left_out)
        return None if frames == written.frames == expected else f"{frames} frames instead of {expected}."

    def _tidy(self) -> None:
        """What killed exports have left under temporary names; only now is none of it wanted any more."""
        storage = Storage(self.out, instead=_INSTEAD)
        storage.sweep(storage.half_written(), live=set())
        for folder in self.out.glob(f"*/{PARTIAL}"):
            with suppress(OSError):
                folder.rmdir()

    def _list_runs(self, data: Path) -> None:
        """The index of the data set: for those who train on whole runs, or look for one."""
        lines = []
        for shard in self.shards:
            for run in shard.captures:
                if run.capture_id not in self.left_out:
                    facts = {"split": shard.split, "shard": shard.file, "capture_id": run.capture_id}
                    facts |= _metadata(data, run) | {"map_uid": run.map_uid}
                    lines.append(json.dumps(facts, separators=(",", ":")))
        write_whole(self.out / RUNS, "".join(f"{line}\n" for line in lines).encode(), instead=_INSTEAD)


def begin(out: Path, wish: Wish, choose: Callable[[], list[Captured]]) -> Export:
    """The export in `out`: what was begun there with the same wish, else a new one of what `choose` answers.

    Captures that were finished since are no part of an export that was begun before: it would never be whole.
    Raises BadInput if something else lies there.
    """
    path = out / PLAN
    if not path.exists():
        if out.is_dir() and any(out.iterdir()):
            raise BadInput(f"{out} is not empty and holds no export: choose another folder.", code="input.not_empty")
        shards = plan(wish, choose())
        with disk_errors(str(out), instead=_INSTEAD):
            out.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(as_json(wish, shards)) + "\n").encode(), instead=_INSTEAD)
        return Export(out, wish, shards)
    export = found(out)
    if export.wish != wish:
        raise BadInput(
            f"{out} holds another export: {_differences(export.wish, wish)}. Choose another folder,"
            " or the options of then.",
            code="input.other_export",
        )
    return export


def found(out: Path) -> Export:
    """The export that was begun in `out`, whatever it is. Raises BadInput if there is none."""
    try:
        return Export(out, *from_json(json.loads((out / PLAN).read_text("utf-8"))))
    except FileNotFoundError as error:
        raise BadInput(f"{out} holds no export: {PLAN} is not there.", code="input.no_export") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{out / PLAN} can not be read as an export's plan.", code="input.no_export") from error


def _written(out: Path) -> Iterator[Written]:
    """What is noted as done; a last line that was cut off says nothing."""
    try:
        lines = (out / DONE).read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            row: dict[str, Any] = json.loads(line)
            left_out = {int(capture): str(why) for capture, why in row.pop("left_out").items()}
            yield Written(**row, left_out=left_out)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue


def _counted(found: Iterator[Sample], stop: threading.Event, on_frame: Callable[[], object]) -> Iterator[Sample]:
    for sample in found:
        if stop.is_set():
            raise GivenBack("the export was told to stop")
        yield sample
        on_frame()


def _metadata(data: Path, run: Captured) -> dict[str, Any]:
    try:
        return read_metadata(data.joinpath(*run.folder_path.split("/")))
    except TmxdbError:  # deleted since it was exported: the shard has it all the same
        return {"replay_id": run.replay_id, "track_id": run.track_id, "total_frames": run.frame_count}


def _differences(there: Wish, wanted: Wish) -> str:
    before, now = asdict(there), asdict(wanted)
    return "; ".join(f"{name} was {before[name]}, is {now[name]}" for name in before if before[name] != now[name])


class _Hashing:
    """A file that can only be written on, and knows the hash of what was written."""

    closed = False

    def __init__(self, write: Callable[[bytes], int]) -> None:
        self._write = write
        self._size = 0
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        piece = bytes(data)
        self.sha256.update(piece)
        self._size += len(piece)
        return self._write(piece)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The one who opened it publishes it."""
