"""A worker's games: who gets which, when a map is loaded anew, and what is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.game.conftest import Folders, made_folders
from tmxdb.capture.orders import Keep
from tmxdb.capture.outcome import Driven
from tmxdb.capture.script import run_of
from tmxdb.capture.session import Games, Setup, Station, Wanted
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import BadInput, GameTrouble
from tmxdb.game.folders import GameFolders
from tmxdb.gbx import read_replay
from tmxdb.sandbox import RunningGame, running_game


class Frames:
    """Counts what is kept."""

    def __init__(self) -> None:
        self.times: list[int] = []

    def keep(self, kept: Keep) -> None:
        self.times.append(kept.time_ms)

    def discard(self) -> None:
        self.times.clear()


class Stage:
    """One game, one station, and the one replay there is."""

    def __init__(self, folders: Folders, game: RunningGame, **setup: Any) -> None:
        self.folders, self.game = folders, game
        game_folders = GameFolders(folders.user, folders.scripts.parent)
        self.games = Games(
            Setup(game.port, 1, game_folders, folders.user.parent / "games", "Player", **setup),
            dict,
            lambda text: None,
        )

    def drive(self, key: str = "1", **settings: Any) -> Driven:
        challenge = (self.folders.challenges / "First.Challenge.Gbx").read_bytes()
        data = (self.folders.replays / "first.Replay.Gbx").read_bytes()
        run = run_of(read_replay(data), "it")
        wanted = Wanted(run, CaptureSettings(**settings), "first", key, challenge, "First Map", 0, data)
        frames = Frames()
        with self.games.one_for(key) as station:
            result = station.drive(wanted, frames)
        assert isinstance(result, Driven), result
        assert len(frames.times) == result.frames
        return result

    @property
    def maps(self) -> list[str]:
        return [row["file"] for row in self.game.log() if row["event"] == "map"]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return made_folders(tmp_path)


@pytest.fixture
def stage(folders: Folders) -> Iterator[Stage]:
    with running_game(**folders.settings, sees_later_files=True) as game:  # type: ignore[arg-type]
        stage = Stage(folders, game)
        yield stage
        stage.games.close()


def test_a_map_that_is_loaded_is_not_loaded_again_for_the_next_replay(stage: Stage) -> None:
    assert [stage.drive().missed for _ in range(3)] == [0, 0, 0]
    assert stage.maps == ["tmxdb/1.Challenge.Gbx"]


def test_another_map_is_loaded_through_the_menus(stage: Stage) -> None:
    stage.drive("1")
    stage.drive("2")
    stage.drive("1")
    assert stage.maps == [f"tmxdb/{n}.Challenge.Gbx" for n in (1, 2, 1)]


def test_a_game_that_has_waited_too_long_is_reached_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.drive()
    monkeypatch.setattr("tmxdb.capture.session.STALE_S", -1.0)
    assert stage.drive().missed == 0
    assert len(stage.maps) == 2


def test_pictures_of_the_screen_come_for_every_replay_of_a_map(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes them has to be told of each connection, so a race does not go on with another one."""
    made: list[Any] = []

    class Screen:
        """Takes the plugin's pictures, if it was connected itself."""

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


def test_nobody_gets_a_game_that_another_has(folders: Folders) -> None:
    game_folders = GameFolders(folders.user, folders.scripts.parent)
    games = Games(Setup(8478, 2, game_folders, folders.user, "Player"), dict, lambda text: None)
    with games.one_for("1") as first, games.one_for("1") as second:
        assert first is not second
        with pytest.raises(GameTrouble, match="in use"), games.one_for("1"):
            pass
    first.map_key = "7"
    with games.one_for("7") as again:
        assert again is first
    with games.one_for("8") as other:
        assert other is second


def test_a_game_without_pictures_of_its_own_is_refused_captures_that_need_them(folders: Folders) -> None:
    game_folders = GameFolders(folders.user, folders.scripts.parent)
    station = Station(Setup(8478, 1, game_folders, folders.user, "P", driver="tmi1"), 0, dict, lambda text: None)
    with pytest.raises(BadInput, match="--frame-source screen"):
        station._choose_driver(CaptureSettings())


def test_at_the_end_no_file_of_ours_is_left_in_the_games_folders(stage: Stage) -> None:
    own = stage.folders.autosaves / "Player_First Map.Replay.gbx"
    own.write_bytes(b"mine")
    stage.drive()
    assert not own.exists()
    stage.games.close()
    assert own.read_bytes() == b"mine"
    assert not (stage.folders.challenges / "tmxdb").exists()
    assert [path.name for path in stage.folders.scripts.iterdir()] == ["run.txt"]
