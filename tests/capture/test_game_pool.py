"""A worker's games: which one a job gets, when a map is loaded again, and what is cleaned up."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports
from tests.sandbox.game.conftest import Folders, build_map, build_replay, create_folders
from tmxdb.capture.games import pool
from tmxdb.capture.games.instance import GameInstance
from tmxdb.capture.games.pool import GamePool
from tmxdb.capture.games.setup import GameSetup
from tmxdb.capture.games.task import CaptureTask
from tmxdb.capture.race.commands import StoreFrame, StoreTick
from tmxdb.capture.race.outcome import CompletedRace
from tmxdb.capture.replay_script import scripted_run
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.folders import GameFolders
from tmxdb.game.tminterface2 import socket_driver
from tmxdb.gbx import read_replay
from tmxdb_sandbox import RunningGame, running_game


class Frames:
    """Records the times of stored frames."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def store(self, stored: StoreFrame) -> None:
        self.times.append(stored.time_ms)

    def store_tick(self, tick: StoreTick) -> None:
        pass

    def discard(self) -> None:
        self.times.clear()


class Stage:
    """One game, one instance, one replay."""

    def __init__(self, folders: Folders, game: RunningGame, games: int = 1, **setup: Any) -> None:
        self.folders, self.game = folders, game
        game_folders = GameFolders(folders.user, folders.scripts.parent)
        self.games = GamePool(
            GameSetup(game.port, games, game_folders, folders.user.parent / "games", "Player", **setup),
            dict,
            lambda text: None,
        )

    def drive(self, key: str = "1", **settings: Any) -> CompletedRace:
        challenge = (self.folders.challenges / "First.Challenge.Gbx").read_bytes()
        data = (self.folders.replays / "first.Replay.Gbx").read_bytes()
        run = scripted_run(read_replay(data), "it")
        wanted = CaptureTask(run, CaptureSettings(**settings), "first", key, challenge, "First Map", 0, data)
        frames = Frames()
        with self.games.acquire(key) as instance:
            result = instance.drive(wanted, frames)
        assert isinstance(result, CompletedRace), result
        assert len(frames.times) == result.frames
        return result

    @property
    def maps(self) -> list[str]:
        return [row["file"] for row in self.game.log() if row["event"] == "map"]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return create_folders(tmp_path)


@pytest.fixture
def stage(folders: Folders) -> Iterator[Stage]:
    with running_game(**folders.settings, sees_later_files=True) as game:  # type: ignore[arg-type]
        stage = Stage(folders, game)
        yield stage
        stage.games.close()


def test_a_loaded_map_is_not_loaded_again_for_the_next_replay(stage: Stage) -> None:
    assert [stage.drive().missed for _ in range(3)] == [0, 0, 0]
    assert stage.maps == ["tmxdb/1.Challenge.Gbx"]


def test_another_map_is_loaded_through_the_menus(stage: Stage) -> None:
    stage.drive("1")
    stage.drive("2")
    stage.drive("1")
    assert stage.maps == [f"tmxdb/{n}.Challenge.Gbx" for n in (1, 2, 1)]


