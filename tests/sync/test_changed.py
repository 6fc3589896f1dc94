"""Changes of known tracks: which times count, and what happens to rows that a worker holds when a change comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

import pytest
from sqlalchemy import select, update

from tests.rows import NOW, FakeClock, Rows
from tests.server_clock import set_server_clock
from tests.sync.test_endless_lists import FakeExchange, SilentListener
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.models import MapRow, ReplayRow, SyncRow, TrackRow, table_of
from tmxdb.sync import priority
from tmxdb.sync.filters import Filters
from tmxdb.sync.store import store_tracks
from tmxdb.sync.tracks import TrackSync
from tmxdb.sync.walk import ACTIVITY_NEWEST, UPDATED_NEWEST
from tmxdb.tmx.records import Page, TrackRecord, track_record

_tracks, _syncs = table_of(TrackRow), table_of(SyncRow)
DAY_MS = 86_400_000
EARLIER = iso(NOW - DAY_MS)
NEVER = "9999-12-31T23:59:59"
Check = Callable[[dict[int, str]], int]


def listed(track_id: int, activity_at: str, **fields: str) -> TrackRecord:
    record = track_record({"TrackId": track_id, "ActivityAt": activity_at, **fields})
    assert record is not None
    return record


@pytest.fixture
def check(sqlite: Database, clock: FakeClock) -> Iterator[Check]:
    """Read the changes of a site whose tracks have these times of activity; return how many changed."""
    stop = threading.Event()

    def check(times: dict[int, str]) -> int:
        newest_first = sorted(times, key=lambda track_id: times[track_id], reverse=True)
        page = Page(tuple(listed(track_id, times[track_id]) for track_id in newest_first), False)
        exchange = FakeExchange(lambda after: page)
        sync = TrackSync(sqlite, exchange, SilentListener(), stop=stop, clock=clock)  # type: ignore[arg-type]
        return sync.changed(Filters()).reopened

    yield check
    stop.set()


def stored(database: Database, times: dict[int, str]) -> None:
    """Store tracks that were listed completely."""
    with database.write() as connection:
        store_tracks(connection, [listed(track_id, at) for track_id, at in times.items()], NOW)
        connection.execute(update(_tracks).values(status="done", finished_at=iso(NOW), listed_top=1))


def test_a_time_in_the_future_hides_no_later_change(sqlite: Database, clock: FakeClock, check: Check) -> None:
    stored(sqlite, {1: EARLIER, 2: EARLIER})
    assert check({1: NEVER, 2: EARLIER}) == 1
    clock.pass_s(60)
    assert check({1: NEVER, 2: iso(clock())}) == 1
    assert check({1: NEVER, 2: iso(clock())}) == 0


def test_a_time_in_the_future_that_an_earlier_version_stored_is_forgotten(sqlite: Database, check: Check) -> None:
    stored(sqlite, {1: NEVER, 2: EARLIER})
    assert check({1: NEVER, 2: EARLIER}) == 0
    with sqlite.write() as connection:
        connection.execute(update(_syncs).values(watermark="9999-12-31T23:59:59.000Z"))
    assert check({1: NEVER, 2: iso(NOW)}) == 1
    with sqlite.read() as connection:
        assert max(connection.execute(select(_syncs.c.watermark)).scalars()) == iso(NOW)


def test_a_clock_that_was_set_back_an_hour_reads_no_more(sqlite: Database, clock: FakeClock, check: Check) -> None:
    stored(sqlite, {1: EARLIER})
    check({1: iso(NOW)})
    before = _watermarks(sqlite)
    clock.jump_s(-3600)
    check({1: iso(NOW)})
    assert _watermarks(sqlite) == before


def _watermarks(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(_syncs.c.watermark).order_by(_syncs.c.scope)).scalars())


@pytest.mark.parametrize("column", ["ActivityAt", "UpdatedAt", "UId"])
def test_rows_that_are_worked_on_with_older_facts_are_done_again(database: Database, rows: Rows, column: str) -> None:
    """A stored change cannot be recognised again: the result of the older facts would stay."""
    claimed = {"claimed_by": "w", "claim_token": 4, "attempts": 2}
    with database.write() as connection:
        store_tracks(connection, [listed(1, EARLIER), listed(2, EARLIER)], NOW)
    for track_id in (1, 2):
        rows.replay(track_id, "running", track_id=track_id, **claimed)
        rows.map(track_id, "running", **claimed)
    with database.write() as connection:
        connection.execute(update(_tracks).values(status="running", **claimed))
        store_tracks(connection, [listed(1, EARLIER, **{column: "2024-08-04T00:00:00"}), listed(2, EARLIER)], NOW)
    again = {"ActivityAt": (True, False, False), "UpdatedAt": (True, True, False), "UId": (False, True, True)}[column]
    for model, is_pending in zip((TrackRow, MapRow, ReplayRow), again, strict=True):
        row = rows.one(model, 1)
        wanted = ("pending", 1, None) if is_pending else ("running", 2, "w")
        assert (row["status"], row["attempts"], row["claimed_by"]) == wanted, model
        assert rows.one(model, 2)["status"] == "running"


def test_a_track_that_is_added_while_ranks_are_written_keeps_its_place(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(sqlite, {1: EARLIER, 2: EARLIER})
    write = priority._write

    def add_first(database: Database, changed: list[dict[str, int]]) -> None:
        with database.write() as connection:
            connection.execute(update(_tracks).where(_tracks.c.track_id == 1).values(priority=-7))
        write(database, changed)

    monkeypatch.setattr(priority, "_write", add_first)
    priority.rank_tracks(sqlite, "awards")
    with sqlite.read() as connection:
        assert [*connection.execute(select(_tracks.c.priority).order_by(_tracks.c.track_id)).scalars()] == [-7, 2]


class Newest(FakeExchange):
    """Tracks 1, 2, 3 … on pages of one, and all of them active now. Keeps the order of each request."""

    def __init__(self, n: int, now: str) -> None:
        def page(after: int | None) -> Page[TrackRecord]:
            track_id = (after or 0) + 1
            return Page((listed(track_id, now, UpdatedAt=EARLIER),), track_id < n)

        super().__init__(page)
        self.orders: list[int] = []

    def tracks(self, parameters: Mapping[str, str | int]) -> Page[TrackRecord]:
        self.orders.append(int(parameters["order1"]))
        return super().tracks(parameters)


@pytest.mark.parametrize(("budget", "by_activity", "by_update"), [(1, 1, 0), (2, 1, 1), (4, 3, 1), (None, 5, 5)])
def test_a_budget_limits_the_pages_of_changes(
    sqlite: Database, clock: FakeClock, budget: int | None, by_activity: int, by_update: int
) -> None:
    """The next check reads on from the newest change: what was not reached is not taken for known."""
    stored(sqlite, dict.fromkeys(range(1, 6), EARLIER))
    exchange = Newest(5, iso(clock()))
    sync = TrackSync(sqlite, exchange, SilentListener(), stop=threading.Event(), clock=clock)  # type: ignore[arg-type]
    changed = sync.changed(Filters(), budget)
    assert exchange.orders == [ACTIVITY_NEWEST] * by_activity + [UPDATED_NEWEST] * by_update
    assert changed.reopened == by_activity
    assert changed.complete is (budget is None)
    assert sync.changed(Filters()).reopened == 5 - by_activity
    assert sync.changed(Filters()).complete


@pytest.mark.parametrize("ahead_s", [2, 60, 300, -2, -60, -300])
def test_a_machine_with_a_wrong_clock_writes_the_time_of_the_server(
    postgresql: Database, clock: FakeClock, ahead_s: int
) -> None:
    set_server_clock(postgresql, clock)
    exchange, stop = FakeExchange(lambda after: Page((listed(7, EARLIER),), False)), threading.Event()
    sync = TrackSync(
        postgresql,
        exchange,  # type: ignore[arg-type]
        SilentListener(),
        stop=stop,
        clock=lambda: clock() + 1000 * ahead_s,
    )
    sync.by_upload(Filters())
    ((first_seen_at, started_at),) = Rows(postgresql).sql("SELECT first_seen_at, started_at FROM tracks, syncs LIMIT 1")
    for written in (first_seen_at, started_at):
        assert iso(NOW) <= written < iso(NOW + 2000)
