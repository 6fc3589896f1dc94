"""A complete export: the plan is written first, then shard after shard. Interrupted at any moment, it continues.

OUT/export.json         the options, and which run goes into which shard
OUT/export.done.jsonl   one line per finished shard: frames, bytes, SHA-256, runs left out
OUT/export.lock         while an export runs
OUT/runs.jsonl          written last: one line per run with its metadata, its part and its shard
OUT/SHA256SUMS          the SHA-256 of every shard and the files beside it, of runs.jsonl and of what describes a part
OUT/README.md           the card of the data set, unless a user has changed it
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from tmxdb.clock import iso, wall_clock
from tmxdb.errors import InvalidInput
from tmxdb.export.export_lock import LOCK, ExportLock
from tmxdb.export.frames.data_card import PartSize, card_problem, data_card, part_sizes
from tmxdb.export.frames.formats import (
    ShardPlace,
    companions_exist,
    count_dropped,
    counts_across_shards,
    describes_parts,
    discard_empty,
    files_beside,
    has_pictures,
    write_part_files,
    write_shard,
)
from tmxdb.export.frames.frame_samples import FrameSample, RunDamaged, frame_samples, is_complete
from tmxdb.export.frames.plan import ExportedRun, ExportOptions, Shard, as_json, differences, from_json, plan
from tmxdb.export.frames.run_list import listed_runs, run_metadata
from tmxdb.export.frames.shard_check import shard_problem, sums_beside
from tmxdb.export.frames.shard_records import DONE, ShardRecord, read_records, record_line
from tmxdb.export.hub_card import CARD, SUMS, check_sums, is_unchanged, read_sums, sums_text
from tmxdb.paths import extended
from tmxdb.queue.job import WorkerStopping
from tmxdb.storage import PARTIAL, Storage, disk_errors, write_atomic
from tmxdb.storage.hashing_file import HashingFile, file_sha256
from tmxdb.storage.os_errors import CHOOSE_OUT

PLAN, RUNS = "export.json", "runs.jsonl"


class Export:
    """An export into the folder `out`, new or continued."""

    def __init__(
        self, out: Path, options: ExportOptions, shards: Sequence[Shard], lock: ExportLock | None = None
    ) -> None:
        self.out, self.options, self.shards, self._lock = out, options, shards, lock
        self.written, self.damaged_records = read_records(out)
        """Finished shards by file name, and how many lines of the record cannot be read."""
        self._again: set[str] = set()  # shards to write again because they can have more runs now

    @property
    def missing(self) -> list[Shard]:
        """Shards still to be written: never finished, no longer there in their full size, or with runs to add."""
        return [shard for shard in self.shards if not self._exists(shard)]

    @property
    def left_out(self) -> dict[int, str]:
        """Damaged runs by capture id, with the reason."""
        return {capture: why for record in self.written.values() for capture, why in record.left_out.items()}

    @property
    def dropped(self) -> dict[str, int]:
        """How many frames of each finished shard its format cannot contain, by file name."""
        kind = self.options.kind
        return {
            file: count_dropped(kind, self.out / file) if record.dropped is None else record.dropped
            for file, record in self.written.items()
            if record.sha256
        }

    def retry_left_out(self, data: Path) -> None:
        """Write the shards again that lack runs which are complete now, because they were captured again."""
        for shard in self.shards:
            left_out = self.written[shard.file].left_out if shard.file in self.written else {}
            if any(run.capture_id in left_out and is_complete(data, run) for run in shard.captures):
                self._again.add(shard.file)

    def write(
        self,
        data: Path,
        *,
        stop: threading.Event,
        on_frame: Callable[[], object],
        on_shard: Callable[[ShardRecord], object],
    ) -> None:
        """Write every missing shard, then unlock the folder.

        Raise WorkerStopping once `stop` is set, DiskError or InvalidInput.
        """
        try:
            if self.damaged_records:
                self._rewrite_records()
            missing = {shard.file for shard in self.missing}
            for shard in self.shards:
                if shard.file not in missing:
                    continue
                before = self.written.get(shard.file)
                record = self._write_shard(data, shard, stop, on_frame)
                if before is not None and (before.frames, before.left_out) != (record.frames, record.left_out):
                    missing |= self._forget_following(shard)
                self.written[shard.file] = record
                self._again.discard(shard.file)
                with disk_errors(DONE, instead=CHOOSE_OUT), (self.out / DONE).open("a", encoding="utf-8") as file:
                    file.write(record_line(record))
                    file.flush()
                    os.fsync(file.fileno())
                on_shard(record)
            if missing or not self._is_described():
                self._write_index(data)
            self._remove_temporary_files()
        finally:
            self.close()

    def close(self) -> None:
        """Let other processes export into the same folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def check(self, on_shard: Callable[[Shard], object]) -> list[str]:
        """Read every shard completely. Return the problems, one sentence each."""
        problems, beside = [], sums_beside(self.options.kind, self.shards, self._sums())
        for shard in self.shards:
            record = self.written.get(shard.file)
            if problem := shard_problem(self.out, self.options.kind, shard, record, beside.get(shard.file, {})):
                problems.append(f"{shard.file}: {problem}")
            on_shard(shard)
        return problems + self._index_problems()

    def _is_described(self) -> bool:
        """Return whether all files that are written last are there. They stay as they are when captures are deleted."""
        if not (self.out / CARD).is_file() or self._index_problems():
            return False
        beside = sums_beside(self.options.kind, self.shards, self._sums())
        return not has_pictures(self.options.kind) or self._shard_sums().keys() <= beside.keys()

    def _index_problems(self) -> list[str]:
        """Return what is wrong with the list of runs, the files that describe a part, the sums, and the card."""
        sums, shard_sums = self._sums(), self._shard_sums()
        if not (self.out / SUMS).is_file():
            problems = [f"{SUMS}: missing: the export is not finished. Run the same command again to continue."]
        elif shard_sums != {path: sums[path] for path in sums if path in {shard.file for shard in self.shards}}:
            problems = [f"{SUMS}: it differs from what was written. Run the same command again to continue."]
        else:
            beside = {path for found in sums_beside(self.options.kind, self.shards, sums).values() for path in found}
            others = sums.keys() - shard_sums.keys() - beside
            problems = check_sums(self.out, {path: sums[path] for path in sorted(others)})
        with suppress(FileNotFoundError):
            if problem := card_problem((self.out / CARD).read_text("utf-8", errors="replace"), self._parts()):
                problems.append(f"{CARD}: {problem}")
        return problems

    def _sums(self) -> dict[str, str]:
        """Return what SHA256SUMS contains; empty if there is none."""
        with suppress(FileNotFoundError):
            return read_sums((self.out / SUMS).read_bytes())
        return {}

    def _shard_sums(self) -> dict[str, str]:
        """Return the SHA-256 of each shard that has runs, as it was recorded."""
        return {record.file: record.sha256 for record in self.written.values() if record.sha256}

    def _parts(self) -> list[PartSize]:
        return part_sizes(self.options, self.shards, self.left_out, self.dropped)

    def _write_part_files(self, runs: Sequence[dict[str, Any]]) -> list[Path]:
        written: list[Path] = []
        if not describes_parts(self.options.kind):
            return written
        for split in self.options.shares:
            mine = [run for run in runs if run["split"] == split]
            if mine:
                files = [self.out / shard.file for shard in self.shards if shard.split == split]
                like = next((run for run in mine if "settings" in run), None)
                if like is None:
                    raise InvalidInput(
                        f"{self.out}: the captures of all its runs in {split} were deleted before the export was"
                        " finished. Restore them, or export into another folder.",
                        code="input.nothing",
                    )
                written += write_part_files(self.options.kind, self.out, split, files, like)
        return written

    def _exists(self, shard: Shard) -> bool:
        record, path = self.written.get(shard.file), self.out / shard.file
        if shard.file in self._again:
            return False
        if record is not None and not record.sha256:  # all its runs were left out
            return True
        is_whole = record is not None and path.is_file() and path.stat().st_size == record.bytes
        return is_whole and companions_exist(self.options.kind, path)

    def _write_shard(
        self, data: Path, shard: Shard, stop: threading.Event, on_frame: Callable[[], object]
    ) -> ShardRecord:
        left_out: dict[int, str] = {}
        while True:
            try:
                with Storage(self.out, instead=CHOOSE_OUT).new_file(shard.file, owner=f"export-{os.getpid()}") as new:
                    file = HashingFile(new.write)
                    samples = _counted(frame_samples(data, shard, left_out), stop, on_frame)
                    place = self._place(shard)
                    frames = write_shard(self.options.kind, file, samples, place)
                    if not frames and discard_empty(self.options.kind, place.file):
                        return ShardRecord(shard.file, 0, 0, "", left_out)
                    new.publish()
                    dropped = count_dropped(self.options.kind, place.file)
                    return ShardRecord(shard.file, frames, new.size, file.sha256, left_out, dropped)
            except RunDamaged as damaged:  # write the shard again: it contains a run completely or not at all
                left_out[damaged.capture_id] = str(damaged)

    def _place(self, shard: Shard) -> ShardPlace:
        vcp = Path(self.options.vcp) if self.options.vcp else None
        return ShardPlace(self.out / shard.split, self.out / shard.file, self._shards_before[shard.file], vcp)

    @cached_property
    def _shards_before(self) -> dict[str, Path | None]:
        """The file of the shard before each shard in the same part; None for the first one."""
        before: dict[str, Path | None] = {}
        last: dict[str, Path] = {}
        for shard in self.shards:
            before[shard.file] = last.get(shard.split)
            last[shard.split] = self.out / shard.file
        return before

    def _forget_following(self, shard: Shard) -> set[str]:
        """Forget the shards after one that has other runs than before, if their rows are numbered from its end on."""
        if not counts_across_shards(self.options.kind):
            return set()
        part = [other.file for other in self.shards if other.split == shard.split]
        following = part[part.index(shard.file) :]
        for file in following:
            self.written.pop(file, None)
        self._rewrite_records()
        return set(following)

    def _rewrite_records(self) -> None:
        """Keep only complete lines: a record appended to a line that was cut short would be lost with it."""
        write_atomic(self.out / DONE, "".join(map(record_line, self.written.values())).encode(), instead=CHOOSE_OUT)
        self.damaged_records = 0

    def _remove_temporary_files(self) -> None:
        """Remove temporary files of killed exports. Only now no export uses them."""
        storage = Storage(self.out, instead=CHOOSE_OUT)
        storage.delete_partial(storage.partial_files(), live=set())
        for folder in self.out.glob(f"*/{PARTIAL}"):
            with suppress(OSError):
                folder.rmdir()

    def _write_index(self, data: Path) -> None:
        """Write the list of runs, for training on whole runs and for finding one, and the card of the data set."""
        runs: list[dict[str, Any]] = []
        left_out, earlier = self.left_out, listed_runs(self.out / RUNS)
        for shard in self.shards:
            for run in shard.captures:
                if run.capture_id not in left_out:
                    facts = {"split": shard.split, "shard": shard.file, "capture_id": run.capture_id}
                    facts |= run_metadata(data, run, earlier.get(run.capture_id)) | {"map_uid": run.map_uid}
                    runs.append(facts)
        described = self._write_part_files(runs)
        lines = [json.dumps(facts, separators=(",", ":")) + "\n" for facts in runs]
        write_atomic(self.out / RUNS, "".join(lines).encode(), instead=CHOOSE_OUT)
        sums = self._shard_sums()
        beside = [path for file in sums for path in files_beside(self.options.kind, self.out / file)]
        for path in (*described, *beside, self.out / RUNS):
            sums[path.relative_to(self.out).as_posix()] = file_sha256(path)
        write_atomic(self.out / SUMS, sums_text(sums), instead=CHOOSE_OUT)
        card = self.out / CARD
        if not card.exists() or is_unchanged(card.read_text("utf-8", errors="replace")):
            created = iso(wall_clock())
            text = data_card(self.options, self._parts(), runs, left_out=len(self.left_out), created=created)
            write_atomic(card, text.encode(), instead=CHOOSE_OUT)


