"""Read exported shards back, with the standard library and with `datasets`."""

from __future__ import annotations

import json
import tarfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import needs
from tests.export.conftest import RUNS


@contextmanager
def loaded_by_datasets(out: Path, cache: Path) -> Iterator[Any]:
    """Load an export with the `datasets` library. Check its parts, and that each picture is of the time of its row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about packages that it imports
        datasets = needs.module("datasets")
        datasets.disable_progress_bars()
        loaded = datasets.load_dataset(str(out), cache_dir=str(cache))
        assert set(loaded) == {"train", "val"}
        assert sum(len(part) for part in loaded.values()) == sum(RUNS.values())
        for row in loaded["val"]:
            assert row["image"].size == (64, 64)
            assert abs(row["image"].getpixel((0, 0))[0] - row["time_ms"] // 100) <= 2
        yield loaded


def in_tars(out: Path) -> Iterator[tuple[str, str, bytes, dict[str, Any]]]:
    """Yield (part, key, jpeg, facts) of every sample."""
    for path in sorted(out.rglob("*.tar")):
        with tarfile.open(path) as tar:
            members = tar.getmembers()
            assert len(members) % 2 == 0
            for picture, facts in zip(members[::2], members[1::2], strict=True):
                assert picture.name.removesuffix(".jpg") == facts.name.removesuffix(".json")
                data, text = tar.extractfile(picture), tar.extractfile(facts)
                assert data
                assert text
                yield path.parent.name, facts.name.removesuffix(".json"), data.read(), json.loads(text.read())