def test_a_game_that_has_waited_too_long_is_reconnected(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.drive()
    monkeypatch.setattr(GameInstance, "stale_s", -1.0)
    assert stage.drive().missed == 0
    assert len(stage.maps) == 2


def test_the_map_is_loaded_again_in_a_game_that_ended_between_two_races(stage: Stage) -> None:
    class Ended:
        """A game whose process has ended. Starting it again takes no time here."""

        pid, starts = None, 0

        def running(self) -> bool:
            return self.starts > 0

        def start(self) -> None:
            self.starts += 1

        def stop(self) -> None:
            pass

        close = stop

    stage.drive()
    ended = Ended()
    with stage.games.acquire("1") as instance:
        instance._process = ended  # type: ignore[assignment]
    assert stage.drive().missed == 0
    assert ended.starts == 1
    assert len(stage.maps) == 2


def test_screen_frames_come_for_every_replay_of_a_map(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen driver must see each connection, so a race must not continue with another driver."""
    made: list[Any] = []

    class Screen:
        """Passes the plugin's frames on, if it was connected itself."""

        def __init__(self, driver: Any, window: Any) -> None:
            self._driver, self._ready = driver, False
            made.append(self)

        def connect(self, patience_s: float) -> None:
            self._driver.connect(patience_s)
            self._ready = True

        def request_frame(self, width: int, height: int) -> None:
            if self._ready:
                self._driver.request_frame(width, height)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._driver, name)

    from tmxdb.game.frames import screen

    monkeypatch.setattr(screen, "ScreenDriver", Screen)
    for source in ("screen", "screen", "plugin", "screen"):
        assert stage.drive(frame_source=source).missed == 0
    assert len(made) == 2  # one for the first two, and another one after the plugin's


@pytest.fixture
def two_listeners() -> Iterator[int]:
    """Two ports on which something listens, as two games do. The value is the first one."""
    port = free_ports(2)
    with socket.create_server(("127.0.0.1", port)), socket.create_server(("127.0.0.1", port + 1)):
        yield port


def test_a_game_in_use_is_not_given_out(folders: Folders, two_listeners: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_WAIT_S", 0.0)
    monkeypatch.setattr(socket_driver, "LINGER_S", 0.0)
    game_folders = GameFolders(folders.user, folders.scripts.parent)
    games = GamePool(GameSetup(two_listeners, 2, game_folders, folders.user, "Player"), dict, lambda text: None)
    with games.acquire("1") as first, games.acquire("1") as second:
        assert first is not second
        with pytest.raises(GameError, match="no game is free"), games.acquire("1"):
            pass
    first.map_key = "7"
    with games.acquire("7") as again:
        assert again is first
    with games.acquire("8") as other:
        assert other is second


def test_a_thread_keeps_its_game_although_one_of_another_thread_is_free_for_a_moment(
    folders: Folders, two_listeners: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two replays of a track its game is free, and another thread may need one for its next track then."""
    monkeypatch.setattr(socket_driver, "LINGER_S", 0.0)
    port = two_listeners
    setup = GameSetup(
        port, 2, GameFolders(folders.user, folders.scripts.parent), folders.user.parent / "games", "Player"
    )
    games = GamePool(setup, dict, lambda text: None)

    def drive(key: str) -> int:
        with games.acquire(key) as instance:
            instance.map_key = key
            return instance.port

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        assert [first.submit(drive, "6").result(), second.submit(drive, "5").result()] == [port, port + 1]
        assert second.submit(drive, "8").result() == port + 1
        assert first.submit(drive, "6").result() == port
        assert first.submit(drive, "7").result() == port
    games.close()


def test_captures_that_need_plugin_frames_are_rejected_for_tminterface_1(folders: Folders) -> None:
    game_folders = GameFolders(folders.user, folders.scripts.parent)
    instance = GameInstance(
        GameSetup(8478, 1, game_folders, folders.user, "P", driver="tmi1"), 0, dict, lambda text: None
    )
    with pytest.raises(InvalidInput, match="--frame-source screen"):
        instance._choose_driver(CaptureSettings())


def test_closing_leaves_no_file_of_ours_in_the_games_folders(stage: Stage) -> None:
    own = stage.folders.autosaves / "Player_First Map.Replay.gbx"
    own.write_bytes(b"mine")
    stage.drive()
    assert not own.exists()
    stage.games.close()
    assert own.read_bytes() == b"mine"
    assert not (stage.folders.challenges / "tmxdb").exists()
    assert [path.name for path in stage.folders.scripts.iterdir()] == ["run.txt"]


def test_a_game_is_used_by_one_worker_at_a_time(
    stage: Stage, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.game.locks.port_lock.WAIT_S", 0.1)
    stage.drive()
    before = [row for row in stage.game.log() if row["event"] == "connect"]
    with pytest.raises(InvalidInput, match=f"port {stage.game.port} is used by another tmxdb") as refused:
        Stage(folders, stage.game)
    assert refused.value.code == "input.port"
    assert stage.drive().missed == 0
    connections = [row for row in stage.game.log() if row["event"] == "connect"]
    assert connections == before  # the second worker has not disconnected the first one
    stage.games.close()
    second = Stage(folders, stage.game)
    assert second.drive().missed == 0
    second.games.close()
    assert not list(folders.user.glob("tmxdb-port*"))


def test_an_idle_game_gives_back_the_replays_that_it_hid(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tracks whose maps have one name, and two games: the idle one must not hold up the other for ever."""
    monkeypatch.setattr(GameInstance, "stale_s", 0.3)
    own = folders.autosaves / "Player_First Map.Replay.gbx"
    own.write_bytes(b"mine")
    with (
        running_game(**folders.settings, sees_later_files=True) as first,  # type: ignore[arg-type]
        running_game(**folders.settings, sees_later_files=True, port=first.port + 1) as second,  # type: ignore[arg-type]
    ):
        stage = Stage(folders, first, games=2)
        stage.drive("1")
        with stage.games.acquire("1"):  # the idle game has no work on its map; another map of the same name comes
            pass
        deadline = time.monotonic() + 120
        with pytest.raises(GameError, match="another game is using this name"):
            stage.drive("2")
        while True:
            with suppress(GameError):
                stage.drive("2")
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        maps = [row["file"] for game in (first, second) for row in game.log() if row["event"] == "map"]
        assert maps == ["tmxdb/1.Challenge.Gbx", "tmxdb/2.Challenge.Gbx"]
        stage.games.close()
    assert own.read_bytes() == b"mine"


def test_with_cut_intro_a_map_is_driven_without_the_intro_that_would_hold_it(folders: Folders) -> None:
    challenge = build_map(intro_ms=90_000)
    (folders.challenges / "First.Challenge.Gbx").write_bytes(challenge)
    (folders.replays / "first.Replay.Gbx").write_bytes(build_replay(challenge))
    with running_game(**folders.settings, sees_later_files=True, stubborn_intros=True) as game:  # type: ignore[arg-type]
        stage = Stage(folders, game, cut_intro=True)
        assert stage.drive().missed == 0
        assert stage.maps == ["tmxdb/1-cut.Challenge.Gbx"]
        with stage.games.acquire("1") as instance:
            assert instance.clips_removed
        stage.games.close()
    assert (folders.challenges / "First.Challenge.Gbx").read_bytes() == challenge
