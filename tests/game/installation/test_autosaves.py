"""The user's replays in Autosaves are afterwards as they were before, whatever happens in between."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import forked
from tests.processes import was_killed
from tmxdb.errors import GameError, PermanentError, RetryLater
from tmxdb.game.autosaves import Autosaves, autosave_name, recover_autosaves, replaced_files
from tmxdb.storage import durable

OWN = "me_A01-Race.Replay.gbx"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two runs of the user on two maps, and one of another login."""
    folder = tmp_path / "Autosaves"
    folder.mkdir()
    for name in (OWN, "sister_A01-Race.Replay.gbx", "me_B02-Acrobatic.Replay.gbx"):
        (folder / name).write_bytes(f"the run {name}".encode())
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("map_name", ["A01-Race", "C03-Speed"])
def test_a_replaced_replay_is_restored(folder: Path, map_name: str) -> None:
    before = content(folder)
    autosaves = Autosaves(folder)
    autosaves.replace("me", map_name, b"ours")
    assert content(folder)[f"me_{map_name}.Replay.gbx"] == b"ours"
    autosaves.restore()
    assert content(folder) == before
    autosaves.restore()
    assert content(folder) == before


def test_only_the_ghosts_of_the_map_are_hidden_and_a_run_saved_meanwhile_is_removed(folder: Path) -> None:
    before = content(folder)
    autosaves = Autosaves(folder)
    autosaves.hide("A01-Race", username="me")
    assert {name for name in content(folder) if name.endswith(".gbx")} == {"me_B02-Acrobatic.Replay.gbx"}
    (folder / OWN).write_bytes(b"the run that we have just driven")
    autosaves.restore()
    assert content(folder) == before


def test_names_that_differ_only_in_case_are_one_file_on_windows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = content(folder)
    monkeypatch.setattr("os.path.normcase", str.lower)
    autosaves = Autosaves(folder)
    assert autosaves.hide("A01-Race", username="ME") == 2  # me and sister
    autosaves.restore()
    assert content(folder) == before


def test_a_missing_folder_hides_nothing_and_is_created_for_a_replay(tmp_path: Path) -> None:
    autosaves = Autosaves(tmp_path / "Tracks" / "Autosaves")
    assert autosaves.hide("A01-Race") == 0
    assert autosaves.replace("me", "A01-Race", b"ours").read_bytes() == b"ours"
    assert recover_autosaves(tmp_path / "nowhere") == 0


def test_two_games_cannot_change_the_same_file(folder: Path) -> None:
    first, second = Autosaves(folder), Autosaves(folder)
    first.replace("me", "A01-Race", b"first")
    with pytest.raises(GameError) as busy:
        second.replace("me", "A01-Race", b"second")
    assert busy.value.code == "game.autosave_busy"
    assert recover_autosaves(folder) == 0  # its owner is alive
    assert replaced_files(folder) == [OWN]
    assert (folder / OWN).read_bytes() == b"first"
    first.restore()
    second.replace("me", "A01-Race", b"second")
    second.restore()
    assert replaced_files(folder) == []


@pytest.mark.parametrize(
    ("username", "map_name", "name"),
    [
        ("me", "A01-Race", "me_A01-Race.Replay.gbx"),
        ("me", "What/is: this?", "me_What_is_ this_.Replay.gbx"),
        ("..\\me", '<"|*>', ".._me______.Replay.gbx"),
    ],
)
def test_a_name_never_leaves_the_folder(username: str, map_name: str, name: str) -> None:
    assert autosave_name(username, map_name) == name


@pytest.mark.parametrize("map_name", ["x" * 250, "\N{SNOWMAN}" * 85, "y" * 5000])
def test_a_map_name_that_is_too_long_for_a_file_has_nothing_to_hide(folder: Path, map_name: str) -> None:
    before = content(folder)
    autosaves = Autosaves(folder)
    assert autosaves.hide(map_name, username="me") == 0
    with pytest.raises(PermanentError, match="too long") as refused:
        autosaves.replace("me", map_name, b"ours")
    assert refused.value.code == "capture.map_name"
    autosaves.restore()
    assert content(folder) == before


def test_a_ghost_whose_name_leaves_no_room_for_a_backup_fails_only_this_row(folder: Path) -> None:
    map_name = "x" * (255 - len("me_.Replay.gbx"))
    (folder / autosave_name("me", map_name)).write_bytes(b"the run")
    before = content(folder)
    with pytest.raises(PermanentError) as refused:
        Autosaves(folder).hide(map_name, username="me")
    assert refused.value.code == "capture.map_name"
    assert content(folder) == before


def test_the_longest_map_name_that_fits_is_hidden_and_restored(folder: Path) -> None:
    map_name = "x" * (255 - len("me_.Replay.gbx.tmxdb-kept-999"))
    (folder / autosave_name("me", map_name)).write_bytes(b"the run")
    before = content(folder)
    autosaves = Autosaves(folder)
    assert autosaves.hide(map_name, username="me") == 1
    assert not (folder / autosave_name("me", map_name)).exists()
    autosaves.restore()
    autosaves.replace("me", map_name, b"ours")
    autosaves.restore()
    assert content(folder) == before


def test_a_file_that_another_program_holds_open_for_a_moment_is_moved_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(folder)
    held = HeldOpen(monkeypatch, times=3)
    autosaves = Autosaves(folder)
    autosaves.hide("A01-Race")
    held.times = 3
    autosaves.restore()
    assert held.refused == 6
    assert content(folder) == before


