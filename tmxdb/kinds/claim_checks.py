"""Checking claims for many threads: those that wait at the same time are answered by one query.

With 64 downloads in flight, a query for each file took a fifth of all CPU time: as much as fetching it. A question is
answered by a query that began after it was asked, as if its thread had asked the database itself.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass

from sqlalchemy import Table

from tmxdb.db.engine import Database
from tmxdb.queue.job import Job
from tmxdb.queue.rows.claim import held_claims


@dataclass(slots=True, eq=False)
class _Question:
    table: Table
    job: Job
    answer: bool | None = None
    error: BaseException | None = None


class ClaimChecks:
    """Any number of threads may ask. One of them asks the database, for all that wait by then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Question] = deque()
        self._turn = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many threads wait for the next query."""
        return len(self._waiting)

    def is_held(self, table: Table, job: Job) -> bool:
        """Return whether the row of `job` is still running under its claim. Raise DatabaseError."""
        question = _Question(table, job)
        self._waiting.append(question)
        with self._turn:
            if question.answer is None and question.error is None:
                self._answer_all()
        if question.error is not None:
            raise question.error
        return bool(question.answer)

    def _answer_all(self) -> None:
        """Answer all questions that wait. If the database cannot be asked, each gets the error."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        asked: dict[Table, list[_Question]] = defaultdict(list)
        for question in taken:
            asked[question.table].append(question)
        try:
            with self._database.read() as connection:
                for table, questions in asked.items():
                    answers = held_claims(connection, table, [question.job for question in questions])
                    for question, answer in zip(questions, answers, strict=True):
                        question.answer = answer
        except BaseException as error:  # noqa: BLE001  # raised in each thread that asked
            for question in taken:
                question.error = error
