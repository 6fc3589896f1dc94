"""A shard as WebDataset reads it: a tar in which files with the same stem are one sample (`key.jpg`, `key.json`)."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from typing import IO

from tmxdb.errors import BadInput
from tmxdb.export.samples import Sample


def write(file: IO[bytes], samples: Iterable[Sample]) -> int:
    """Write the samples in their order; answers how many. Equal samples are equal bytes: no times, no owners."""
    n = 0
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        for sample in samples:
            _add(tar, f"{sample.key}.jpg", sample.jpeg)
            _add(tar, f"{sample.key}.json", json.dumps(sample.facts, separators=(",", ":")).encode())
            n += 1
    return n


def count(file: IO[bytes]) -> int:
    """The samples in a shard, each with both its parts. Raises BadInput if it is no shard of ours."""
    n, half = 0, ""
    try:
        with tarfile.open(fileobj=file, mode="r|") as tar:
            for member in tar:
                stem, _, ending = member.name.rpartition(".")
                if (ending == "jpg") == bool(half) or (ending == "json" and stem != half):
                    raise ValueError(member.name)
                half = stem if ending == "jpg" else ""
                n += ending == "json"
        if half:
            raise ValueError(half)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise BadInput(f"a tar that is not whole ({error})", code="export.damaged") from error
    return n


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o644
    tar.addfile(member, io.BytesIO(data))
