"""Games are started and ended, with scripts and real processes instead of the game."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.game.drivers.conformance import next_step
from tests.game.drivers.games import PEER
from tests.ports import free_port
from tests.processes import is_running
from tests.tool import Tool
from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.process.launch import GameProcess, LaunchSettings
from tmxdb.game.process.processes import find_started_game
from tmxdb.game.tminterface2.socket_driver import SocketDriver

pytestmark = pytest.mark.skipif(os.name == "nt", reason="scripts need a shebang line")

STUBBORN = f"""#!{sys.executable}
import runpy, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdin = open(0, closefd=False)
import os
reading, writing = os.pipe()
os.dup2(reading, 0)  # peer.py reads commands there: only `race` comes
os.write(writing, b"race\\n")
sys.argv = ["peer", sys.argv[1]]
sys.path.insert(0, {str(PEER.parent)!r})
runpy.run_path({str(PEER)!r}, run_name="__main__")
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> Path:
    """A game that ignores SIGTERM."""
    return script(tmp_path / "TmForever", STUBBORN)


@pytest.fixture
def game_at(tmp_path: Path) -> Iterator[Callable[..., GameProcess]]:
    """Create games, and end them after the test."""
    made: list[GameProcess] = []

    def make(path: Path, port: int) -> GameProcess:
        made.append(GameProcess(LaunchSettings(linux_script=str(path)), port, tmp_path / "records"))
        return made[-1]

    yield make
    for game in made:
        game.stop()


