"""Arguments that mean nothing, and those of NumPy, when a database is read from Python."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tmxdb
from tests.conftest import PostgresServer
from tmxdb.api import Mirror
from tmxdb.errors import InvalidInput
from tmxdb.torch import FrameStream, FrameWindows, in_split

HUGE = 2**70


def ids(replays: Any) -> list[int]:
    return [replay.replay_id for replay in replays]


def test_ids_and_values_may_be_numbers_of_numpy(mirror: Mirror) -> None:
    assert mirror.track(np.int64(2)).track_id == 2  # type: ignore[arg-type]
    assert ids(mirror.replays(track_ids=np.array([1]))) == [10, 11]
    assert ids(mirror.replays("replay_id > :n", n=np.int64(10))) == [11, 20]
    assert mirror.sql("select count(*) as n from replays where replay_id > :n", n=np.int32(10)) == [{"n": 2}]


@pytest.mark.parametrize("bad", ["1", None, 1.5])
def test_an_id_that_is_no_whole_number_is_refused(mirror: Mirror, bad: Any) -> None:
    with pytest.raises(TypeError, match="an id is a whole number"):
        mirror.track(bad)
    with pytest.raises(TypeError, match="an id is a whole number"):
        list(mirror.replays(track_ids=[bad]))


def test_a_text_is_no_list_of_ids(mirror: Mirror) -> None:
    with pytest.raises(TypeError, match="a list of whole numbers"):
        list(mirror.replays(track_ids="12"))  # type: ignore[arg-type]


def test_no_ids_are_no_rows(mirror: Mirror) -> None:
    assert list(mirror.replays(track_ids=[])) == []
    assert len(list(mirror.replays(track_ids=None))) == 3


def test_a_number_that_no_database_stores_is_no_id_and_no_value(mirror: Mirror) -> None:
    with pytest.raises(InvalidInput, match="is not in"):
        mirror.replay(HUGE)
    assert ids(mirror.replays(track_ids=[1, HUGE])) == [10, 11]
    with pytest.raises(InvalidInput, match="The value of :n is too large"):
        list(mirror.replays("replay_id < :n", n=HUGE))


def test_a_time_is_bound_as_the_columns_have_it(mirror: Mirror) -> None:
    given, stored = "select :at as at", [{"at": "2026-11-22T10:00:00.500Z"}]
    moment = datetime.fromisoformat("2026-11-22T10:00:00.500+00:00")
    assert mirror.sql(given, at=moment) == stored
    assert mirror.sql(given, at=moment.astimezone(timezone(timedelta(hours=9)))) == stored
    assert mirror.sql(given, at=moment.date()) == [{"at": "2026-11-22"}]
    for unit in ("ms", "us", "ns"):  # those of NumPy are in UTC
        assert mirror.sql(given, at=np.datetime64("2026-11-22T10:00:00.500", unit)) == stored
    assert mirror.sql(given, at=np.datetime64("NaT", "ms")) == [{"at": None}]
    with pytest.raises(InvalidInput, match="The time :at has no time zone"):
        mirror.sql(given, at=moment.replace(tzinfo=None))


def test_columns_with_the_same_name_are_all_in_the_row(mirror: Mirror) -> None:
    assert mirror.sql("select 1 as a, 2 as a") == [{"a": 1, "a_2": 2}]


def test_a_parameter_without_a_value_is_named(mirror: Mirror) -> None:
    with pytest.raises(InvalidInput, match=r"has the parameter :user\. Give it as an argument, user=…\.$"):
        list(mirror.replays("user_name = :user"))
    with pytest.raises(InvalidInput, match=r"has the parameter :user\. Give it as an argument"):
        mirror.sql("select :user")


def test_a_misspelt_argument_does_not_select_everything(mirror: Mirror) -> None:
    with pytest.raises(InvalidInput, match="no parameter :track_id"):
        list(mirror.replays(track_id=1))
    with pytest.raises(InvalidInput, match=r"no parameter :usr\. Its parameters: :user"):
        list(mirror.replays("user_name = :user", user="ann", usr="ann"))


def test_a_colon_in_a_text_is_no_parameter(mirror: Mirror) -> None:
    assert ids(mirror.replays("user_name <> ' :D' and replay_id < :n", n=20)) == [10, 11]


def test_a_name_that_the_statement_uses_itself_is_one_sentence(mirror: Mirror) -> None:
    with pytest.raises(InvalidInput, match="cannot be run: Bind parameter 'status_1' conflicts"):
        list(mirror.replays("track_id = :status_1", status_1=1))


def test_a_password_is_never_shown(server: PostgresServer) -> None:
    url = server.emptied().replace("postgres@", "postgres:secret@")
    with tmxdb.open(url) as mirror:
        assert "secret" not in repr(mirror)
        with pytest.raises(InvalidInput, match="track 5 is not in postgresql") as caught:
            mirror.track(5)
    assert "secret" not in str(caught.value)


def test_a_data_folder_that_does_not_exist_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    for wrong in (tmp_path / "dta", tmp_path / "tmx.db"):
        with pytest.raises(InvalidInput, match="is not a folder"):
            tmxdb.open(mirror.location, data=wrong)


def test_rows_show_what_they_are(mirror: Mirror) -> None:
    assert repr(mirror.track(2)) == "MirroredTrack(track_id=2, name='Track 2')"
    assert repr(mirror.replay(20)) == "MirroredReplay(replay_id=20, track_id=2)"
    assert repr(mirror.capture(20)) == "MirroredCapture(capture_id=20, replay_id=20, track_id=2)"


def test_without_numpy_the_data_sets_say_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ModuleNotFoundError('numpy', name='numpy')\n", "utf-8")
    path = os.pathsep.join([str(tmp_path), str(Path(tmxdb.__file__).parents[1])])
    command = [sys.executable, "-c", "import tmxdb.torch"]
    ran = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert ran.stderr.splitlines()[-1].endswith('Arrays need NumPy. Install it with: pip install "tmxdb[arrays]"')


@pytest.mark.parametrize("options", [{"length": 0}, {"length": -1}, {"stride": 0}, {"stride": -1}])
def test_windows_of_no_frames_are_refused(mirror: Mirror, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        FrameWindows(mirror.captures(), **options)


def test_a_part_that_does_not_exist_is_refused(mirror: Mirror) -> None:
    with pytest.raises(ValueError, match="no part 'trian'; the parts are train, val"):
        in_split(mirror.captures(), {"train": 1, "val": 1}, "trian")
    with pytest.raises(ValueError, match="each share must be above 0"):
        in_split(mirror.captures(), {"train": 2, "val": -1}, "train")


def test_an_order_that_cannot_be_is_refused(mirror: Mirror) -> None:
    windows = FrameWindows(mirror.captures())
    for options in ({"batch_size": 0}, {"batch_size": -1}, {"batch_size": 1, "seed": -1}):
        with pytest.raises(ValueError, match="batch_size must be 1 or more"):
            FrameStream(windows, **options)
    stream = FrameStream(windows, batch_size=2)
    for epoch, batches in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="must be 0 or more"):
            stream.start_at(epoch=epoch, batches=batches)


def test_the_pixels_of_a_frame_can_be_changed(mirror: Mirror) -> None:
    pixels = next(mirror.capture(10).frames()).pixels()
    pixels[:] = 0
    assert not pixels.any()