def open_export(
    out: Path,
    options: ExportOptions,
    select_runs: Callable[[], list[ExportedRun]],
    *,
    older: ExportOptions | None = None,
) -> Export:
    """Return the export in `out` if it has the same options, else a new one of the runs that `select_runs` returns.

    `older`: the same options as an earlier version stored them.

    An export that was begun earlier does not include captures that finished since: it would never be complete. The
    folder is locked until `Export.write` or `Export.close`. Raise InvalidInput if `out` contains anything else, or if
    another process exports into it.
    """
    out = extended(out)
    lock = ExportLock(out)
    try:
        lock.acquire()
        if (out / PLAN).exists():
            return _continued(out, options, older or options, lock)
        if any(entry.name not in (LOCK, f"{PLAN}{PARTIAL}") for entry in out.iterdir()):
            raise InvalidInput(
                f"{out} is not empty and contains no export. Choose another folder.", code="input.not_empty"
            )
        shards = plan(options, select_runs())
        write_atomic(out / PLAN, (json.dumps(as_json(options, shards)) + "\n").encode(), instead=CHOOSE_OUT)
        return Export(out, options, shards, lock)
    except BaseException:
        lock.release()
        raise


def _continued(out: Path, options: ExportOptions, older: ExportOptions, lock: ExportLock) -> Export:
    existing = load_export(out)
    if existing.options not in (options, older):
        raise InvalidInput(
            f"{out} contains another export: {differences(existing.options, options)}. Choose another folder, or use"
            " the same options as before.",
            code="input.other_export",
        )
    return Export(out, existing.options, existing.shards, lock)


def load_export(out: Path) -> Export:
    """Return the export in `out`, whatever its options. Raise InvalidInput if there is no export."""
    out = extended(out)
    try:
        return Export(out, *from_json(json.loads((out / PLAN).read_text("utf-8"))))
    except FileNotFoundError as error:
        raise InvalidInput(f"{out} contains no export: {PLAN} does not exist.", code="input.no_export") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{out / PLAN} cannot be read as the plan of an export.", code="input.no_export") from error


def _counted(
    samples: Iterator[FrameSample], stop: threading.Event, on_frame: Callable[[], object]
) -> Iterator[FrameSample]:
    for sample in samples:
        if stop.is_set():
            raise WorkerStopping("the export was interrupted")
        yield sample
        on_frame()
