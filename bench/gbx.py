"""Measure the GBX reader against a floor and against pygbx.

    python3 run.py bench gbx [FOLDER …] [--rounds N]

The folders contain TMF replays with their maps; other files are left out. Without a folder, files of the sandbox are
read. Every job reads every file in each of N rounds. The result is
the median over the files of the best round, so that other load on the machine has little effect. The floor reads the
file, unpacks it, cuts out the map, computes its sha256 and writes it; every job except pygbx includes all of that.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import unpack_from

import lzokay

from tmxdb.arrays.line import read_line
from tmxdb.errors import InvalidInput
from tmxdb.gbx import GbxError, Replay, embedded_challenge, read_replay
from tmxdb_sandbox.catalogue.catalogue import Catalogue
from tmxdb_sandbox.files.generated import GeneratedFiles
from tmxdb_sandbox.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_FILES = 20
Times = dict[str, dict[Path, float]]

FACTS = (
    "game", "map_uid", "map_environment", "map_author", "race_time_ms", "stunt_score", "checkpoints_ms", "respawns",
    "respawn_events", "login", "nickname", "nickname_plain", "ghost_uid", "ghost_count", "game_version", "validable",
    "finished", "input_count", "control_names", "device", "sample_period_ms", "has_clip", "unread",
)  # fmt: skip

Job = Callable[[bytes], bytes]  # file -> embedded map


def floor(data: bytes) -> bytes:
    """Do only what every reader has to do."""
    body_at = 25 + unpack_from("<I", data, 13)[0]
    plain_bytes, packed_bytes = unpack_from("<2I", data, body_at)
    body = lzokay.decompress(data[body_at + 8 : body_at + 8 + packed_bytes], plain_bytes)
    return _hashed(body[8 : 8 + unpack_from("<I", body, 4)[0]])


def map_only(data: bytes) -> bytes:
    return _hashed(embedded_challenge(data))


def all_facts(data: bytes) -> bytes:
    return _hashed(_with_facts(data).map_bytes)


def facts_and_inputs(data: bytes) -> bytes:
    replay = _with_facts(data)
    if replay.recorded is not None:
        len(replay.recorded.columns.values)
    return _hashed(replay.map_bytes)


def facts_and_samples(data: bytes) -> bytes:
    replay = _with_facts(data)
    with suppress(InvalidInput):  # it has no samples
        read_line(replay)
    return _hashed(replay.map_bytes)


def facts_of_the_map_too(data: bytes) -> bytes:
    replay = _with_facts(data)
    challenge = replay.challenge
    _ = challenge.name_plain, challenge.author_ms, challenge.has_intro, challenge.checkpoint_count
    return _hashed(replay.map_bytes)


def pygbx(data: bytes) -> bytes:
    """Read the ghost with pygbx, which keeps no bytes of the map: nothing is hashed or written."""
    import pygbx as module

    module.Gbx(data).get_class_by_id(module.GbxType.CTN_GHOST)
    return b""


def _hashed(challenge: bytes) -> bytes:
    hashlib.sha256(challenge).hexdigest()
    return challenge


def _with_facts(data: bytes) -> Replay:
    replay = read_replay(data)
    for name in FACTS:
        getattr(replay, name)
    return replay


def measure(jobs: dict[str, Job], paths: list[Path], rounds: int, out: Path) -> tuple[Times, Times]:
    """Return the best time in ms of each job for each file, with reading and writing files and without."""
    with_files: Times = {name: {} for name in jobs}
    in_memory: Times = {name: {} for name in jobs}
    for _ in range(rounds):
        for path in paths:
            for name, job in jobs.items():
                times = [time.perf_counter()]
                data = path.read_bytes()
                times.append(time.perf_counter())
                challenge = job(data)
                times.append(time.perf_counter())
                if challenge:
                    out.write_bytes(challenge)
                times.append(time.perf_counter())
                _keep_best(with_files[name], path, times[3] - times[0])
                _keep_best(in_memory[name], path, times[2] - times[1])
    return with_files, in_memory


def _keep_best(best_ms: dict[Path, float], path: Path, elapsed_s: float) -> None:
    best_ms[path] = min(elapsed_s * 1000, best_ms.get(path, elapsed_s * 1000))


def import_ms(statement: str, rounds: int = 9) -> float:
    """Return how many ms an import adds to the start of Python (median)."""

    with tempfile.TemporaryDirectory() as folder:
        # compiled code as an installed package has it, even where this folder is read-only
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}

        def run(code: str) -> float:
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
            return (time.perf_counter() - began) * 1000

        run(statement)
        return statistics.median(run(statement) - run("pass") for _ in range(rounds))


def write_sandbox_replays(folder: Path, n: int = SANDBOX_FILES) -> None:
    """Write `n` replays of the usual size, one of each track."""
    settings = Settings(tracks=n, replays=1, plain=True, file_kb=29)
    catalogue, files = Catalogue(settings), GeneratedFiles(settings)
    for index in range(n):
        (replay,) = catalogue.leaderboard(index)
        (folder / f"{replay.replay_id}.Replay.Gbx").write_bytes(files.replay(replay))


def tmf_replays(folders: list[Path]) -> list[Path]:
    """Return the packed TMF replays with a map below `folders`: the files that the floor can read."""
    found = []
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.name.lower().endswith((".replay.gbx", ".gbx")) and path.is_file():
            try:
                replay = read_replay(path.read_bytes())
                if replay.game == "TMF" and replay.container.is_packed and not replay.container.reference_count:
                    facts_of_the_map_too(path.read_bytes())
                    facts_and_samples(path.read_bytes())
                    found.append(path)
            except GbxError:
                continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.folders:
            write_sandbox_replays(Path(folder))
        compare(tmf_replays(arguments.folders or [Path(folder)]), arguments.rounds)


def compare(paths: list[Path], rounds: int) -> None:
    """Measure every job on every file, and print the table."""
    if not paths:
        sys.exit("No TMF replays found in the folders.")
    jobs: dict[str, Job] = {
        "floor": floor,
        "map only": map_only,
        "all facts": all_facts,
        "all facts, and of the map": facts_of_the_map_too,
        "all facts, every input": facts_and_inputs,
        "all facts, samples as arrays": facts_and_samples,
    }
    if importlib.util.find_spec("pygbx"):
        logging.disable()
        jobs["pygbx"] = pygbx
    with tempfile.TemporaryDirectory() as folder:
        with_files, in_memory = measure(jobs, paths, rounds, Path(folder) / "map")
    largest = max(paths, key=os.path.getsize)
    print(f"{len(paths)} TMF replays, {sum(map(os.path.getsize, paths)) / 1e6:.1f} MB, Python {sys.version.split()[0]}")
    print(f"{'':29}{'with files':>30}{'in memory':>30}{os.path.getsize(largest) / 1e6:8.1f} MB")
    print(f"{'':29}" + f"{'median ms':>12}{'x floor':>9}{'of pygbx':>9}" * 2 + f"{'ms':>11}")
    for name in jobs:
        print(f"{name:29}{_row(with_files, name)}{_row(in_memory, name)}{in_memory[name][largest]:11.1f}")
    print(f"{'import tmxdb.gbx':29}{import_ms('import tmxdb.gbx'):12.1f}")


def _row(times: Times, name: str) -> str:
    medians = {job: statistics.median(per_file.values()) for job, per_file in times.items()}
    against = f"1/{medians['pygbx'] / medians[name]:.1f}" if "pygbx" in medians else "-"
    return f"{medians[name]:12.3f}{medians[name] / medians['floor']:9.2f}{against:>9}"


if __name__ == "__main__":
    main()
