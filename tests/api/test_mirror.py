"""Reading a database from Python."""

from __future__ import annotations

import multiprocessing
import pickle
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

import tmxdb
from tests.api.conftest import RUNS
from tmxdb.api import Mirror, paging
from tmxdb.errors import DatabaseError, GbxError, InvalidInput


def test_rows_by_condition(mirror: Mirror) -> None:
    assert [track.track_id for track in mirror.tracks()] == [1, 2]
    assert [track.name for track in mirror.tracks("name like :name", name="%2")] == ["Track 2"]
    assert [replay.replay_id for replay in mirror.replays(track_ids=[1])] == [10, 11]
    assert [replay.replay_id for replay in mirror.replays("user_name = :user and replay_id > 10", user="ann")] == [
        11,
        20,
    ]
    assert [capture.replay_id for capture in mirror.captures("frame_count < 6")] == [11, 20]
    assert list(mirror.replays("user_name = 'nobody'")) == []


def test_rows_come_in_pages(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)
    assert [replay.replay_id for replay in mirror.replays()] == [10, 11, 20]


def test_more_tracks_than_one_statement_takes(mirror: Mirror) -> None:
    assert [replay.replay_id for replay in mirror.replays(track_ids=range(2, 100_000))] == [20]


@pytest.mark.parametrize("condition", ["no_such_column > 1", "track_id = ", "1) --", "1) or (1"])
def test_a_wrong_condition_is_one_sentence(mirror: Mirror, condition: str) -> None:
    with pytest.raises(InvalidInput, match=r"The condition .* cannot be run: "):
        list(mirror.replays(condition))


def test_without_a_condition_no_condition_is_blamed(mirror: Mirror) -> None:
    with closing(sqlite3.connect(mirror.location)) as other:
        other.execute("pragma foreign_keys = off")
        other.execute("alter table replays rename to lost")
    with pytest.raises(DatabaseError, match="Another program changed or overwrote"):
        list(mirror.replays())


def test_a_condition_cannot_write(mirror: Mirror) -> None:
    with pytest.raises(InvalidInput):
        list(mirror.replays("1); delete from replays; --"))
    assert len(list(mirror.replays())) == 3
    with pytest.raises(InvalidInput):
        mirror.sql("delete from replays")


def test_sql(mirror: Mirror) -> None:
    assert mirror.sql("select track_id, count(*) as n from replays group by track_id") == [
        {"track_id": 1, "n": 2},
        {"track_id": 2, "n": 1},
    ]


def test_the_facts_of_a_replay(mirror: Mirror) -> None:
    replay = mirror.replay(11)
    assert (replay.track_id, replay.race_time_ms) == (1, 6_110)
    assert replay.checkpoints_ms == (4_170, None, 6_110)
    assert replay.facts["user_name"] == "ann"
    assert replay.file.login == "racer"
    assert replay.inputs[0].control == "Accelerate"
    assert len(replay.ticks) == 612
    assert replay.line.positions[3].tolist() == [3.0, 10.0, 500.0]


def test_what_is_not_there_is_one_sentence(mirror: Mirror) -> None:
    with pytest.raises(InvalidInput, match=r"replay 99 is not in .*tmx\.db"):
        mirror.replay(99)
    replay = mirror.replay(10)
    replay.path.write_bytes(b"<html>")
    with pytest.raises(GbxError):
        _ = replay.file
    replay.path.unlink()
    with pytest.raises(InvalidInput, match=r"No such file or directory\. Run `tmxdb verify --repair`"):
        _ = replay.file


def test_a_replay_that_is_not_downloaded(mirror: Mirror) -> None:
    with sqlite3.connect(mirror.location) as connection:
        connection.execute(
            "update replays set status = 'pending', file_path = null, finished_at = null where replay_id = 20"
        )
    connection.close()
    assert [replay.replay_id for replay in mirror.replays()] == [10, 11]
    (replay,) = mirror.replays("replay_id = 20", downloaded=False)
    with pytest.raises(InvalidInput, match="replay 20 is not downloaded"):
        _ = replay.path


