"""Let all databases that a test process opens share the SQL that SQLAlchemy compiles.

Each test has a database of its own, and with it an engine. Compiling the same statements for every one took a fifth of
the processor time of the tests. A tmxdb process opens one database and needs none of this.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

from tmxdb.db.engines import postgresql, sqlite

STATEMENTS = 2000


def share_compiled_statements(patch: pytest.MonkeyPatch) -> None:
    """Give every engine made from now on the dialect and the cache of the first of its kind that has connected.

    The cache is shared by engines whose dialect is the same object.
    """
    for module in (sqlite, postgresql):
        patch.setattr(module, "create_engine", _Sharing(module.create_engine))


class _Sharing:
    def __init__(self, create_engine: Any) -> None:
        self._create_engine = create_engine
        self._dialect: Dialect | None = None
        self._cache: LRUCache[Any, Any] = LRUCache(STATEMENTS)

    def __call__(self, *arguments: Any, **options: Any) -> Engine:
        engine: Engine = self._create_engine(*arguments, **options)
        if self._dialect is not None:
            engine.dialect = self._dialect
            engine.update_execution_options(compiled_cache=self._cache)
        else:
            event.listen(engine, "engine_connect", self._keep)
        return engine

    def _keep(self, connection: Connection) -> None:
        self._dialect = self._dialect or connection.dialect
