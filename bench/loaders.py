"""Samples per second out of captures in each store and out of exports, against reading a tar with nothing else.

    python3 run.py bench loaders [--runs 10] [--frames 1000] [--size 64]

`tar, bytes alone` reads every member of a tar with `tarfile` and decodes nothing. `tar, decoded` decodes each JPEG to
an array too, which every loader below it does. `in order` and `shuffled` are `tmxdb.torch.FrameStream` over captures
with windows of one frame. `parquet` is an export, read with pyarrow; the tars are an export too. `cache` is an array of
decoded gray frames on disk, mapped into memory, as rulka makes it. `written/s` is how many frames per second the
conversion or the export wrote. Each measurement runs in its own process, the second time that it reads everything.
Seconds are those of the processor, because other programs disturb the clock.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench._frame_exports import export_frames
from bench._table import in_own_process, print_rows

STORES = ("files", "tar", "video", "video-lossless")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--frames", type=int, default=1000, help="frames per run")
    parser.add_argument("--size", type=int, default=64, help="width and height of a frame")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(root, wanted.runs, wanted.frames, wanted.size)
        n = wanted.runs * wanted.frames
        written = {form: export_frames(root, root / form, form) for form in ("webdataset", "parquet")}
        rows: list[list[Any]] = []

        def measure(what: str, reader: str, written_s: float | None = None) -> None:
            ran = in_own_process("bench.loaders", "measure", root, reader)
            assert ran["n"] == n, (what, ran["n"])
            rows.append([what, n / ran["cpu_s"], n / written_s if written_s else "", ran["bytes"] / n])

        measure("tar, bytes alone", "bytes")
        measure("tar, decoded", "decoded", written["webdataset"])
        measure("parquet, decoded", "parquet", written["parquet"])
        for store in STORES:
            seconds = convert(root, store) if store != "files" else None
            measure(f"{store}, in order", "in_order", seconds)
            measure(f"{store}, shuffled", "shuffled")
        measure("cache, in order", "cache_in_order", fill_cache(root))
        measure("cache, shuffled", "cache_shuffled")
        floor = rows[1][1]
        title = f"{wanted.runs:,} runs of {wanted.frames:,} frames of {wanted.size}x{wanted.size}"
        columns = ("loader", "samples/s", "of tar, decoded", "written/s", "bytes a frame")
        print_rows(title, columns, [[name, rate, rate / floor, write, size] for name, rate, write, size in rows])


def fill(root: Path, runs: int, frames: int, size: int) -> None:
    """Create a database with captured runs whose pictures are noise on a road: hard to compress."""
    import numpy as np
    from PIL import Image

    from tests.frames import captured_database
    from tmxdb.db.database import Database
    from tmxdb.db.migrate import upgrade

    database = Database(str(root / "tmx.db"))
    upgrade(database)
    captured_database(database, root / "data", dict.fromkeys(range(10, 10 + runs), frames), width=size, height=size)
    database.close()
    noise = np.random.default_rng(0)
    for folder in (root / "data/frames").glob("*/*"):
        for number, path in enumerate(sorted(folder.glob("*.jpeg"))):
            rows = np.linspace(60, 200, size)[:, None] + 20 * np.sin(np.arange(size) / 5 + number / 3)
            pixels = rows[:, :, None] + noise.normal(0, 6, (size, size, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, "JPEG", quality=90)


def convert(root: Path, store: str) -> float:
    """Store all captures in another way, from files. Return the seconds of the processor."""
    from tmxdb.capture.store import convert as conversion
    from tmxdb.storage import Storage

    storage = Storage(root / "data")
    paths = [path.relative_to(root / "data").as_posix() for path in (root / "data/frames").glob("*/*")]
    if store != "tar":
        for path in paths:
            conversion.convert(storage, path, "files", owner="bench")
    begin = time.process_time()
    for path in paths:
        conversion.convert(storage, path, store, owner="bench")
    return time.process_time() - begin


def fill_cache(root: Path) -> float:
    """Decode all frames into an array on disk, gray float32 as rulka caches them. Return seconds of the processor."""
    import numpy as np

    import tmxdb
    from tmxdb.torch import FrameWindows

    begin = time.process_time()
    with tmxdb.open(root / "tmx.db") as mirror:
        windows = FrameWindows(mirror.captures(), length=1)
        height, width = windows[0]["frames"].shape[1:3]
        (root / "cache").mkdir()
        shape = (len(windows), height, width)
        cache = np.lib.format.open_memmap(root / "cache/train.npy", "w+", dtype=np.float32, shape=shape)
        for number in range(len(windows)):
            cache[number] = windows[number]["frames"][0].mean(axis=2) / 255
        cache.flush()
    return time.process_time() - begin


def read_cache(root: Path, *, shuffle: bool) -> int:
    """Read batches of 32 of the array."""
    import numpy as np

    cache = np.load(root / "cache/train.npy", mmap_mode="r")
    order = np.arange(len(cache))
    if shuffle:
        np.random.default_rng(0).shuffle(order)
    batches = (order[begin : begin + 32] for begin in range(0, len(order), 32))
    return sum(len(np.asarray(cache[np.sort(batch)])) for batch in batches)


def read_bytes(root: Path) -> int:
    """Read the JPEGs of the exported tars."""
    return sum(1 for _ in _tar_jpegs(root))


def read_decoded(root: Path) -> int:
    """Read them as arrays."""
    return sum(len(_decode(jpeg)) > 0 for jpeg in _tar_jpegs(root))


def read_parquet(root: Path) -> int:
    """Read the pictures of the exported Parquet files as arrays."""
    import pyarrow.parquet

    n = 0
    for path in (root / "parquet/data").glob("*.parquet"):
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(500, columns=["image", "action_idx"]):
            n += sum(len(_decode(jpeg.as_py())) > 0 for jpeg in batch.column("image").field("bytes"))
    return n


def read_stream(root: Path, *, shuffle: bool) -> int:
    """Read windows of one frame."""
    import tmxdb
    from tmxdb.torch import FrameStream, FrameWindows

    with tmxdb.open(root / "tmx.db") as mirror:
        windows = FrameWindows(mirror.captures(), length=1)
        return sum(len(window["frames"]) for window in FrameStream(windows, batch_size=32, shuffle=shuffle))


def _tar_jpegs(root: Path) -> Iterator[bytes]:
    for path in sorted((root / "webdataset").glob("*/*.tar")):
        with tarfile.open(path, "r|") as tar:
            for member in tar:
                data = tar.extractfile(member)
                assert data is not None
                content = data.read()
                if member.name.endswith(".jpg"):
                    yield content


def _decode(jpeg: bytes) -> Any:
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


READERS: dict[str, Callable[[Path], int]] = {
    "bytes": read_bytes,
    "decoded": read_decoded,
    "parquet": read_parquet,
    "in_order": lambda root: read_stream(root, shuffle=False),
    "shuffled": lambda root: read_stream(root, shuffle=True),
    "cache_in_order": lambda root: read_cache(root, shuffle=False),
    "cache_shuffled": lambda root: read_cache(root, shuffle=True),
}


def measure(folder: str, reader: str) -> None:
    """Print one measurement as JSON."""
    root = Path(folder)
    sources = {"bytes": "webdataset", "decoded": "webdataset", "parquet": "parquet"}
    source = "cache" if reader.startswith("cache") else sources.get(reader, "data/frames")
    size = sum(path.stat().st_size for path in (root / source).rglob("*") if path.is_file())
    READERS[reader](root)
    begin = time.process_time()
    n = READERS[reader](root)
    print(json.dumps({"n": n, "cpu_s": time.process_time() - begin, "bytes": size}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(*sys.argv[2:])
    else:
        main()
