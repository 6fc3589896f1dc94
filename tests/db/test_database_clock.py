"""The clock of a database, and what a process knows of it between two answers of the server."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from tests.rows import NOW, FakeClock
from tests.server_clock import set_server_clock
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.db.database_clock import MAX_AGE_S, DatabaseClock, time_of
from tmxdb.db.reading.reader import Reader

WRONG = NOW + 300_000


@pytest.fixture
def machine() -> FakeClock:
    """A machine whose clock is five minutes ahead of the server's."""
    return FakeClock(WRONG)


@pytest.fixture
def known(machine: FakeClock) -> DatabaseClock:
    known = DatabaseClock(machine, machine.monotonic)
    known.learn(NOW, 0.0)
    return known


def test_a_command_asks_the_server(postgresql: Database, machine: FakeClock) -> None:
    before_ms = wall_clock()
    with postgresql.read() as connection:
        assert before_ms - 1 <= time_of(connection, machine) <= wall_clock()
    reader = Reader(postgresql.location)
    assert before_ms - 1 <= reader.now_ms(machine) <= wall_clock()
    with reader.snapshot():
        assert before_ms - 1 <= reader.now_ms(machine) <= wall_clock()
    reader.close()


def test_a_sqlite_database_has_the_clock_of_the_machine(sqlite: Database, machine: FakeClock) -> None:
    known = DatabaseClock(machine, machine.monotonic)
    with sqlite.read() as connection:
        assert time_of(connection, machine) == WRONG
        assert known.read(connection) == WRONG
    reader = Reader(sqlite.location)
    assert reader.now_ms(machine) == WRONG
    reader.close()
    known.learn(None, 0.0)
    machine.jump_s(-3600)
    assert known() == WRONG - 3_600_000
    assert not known.may_be_wrong()


def test_the_time_moves_with_the_monotonic_clock(known: DatabaseClock, machine: FakeClock) -> None:
    assert known() == NOW
    machine.pass_s(7)
    machine.jump_s(-3600)
    assert known() == NOW + 7000


def test_an_answer_that_came_late_does_not_set_the_time_back(known: DatabaseClock, machine: FakeClock) -> None:
    machine.pass_s(3)
    known.learn(NOW + 100, 0.0)  # sent at 0 s, answered at 0.1 s, received at 3 s
    assert known() == NOW + 3000


def test_an_answer_that_was_quicker_than_those_before_corrects_the_time(machine: FakeClock) -> None:
    known = DatabaseClock(machine, machine.monotonic)
    machine.pass_s(3)
    known.learn(NOW, 0.0)
    assert known() == NOW
    known.learn(NOW + 2900, 3.0)
    assert known() == NOW + 2900


@pytest.mark.parametrize("jump_ms", [-3_600_000, 3_600_000])
def test_the_time_follows_a_server_whose_clock_is_set(known: DatabaseClock, machine: FakeClock, jump_ms: int) -> None:
    machine.pass_s(1)
    known.learn(NOW + jump_ms, 1.0)
    assert known() == NOW + jump_ms


def test_a_machine_that_was_suspended_asks_again(
    postgresql: Database, known: DatabaseClock, machine: FakeClock
) -> None:
    server = FakeClock()
    set_server_clock(postgresql, server)
    machine.jump_s(3600)  # its monotonic clock stood still
    server.pass_s(3600)
    assert known.may_be_wrong()
    with postgresql.read() as connection:
        assert known.read(connection) == NOW + 3_600_000
    assert not known.may_be_wrong()


def test_the_server_is_asked_about_once_a_second(postgresql: Database, machine: FakeClock) -> None:
    known, asked = DatabaseClock(machine, machine.monotonic), list[str]()

    def note(conn: object, cursor: object, statement: str, *others: object) -> None:
        if "clock_timestamp" in statement:
            asked.append(statement)

    event.listen(postgresql.engine, "before_cursor_execute", note)
    for _ in range(30):
        with postgresql.read() as connection:
            known.read(connection)
        machine.pass_s(MAX_AGE_S / 10 + 0.001)
    assert len(asked) == 3
