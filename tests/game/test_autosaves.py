"""The user's replays in Autosaves: as they were before, whatever happens in between."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tmxdb.errors import GameTrouble
from tmxdb.game.autosaves import Autosaves, autosave_name, lent, recover_autosaves

from ..tool import Tool

OWN = "me_A01-Race.Replay.gbx"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a run of the user's own on one map, of another login on the same, and on another map."""
    folder = tmp_path / "Autosaves"
    folder.mkdir()
    for name in (OWN, "sister_A01-Race.Replay.gbx", "me_B02-Acrobatic.Replay.gbx"):
        (folder / name).write_bytes(f"the run {name}".encode())
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("map_name", ["A01-Race", "C03-Speed"])
def test_a_replay_is_put_there_and_all_is_as_before(folder: Path, map_name: str) -> None:
    before = content(folder)
    autosaves = Autosaves(folder)
    autosaves.put("me", map_name, b"ours")
    assert content(folder)[f"me_{map_name}.Replay.gbx"] == b"ours"
    autosaves.give_back()
    assert content(folder) == before
    autosaves.give_back()
    assert content(folder) == before


def test_hidden_ghosts_are_those_of_the_map_and_what_the_game_saves_meanwhile_goes(folder: Path) -> None:
    before = content(folder)
    autosaves = Autosaves(folder)
    autosaves.hide("A01-Race", username="me")
    assert {name for name in content(folder) if name.endswith(".gbx")} == {"me_B02-Acrobatic.Replay.gbx"}
    (folder / OWN).write_bytes(b"the run that we have just driven")
    autosaves.give_back()
    assert content(folder) == before


def test_a_folder_that_is_not_there_hides_nothing_and_is_made_for_a_replay(tmp_path: Path) -> None:
    autosaves = Autosaves(tmp_path / "Tracks" / "Autosaves")
    assert autosaves.hide("A01-Race") == 0
    assert autosaves.put("me", "A01-Race", b"ours").read_bytes() == b"ours"
    assert recover_autosaves(tmp_path / "nowhere") == 0


def test_the_same_name_is_lent_once_at_a_time(folder: Path) -> None:
    first, second = Autosaves(folder), Autosaves(folder)
    first.put("me", "A01-Race", b"first")
    with pytest.raises(GameTrouble) as busy:
        second.put("me", "A01-Race", b"second")
    assert busy.value.code == "game.autosave_busy"
    assert recover_autosaves(folder) == 0  # its owner lives
    assert lent(folder) == [OWN]
    assert (folder / OWN).read_bytes() == b"first"
    first.give_back()
    second.put("me", "A01-Race", b"second")
    second.give_back()
    assert lent(folder) == []


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


DIE = """
import os, signal, sys
from pathlib import Path
from tmxdb.game.autosaves import Autosaves, recover_autosaves
folder, left, what = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def deadly(real):
    def call(*arguments, **named):
        global left
        if any(isinstance(a, int) or str(folder) in str(a) for a in arguments):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
        return real(*arguments, **named)
    return call
for name in ("open", "rename", "replace", "unlink", "fsync", "close"):
    setattr(os, name, deadly(getattr(os, name)))
if what == "recover":
    recover_autosaves(folder)
else:
    autosaves = Autosaves(folder)
    if what.startswith("put"):
        autosaves.put("me", "A01-Race", b"ours")
        autosaves.put("me", "C03-Speed", b"ours too")
    else:
        autosaves.hide("A01-Race", username="me")
    if what == "put and die":
        os.kill(os.getpid(), signal.SIGKILL)
    autosaves.give_back()
print("lived")
"""


def die(folder: Path, after: int, what: str) -> bool:
    """A process that is killed by SIGKILL at the `after`th step; whether it came to one."""
    ended = subprocess.run(
        [sys.executable, "-c", DIE, str(folder), str(after), what],
        env=Tool.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


def die_with_replays_lent(folder: Path) -> None:
    """After its replays are in their places, before it gives anything back."""
    assert die(folder, -1, "put and die")
    assert lent(folder) == [OWN, "me_C03-Speed.Replay.gbx"]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["put", "hide"])
def test_killed_at_any_step_the_next_one_puts_all_back(folder: Path, what: str) -> None:
    before = content(folder)
    steps = 0
    while die(folder, steps, what):
        recover_autosaves(folder)
        assert content(folder) == before, f"killed at step {steps}"
        steps += 1
    assert steps > 5
    assert content(folder) == before


@pytest.mark.slow
def test_killed_while_it_puts_back_the_next_one_goes_on(folder: Path) -> None:
    before = content(folder)
    steps = 0
    while True:
        die_with_replays_lent(folder)
        again = die(folder, steps, "recover")
        recover_autosaves(folder)
        assert content(folder) == before, f"killed at step {steps}"
        if not again:
            break
        steps += 1
    assert steps > 2


def test_two_that_find_the_same_leavings_put_back_once(folder: Path) -> None:
    before = content(folder)
    die_with_replays_lent(folder)
    helpers = [
        subprocess.Popen([sys.executable, "-c", DIE, str(folder), "-1", "recover"], env=Tool.environment())
        for _ in range(3)
    ]
    assert [helper.wait(60) for helper in helpers] == [0, 0, 0]
    assert content(folder) == before


LEND = """
import random, sys
from pathlib import Path
from tmxdb.errors import GameTrouble
from tmxdb.game.autosaves import Autosaves, recover_autosaves
folder, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
busy = lent = 0
print("began", flush=True)
while True:
    recover_autosaves(folder)
    autosaves = Autosaves(folder)
    try:
        name = rng.choice(["A01-Race", "B02-Acrobatic", "C03-Speed"])
        if rng.random() < 0.5:
            autosaves.put("me", name, b"ours %d" % rng.randrange(10**9))
        else:
            autosaves.hide(name, username="me")
        lent += 1
    except GameTrouble:
        busy += 1
    finally:
        autosaves.give_back()
"""


@pytest.mark.slow
def test_four_at_once_killed_at_random_leave_all_as_it_was(folder: Path) -> None:
    before = content(folder)
    rng = random.Random(7)

    def begin() -> subprocess.Popen[str]:
        words = [sys.executable, "-c", LEND, str(folder), str(rng.randrange(10**6))]
        process = subprocess.Popen(words, env=Tool.environment(), stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "began\n"
        return process

    def end(process: subprocess.Popen[str]) -> None:
        assert process.poll() is None, "it ended by itself"
        process.kill()
        process.communicate()

    lenders = [begin() for _ in range(4)]
    for _ in range(12):
        time.sleep(rng.uniform(0.01, 0.1))
        end(lenders.pop(rng.randrange(4)))
        lenders.append(begin())
    for lender in lenders:
        end(lender)
    recover_autosaves(folder)
    assert content(folder) == before


def test_a_newer_run_of_the_users_is_kept_when_an_older_loan_is_given_back(folder: Path) -> None:
    die_with_replays_lent(folder)
    (folder / OWN).write_bytes(b"driven today, before tmxdb was started again")
    recover_autosaves(folder)
    assert content(folder)[f"{OWN}.tmxdb-kept-1"] == b"driven today, before tmxdb was started again"
    assert content(folder)[OWN] == f"the run {OWN}".encode()


def test_a_saved_file_whose_note_somebody_deleted_comes_back(folder: Path) -> None:
    before = content(folder)
    (folder / OWN).rename(folder / f"{OWN}.tmxdb-saved")
    recover_autosaves(folder)
    assert content(folder) == before