def test_a_file_that_stays_open_in_another_program_fails_only_this_row(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(folder)
    monkeypatch.setattr("tmxdb.storage.durable.RETRY_S", 0.05)
    held = HeldOpen(monkeypatch, times=10**6)
    autosaves = Autosaves(folder)
    with pytest.raises(RetryLater) as in_use:
        autosaves.hide("A01-Race")
    assert in_use.value.code == "disk.in_use"
    held.times = 0
    autosaves.restore()
    assert content(folder) == before


class HeldOpen:
    """Renames fail with Windows' error of a file that another program has open, `times` times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.times, self.refused = times, 0
        for module, name in ((os, "rename"), (durable, "_replace")):  # Windows replaces with a call of its own
            monkeypatch.setattr(module, name, self._refuse(getattr(module, name)))

    def _refuse(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(*paths: object) -> None:
            if self.times:
                self.times, self.refused = self.times - 1, self.refused + 1
                error = PermissionError(13, "Permission denied", str(paths[0]))
                error.winerror = 5  # type: ignore[attr-defined]
                raise error
            real(*paths)

        return call


DYING = """
import os, signal, sys
from pathlib import Path
from tmxdb.game.autosaves import Autosaves, recover_autosaves
folder, left, action = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def killing(real):
    def call(*arguments, **named):
        global left
        if any(isinstance(a, int) or str(folder) in str(a) for a in arguments):
            if left == 0:
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            left -= 1
        return real(*arguments, **named)
    return call
for name in ("open", "rename", "replace", "unlink", "fsync", "close"):
    setattr(os, name, killing(getattr(os, name)))
if action == "recover":
    recover_autosaves(folder)
else:
    autosaves = Autosaves(folder)
    if action.startswith("put"):
        autosaves.replace("me", "A01-Race", b"ours")
        autosaves.replace("me", "C03-Speed", b"ours too")
    else:
        autosaves.hide("A01-Race", username="me")
    if action == "put and die":
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    autosaves.restore()
print("survived")
"""


def run_until_killed(folder: Path, after: int, what: str) -> bool:
    """Run a process that is killed at step number `after`, and return whether it came that far."""
    with forked.python(DYING, folder, after, what, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ended:
        _, err = ended.communicate(timeout=300)
    assert ended.returncode == 0 or was_killed(ended.returncode), err
    return ended.returncode != 0


def killed_with_replays_replaced(folder: Path) -> None:
    """A process was killed after it replaced two files, before it restored any."""
    assert run_until_killed(folder, -1, "put and die")
    assert replaced_files(folder) == [OWN, "me_C03-Speed.Replay.gbx"]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["put", "hide"])
def test_after_a_kill_at_any_step_the_next_process_restores_everything(folder: Path, what: str) -> None:
    before = content(folder)
    steps = 0
    while run_until_killed(folder, steps, what):
        recover_autosaves(folder)
        assert content(folder) == before, f"killed at step {steps}"
        steps += 1
    assert steps > 5
    assert content(folder) == before


@pytest.mark.slow
def test_after_a_kill_while_restoring_the_next_process_finishes(folder: Path) -> None:
    before = content(folder)
    steps = 0
    while True:
        killed_with_replays_replaced(folder)
        was_killed = run_until_killed(folder, steps, "recover")
        recover_autosaves(folder)
        assert content(folder) == before, f"killed at step {steps}"
        if not was_killed:
            break
        steps += 1
    assert steps > 2


def test_processes_that_recover_at_the_same_time_restore_once(folder: Path) -> None:
    before = content(folder)
    killed_with_replays_replaced(folder)
    helpers = [forked.python(DYING, folder, -1, "recover") for _ in range(3)]
    assert [helper.wait(300) for helper in helpers] == [0, 0, 0]
    assert content(folder) == before


REPLACING = """
import random, sys
from pathlib import Path
from tmxdb.errors import GameError, PermanentError, RetryLater
from tmxdb.game.autosaves import Autosaves, recover_autosaves
folder, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
busy = replaced = 0
print("began", flush=True)
while True:
    recover_autosaves(folder)
    autosaves = Autosaves(folder)
    try:
        name = rng.choice(["A01-Race", "B02-Acrobatic", "C03-Speed"])
        if rng.random() < 0.5:
            autosaves.replace("me", name, b"ours %d" % rng.randrange(10**9))
        else:
            autosaves.hide(name, username="me")
        replaced += 1
    except GameError:
        busy += 1
    finally:
        autosaves.restore()
"""


@pytest.mark.slow
def test_four_processes_killed_at_random_leave_the_folder_as_it_was(folder: Path) -> None:
    before = content(folder)
    rng = random.Random(7)

    def begin() -> forked.AnyProcess:
        process = forked.python(REPLACING, folder, rng.randrange(10**6), stdout=subprocess.PIPE)
        assert process.stdout
        assert process.stdout.readline() == "began\n"
        return process

    def end(process: forked.AnyProcess) -> None:
        assert process.poll() is None, "it exited by itself"
        process.kill()
        process.communicate()

    workers = [begin() for _ in range(4)]
    for _ in range(12):
        time.sleep(rng.uniform(0.01, 0.1))
        end(workers.pop(rng.randrange(4)))
        workers.append(begin())
    for worker in workers:
        end(worker)
    recover_autosaves(folder)
    assert content(folder) == before


def test_a_newer_run_of_the_user_is_kept_when_an_older_one_is_restored(folder: Path) -> None:
    killed_with_replays_replaced(folder)
    (folder / OWN).write_bytes(b"driven today, before tmxdb was started again")
    recover_autosaves(folder)
    assert content(folder)[f"{OWN}.tmxdb-kept-1"] == b"driven today, before tmxdb was started again"
    assert content(folder)[OWN] == f"the run {OWN}".encode()


def test_a_saved_file_whose_note_was_deleted_is_restored(folder: Path) -> None:
    before = content(folder)
    (folder / OWN).rename(folder / f"{OWN}.tmxdb-saved")
    recover_autosaves(folder)
    assert content(folder) == before