def test_the_data_folder_is_the_one_that_the_database_remembers(mirror: Mirror) -> None:
    with sqlite3.connect(mirror.location) as connection:
        connection.execute("insert into settings (key, value) values ('data', '../elsewhere')")
    connection.close()
    with tmxdb.open(mirror.location) as opened:
        assert opened.data == Path(mirror.location).parent / "../elsewhere"


def test_a_missing_database_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError):
        tmxdb.open(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_refused_is_closed(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("create table albums (name)")
    with pytest.raises(DatabaseError) as refused:  # the error keeps what its traceback refers to
        tmxdb.open(tmp_path / "other.db")
    assert refused.value.code == "db.foreign"
    assert [file.path for file in psutil.Process().open_files() if "other.db" in file.path] == []


def test_a_worker_can_write_while_rows_are_read(mirror: Mirror) -> None:
    rows = mirror.replays()
    next(rows)
    writer = sqlite3.connect(mirror.location, timeout=0)
    writer.execute("update replays set user_name = 'bob' where replay_id = 20")
    writer.commit()
    writer.close()
    assert len(list(rows)) == 2


def test_threads_share_a_mirror(mirror: Mirror) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [replay.replay_id for replay in mirror.replays()], range(20)))
    assert found == [[10, 11, 20]] * 20


def _frames(mirror: Mirror) -> list[int]:
    return [len(list(capture.frames())) for capture in mirror.captures()]


@pytest.mark.parametrize(
    "method", [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of fork in a process with threads
def test_processes_open_the_database_themselves(mirror: Mirror, method: str) -> None:
    assert _frames(mirror) == list(RUNS.values())
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(_frames, [mirror]) == list(RUNS.values())


def test_rows_can_be_sent_to_other_processes(mirror: Mirror) -> None:
    replay = pickle.loads(pickle.dumps(mirror.replay(10)))
    assert replay.file.race_time_ms == 6_110


def test_frames_of_a_capture(mirror: Mirror) -> None:
    capture = mirror.capture(10)
    frames = list(capture.frames())
    assert [frame.time_ms for frame in frames] == [0, 100, 200, 300, 400, 500]
    assert capture.settings["width"] == frames[0].pixels().shape[1]
    assert frames[3].pixels().dtype == np.uint8
    assert abs(int(frames[3].pixels()[0, 0, 0]) - 3) < 4  # the red channel says which frame it is
    assert frames[0].inputs["accelerate"] is True
    assert frames[0].action_idx == 1
    assert frames[0].state["gear"] == 3
    assert capture.metadata["total_frames"] == 6


def test_a_damaged_picture_is_one_sentence(mirror: Mirror) -> None:
    frame = next(mirror.capture(10).frames())
    (frame.folder / frame.entry.file).write_bytes(b"\xff\xd8 no picture \xff\xd9")
    with pytest.raises(InvalidInput, match="the picture cannot be decoded"):
        frame.pixels()


def test_telemetry_of_a_capture(mirror: Mirror) -> None:
    capture = mirror.capture(10)
    telemetry = capture.telemetry
    assert telemetry is not None
    assert telemetry.time_ms.tolist() == list(range(0, 501, 10))
    rows = telemetry.rows([frame.time_ms for frame in capture.frames()])
    assert telemetry.position[rows] == pytest.approx(
        np.array([f.state["position"] for f in capture.frames()]), abs=1e-3
    )
    assert telemetry.action_idx[rows].tolist() == [frame.action_idx for frame in capture.frames()]
    assert pickle.loads(pickle.dumps(telemetry)).hz == 100
    (capture.folder / "telemetry.parquet").write_bytes(b"PAR1")
    with pytest.raises(InvalidInput, match="Run `tmxdb verify --repair`"):
        _ = mirror.capture(10).telemetry