@pytest.fixture(autouse=True)
def _short_exit_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Games that do not exit are killed after 0.5 s."""
    monkeypatch.setattr("tmxdb.game.process.processes.EXIT_TIMEOUT_S", 0.5)


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def connect_to(port: int) -> None:
    driver = SocketDriver(port)
    driver.connect(10)
    next_step(driver)
    driver.close()


def test_a_game_that_ignores_sigterm_is_started_and_ended(stubborn: Path, game_at: Callable[..., GameProcess]) -> None:
    port = free_port()
    game = game_at(stubborn, port)
    assert not game.running()
    game.start()
    connect_to(port)
    pid = game.pid
    assert pid is not None
    assert psutil.Process(pid).name() == "TmForever"
    game.stop()
    assert not game.running()
    assert not psutil.pid_exists(pid)
    game.stop()


def test_a_restarted_game_is_another_process_on_the_same_port(
    stubborn: Path, game_at: Callable[..., GameProcess]
) -> None:
    port = free_port()
    game = game_at(stubborn, port)
    game.start()
    first = game.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    psutil.wait_procs([p for p in psutil.process_iter() if p.pid == first], timeout=5)
    eventually(lambda: not game.running())
    game.restart()
    assert game.pid != first
    connect_to(port)


def test_a_game_outlives_its_script_and_is_still_ended(
    tmp_path: Path, stubborn: Path, game_at: Callable[..., GameProcess]
) -> None:
    port = free_port()
    game = game_at(script(tmp_path / "launch.sh", f'#!/bin/sh\n"{stubborn}" "$1" &\nexit 0\n'), port)
    game.start()
    eventually(lambda: game.pid is not None)
    connect_to(port)
    assert game.running()
    pid = game.pid
    game.stop()
    assert pid is not None
    eventually(lambda: not psutil.pid_exists(pid))


def test_a_game_in_another_session_is_ended_too(
    tmp_path: Path, stubborn: Path, game_at: Callable[..., GameProcess]
) -> None:
    port = free_port()
    game = game_at(script(tmp_path / "launch.sh", f'#!/bin/sh\nsetsid "{stubborn}" "$1" &\nsleep 60\n'), port)
    game.start()
    eventually(lambda: game.pid is not None)
    pid = game.pid
    assert pid is not None
    assert os.getsid(pid) == pid
    game.stop()
    eventually(lambda: not psutil.pid_exists(pid))


def test_processes_shared_by_all_games_of_a_wine_prefix_are_not_ended(
    tmp_path: Path, stubborn: Path, game_at: Callable[..., GameProcess]
) -> None:
    shared = script(tmp_path / "wineserver", f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    output = tmp_path / "output"
    starts = f'#!/bin/sh\n"{shared}" &\necho $! > "{output}"\nexec "{stubborn}" "$1"\n'
    game = game_at(script(tmp_path / "launch.sh", starts), free_port())
    game.start()
    eventually(lambda: game.pid is not None)
    server = psutil.Process(int(output.read_text()))
    try:
        game.stop()
        assert not game.running()
        assert server.is_running()
    finally:
        server.kill()


def test_the_script_gets_the_port_as_its_only_argument(tmp_path: Path, game_at: Callable[..., GameProcess]) -> None:
    output = tmp_path / "output"
    game = game_at(script(tmp_path / "launch.sh", f'#!/bin/sh\necho "$# $1" > "{output}"\nsleep 60\n'), 8480)
    game.start()
    assert output.read_text() == "1 8480\n"


def test_a_failing_script_is_reported_with_the_command_to_run(
    tmp_path: Path, game_at: Callable[..., GameProcess]
) -> None:
    path = script(tmp_path / "launch.sh", "#!/bin/sh\nexit 3\n")
    with pytest.raises(GameError, match=f"Run {path} 8481 by hand") as failed:
        game_at(path, 8481).start()
    assert failed.value.code == "game.no_start"
    with pytest.raises(InvalidInput, match="cannot be run"):
        game_at(script(tmp_path / "broken", "#!/no/such/program\n"), 8481).start()


@pytest.mark.parametrize("executable", [True, False])
def test_missing_settings_and_programs_are_reported_before_anything_starts(
    tmp_path: Path, executable: bool, game_at: Callable[..., GameProcess]
) -> None:
    with pytest.raises(InvalidInput, match="LINUX_LAUNCH_GAME_PATH"):
        LaunchSettings().command(1)
    with pytest.raises(InvalidInput, match="no file"):
        LaunchSettings(linux_script=str(tmp_path / "none")).command(1)
    path = script(tmp_path / "launch.sh", "#!/bin/sh\n")
    if not executable:
        path.chmod(0o644)
        with pytest.raises(InvalidInput, match="chmod"):
            LaunchSettings(linux_script=str(path)).command(1)
    else:
        assert LaunchSettings(linux_script=str(path)).command(1) == [str(path), "1"]


KILLED = """
import os, signal, sys
from pathlib import Path
from tmxdb.game.process import processes
from tmxdb.game.process.launch import GameProcess, LaunchSettings
processes.EXIT_TIMEOUT_S = 0.5
game = GameProcess(LaunchSettings(linux_script=sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
game.start()
print(game.pid, flush=True)
if sys.argv[4] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
game.stop()
"""


def test_a_game_of_a_killed_tmxdb_is_ended_before_another_starts(
    tmp_path: Path, stubborn: Path, game_at: Callable[..., GameProcess]
) -> None:
    port = free_port()
    words = [sys.executable, "-c", KILLED, str(stubborn), str(port), str(tmp_path / "records"), "die"]
    dead = subprocess.run(words, env=Tool.environment(), capture_output=True, text=True, timeout=300, check=False)
    pid = int(dead.stdout)
    assert psutil.pid_exists(pid)
    game = game_at(stubborn, port)
    game.start()
    eventually(lambda: not is_running(pid))
    assert game.pid != pid
    connect_to(port)


def test_a_game_of_a_killed_tmxdb_is_ended_by_one_that_has_nothing_to_drive(
    tmp_path: Path, stubborn: Path, game_at: Callable[..., GameProcess]
) -> None:
    port = free_port()
    words = [sys.executable, "-c", KILLED, str(stubborn), str(port), str(tmp_path / "records"), "die"]
    dead = subprocess.run(words, env=Tool.environment(), capture_output=True, text=True, timeout=300, check=False)
    pid = int(dead.stdout)
    assert psutil.pid_exists(pid)
    game_at(stubborn, port).close()
    eventually(lambda: not is_running(pid))
    assert not list((tmp_path / "records").glob("game-*"))


def test_a_tmxdb_killed_while_starting_a_game_leaves_no_game(
    tmp_path: Path, stubborn: Path, game_at: Callable[..., GameProcess]
) -> None:
    """The game has started, but its process is not recorded yet."""
    port = free_port()
    dying = KILLED.replace(
        "game.start()",
        "import subprocess\nreal = subprocess.Popen\n"
        "def die(*words, **named):\n    print(real(*words, **named).pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\nsubprocess.Popen = die\ngame.start()",
    )
    words = [sys.executable, "-c", dying, str(stubborn), str(port), str(tmp_path / "records"), "die"]
    dead = subprocess.run(words, env=Tool.environment(), capture_output=True, text=True, timeout=300, check=False)
    pid = int(dead.stdout)
    game = game_at(stubborn, port)
    game.start()
    eventually(lambda: not is_running(pid))
    connect_to(port)


def test_a_port_of_a_running_tmxdb_is_refused(
    tmp_path: Path, stubborn: Path, game_at: Callable[..., GameProcess]
) -> None:
    port = free_port()
    words = [sys.executable, "-c", KILLED, str(stubborn), str(port), str(tmp_path / "records"), "live"]
    with subprocess.Popen(
        words, env=Tool.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        pid = int(other.stdout.readline())
        with pytest.raises(InvalidInput, match="--base-tmi-port") as refused:
            game_at(stubborn, port).start()
        assert str(other.pid) in str(refused.value)
        assert psutil.pid_exists(pid)


def test_the_command_line_for_tmloader(tmp_path: Path) -> None:
    loader = tmp_path / "TMLoader.exe"
    loader.touch()
    command = LaunchSettings(tmloader=str(loader), profile="my profile", autologin="me").windows_command(8479)
    start, _, configuration = command.partition(" /configstring=")
    assert start == f'"{loader}" run TmForever "my profile"'
    assert configuration.startswith('"set custom_port 8479; set skip_map_load_screens true; ')
    assert "; set disable_forced_camera true; " in configuration
    assert configuration.endswith('; set autologin me; toggle_console"')
    assert configuration.count("toggle_console") == 1


@pytest.mark.parametrize("profile", ['a" & calc "', "a;quit", "ä", "", "%PATH%"])
def test_a_profile_that_would_break_the_command_line_is_refused(tmp_path: Path, profile: str) -> None:
    loader = tmp_path / "TMLoader.exe"
    loader.touch()
    with pytest.raises(InvalidInput, match="cannot be passed"):
        LaunchSettings(tmloader=str(loader), profile=profile).windows_command(8479)


def test_the_started_game_is_found_among_games_that_start_at_the_same_time(tmp_path: Path, stubborn: Path) -> None:
    ports = [free_port(), free_port()]
    games = [
        psutil.Popen([str(stubborn), str(port), f"/configstring=set custom_port {port};"], stdout=subprocess.DEVNULL)
        for port in ports
    ]
    try:
        eventually(lambda: [game.name() for game in games] == ["TmForever"] * 2)
        eventually(lambda: [find_started_game(games, port, 0) for port in ports] == [game.pid for game in games])
        assert find_started_game(games[:1], 1, 0) is None  # only the other game has appeared
        games.append(psutil.Popen([str(stubborn), "0"], stdout=subprocess.DEVNULL))
        eventually(lambda: find_started_game(games, 1, os.getpid()) == games[2].pid)
        assert find_started_game(games[2:], 1, 0) == games[2].pid
    finally:
        for game in games:
            game.kill()
            game.wait(10)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
