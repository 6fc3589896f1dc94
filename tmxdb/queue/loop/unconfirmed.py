"""Results of a cycle that ended with an error of the database: they may have been settled nevertheless.

The connection may break after a COMMIT succeeded and before its answer came.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from sqlalchemy import Connection, select

from tmxdb.db.models import FINISHED
from tmxdb.queue.job import Kind
from tmxdb.queue.loop.perform import Result

Settled = list[tuple[Result, str | None]]


class UnconfirmedResults:
    """Follows the transactions of the cycles, and knows the rows of results whose COMMIT has no answer."""

    def __init__(self) -> None:
        self._open: Sequence[Result] | None = None
        self._keys: dict[str, set[int]] = {}

    @property
    def any(self) -> bool:
        """Whether the last transaction has no answer, so that the database may have more of it than we know."""
        return self._open is not None

    def begin(self, results: Sequence[Result]) -> None:
        """Note that a transaction begins that settles `results`."""
        for result in self._open or ():
            self._keys.setdefault(result.job.kind, set()).add(result.job.item_id)
        self._open = results

    def end(self) -> None:
        """Note that it succeeded."""
        self._open = None
        self._keys.clear()

    def of(self, kind: str) -> Set[int]:
        """Return the keys of the rows of `kind`."""
        return self._keys.get(kind, set())

    def with_former(self, connection: Connection, kind: Kind, settled: Settled) -> Settled:
        """Return `settled` with the status of the rows that the former transaction settled under the same claim."""
        keys = self.of(kind.name)
        tokens = {
            result.job.item_id: result.job.token
            for result, status in settled
            if status is None and result.job.item_id in keys
        }
        if not tokens:
            return settled
        table = kind.table
        query = select(kind.key, table.c.claim_token, table.c.status).where(kind.key.in_(list(tokens)))
        found = connection.execute(query).fetchall()
        former = {key: status for key, token, status in found if token == tokens[key] and status in FINISHED}
        return [(result, status or former.get(result.job.item_id)) for result, status in settled]
