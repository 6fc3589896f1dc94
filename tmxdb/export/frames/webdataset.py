"""A shard for WebDataset: a tar in which neighbouring files with one stem are a sample (`KEY.jpg`, `KEY.json`).

docs/facts/training.md#webdataset
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from typing import IO

from tmxdb.errors import InvalidInput
from tmxdb.export.frames.frame_samples import FrameSample


def write(file: IO[bytes], samples: Iterable[FrameSample]) -> int:
    """Write the samples in order. Return how many. Equal samples give equal bytes: no times, no owners."""
    n = 0
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            _add(tar, f"{sample.key}.jpg", sample.jpeg)
            _add(tar, f"{sample.key}.json", json.dumps(sample.facts, separators=(",", ":")).encode())
            n += 1
    return n


def count(file: IO[bytes]) -> int:
    """Return the number of samples in a shard. Raise InvalidInput if it is not one of ours, or incomplete."""
    n, stem_of_jpg = 0, ""
    try:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            for member in tar:
                stem, _, extension = member.name.rpartition(".")
                if (extension == "jpg") == bool(stem_of_jpg) or (extension == "json" and stem != stem_of_jpg):
                    raise ValueError(member.name)
                stem_of_jpg = stem if extension == "jpg" else ""
                n += extension == "json"
        if stem_of_jpg:
            raise ValueError(stem_of_jpg)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise InvalidInput(f"an incomplete tar ({error})", code="export.damaged") from error
    return n


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o644
    tar.addfile(member, io.BytesIO(data))
