"""Read exported shards back with the standard library."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


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
