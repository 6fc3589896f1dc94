"""Every fault by its name, seen from the wire."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tmxdb.errors import BadInput, WrongUsage
from tmxdb.sandbox.game import RunningGame, running_game
from tmxdb.sandbox.game.faults import FAULTS, FaultPlan, parse_rule
from tmxdb.sandbox.game.picture import map_key_of, read_back

from .conftest import UID, Folders, events, wait_until
from .link import CHECKPOINT, FRAME, GREETING, LAP, STEP, Link

MAP = "First.Challenge.Gbx"
DOCS = Path(__file__).parents[3] / "docs" / "sandbox-game.md"


def asked_for(game: RunningGame, link: Link, fault: str) -> int:
    """The map, the script and the fault, which strikes the armed race only; the time of its first step."""
    link.into_race(MAP)
    game.set_faults([fault])
    return link.armed("run.txt").time_ms


def map_asked_for(game: RunningGame, link: Link, fault: str) -> None:
    game.set_faults([fault])
    link.command("set skip_map_load_screens true", "set disable_forced_camera true", f"map {MAP}")
    link.answer(GREETING)


def until_the_finish(link: Link) -> list[tuple[int, ...]]:
    """Everything that is told up to the finish, as (number, values…), the last one unanswered."""
    link.answer(STEP)
    told: list[tuple[int, ...]] = []
    while True:
        said = link.hear()
        told.append((said.number, *said.values))
        if said.number == STEP and link.ask(16):
            return told
        link.answer(said.number)


# Maps


@pytest.mark.parametrize(("fault", "screen"), [("no-start", "press a key"), ("intro", "intro"), ("no-index", "menus")])
def test_no_step_ever_comes(game: RunningGame, link: Link, fault: str, screen: str) -> None:
    map_asked_for(game, link, fault)
    wait_until(lambda: any(row["name"] == fault for row in events(game, "fault")))
    assert link.is_silent()
    assert game.screen() == screen


def test_an_intro_of_some_seconds_ends(game: RunningGame, link: Link) -> None:
    map_asked_for(game, link, "intro:s=0.7")
    assert link.is_silent(0.1)
    link.expect(STEP)


def test_another_map_is_loaded(game: RunningGame, link: Link) -> None:
    map_asked_for(game, link, "wrong-map")
    link.expect(STEP)
    assert events(game, "map")[0]["name"] == "Second Map"


def test_the_old_race_goes_on_for_a_while(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.to(300)
    game.set_faults(["stale-steps:n=7"])
    link.command(f"map {MAP}")
    link.answer(STEP)
    times = []
    while (said := link.expect(STEP)).time_ms != -2600:
        times.append(said.time_ms)
        link.answer(STEP)
    assert len(times) >= 7
    assert times == list(range(310, 310 + 10 * len(times), 10))


def test_the_first_steps_of_a_map_have_the_old_clock(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.to(300)
    game.set_faults(["stale-clock:n=3"])
    link.command(f"map {MAP}")
    link.answer(STEP)
    wait_until(lambda: len(events(game, "step")) > 0)
    times = [link.expect(STEP).time_ms]
    while times[-1] != -2600:
        link.answer(STEP)
        times.append(link.expect(STEP).time_ms)
    assert len(times) >= 4
    assert times[-4] > 0


# Races


def test_the_car_stands_though_a_script_is_loaded(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "parked")
    link.to(5000)
    assert link.ask(16) == 0
    assert link.ask_bytes(23) == b""


@pytest.mark.parametrize(("fault", "finish_ms"), [("desync", 3280), ("desync:ms=1000", 4050)])
def test_the_finish_comes_later(game: RunningGame, link: Link, fault: str, finish_ms: int) -> None:
    asked_for(game, link, fault)
    assert until_the_finish(link)[-1] == (STEP, finish_ms)


def test_the_finish_never_comes(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "desync:ms=0")
    link.to(6000)
    assert link.ask(16) == 0


@pytest.mark.parametrize(("fault", "next_ms"), [("rewind:at=700", -2600), ("rewind:at=700:ms=300", 410)])
def test_the_clock_jumps_back(game: RunningGame, link: Link, fault: str, next_ms: int) -> None:
    asked_for(game, link, f"{fault}:times=1")
    link.to(690)
    link.answer(STEP)
    assert link.expect(STEP).time_ms == next_ms


def test_the_end_dialog_comes_without_a_step_at_the_finish(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "end-dialog")
    link.to(3040)
    link.answer(STEP)
    assert link.is_silent()
    assert game.screen() == "end"


def test_the_game_freezes_in_the_middle(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "freeze:at=500:s=1.5")
    link.to(490)
    link.answer(STEP)
    began = time.monotonic()
    assert link.is_silent(0.1)
    with Link(game.port) as other:
        assert other.is_silent(0.1)
        link.expect(STEP)
        assert time.monotonic() - began > 1.4


def test_the_plugin_vanishes_and_may_come_back(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "plugin-gone:at=500:s=1")
    link.to(490)
    link.answer(STEP)
    assert link.hung_up()
    with pytest.raises(ConnectionRefusedError):
        Link(game.port)
    wait_until(lambda: any("Port set" in row["text"] for row in events(game, "console")))
    with Link(game.port) as other:
        other.greeted()


def test_the_process_dies(folders: Folders) -> None:
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted()
        asked_for(game, link, "game-dead:at=500")
        link.to(490)
        link.answer(STEP)
        assert link.hung_up()
        wait_until(lambda: not game.is_alive)
        with pytest.raises(BadInput, match="has ended"):
            game.log()


def test_a_callback_ends_in_the_middle_of_its_wait(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "script-error:at=500")
    link.to(500)  # nobody waits for the answer
    assert link.expect(STEP).time_ms == 510
    assert events(game, "step")[-1]["end"] == "error"


def test_somebody_else_takes_the_line(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "second-client:at=500:s=0.1")
    with pytest.raises((EOFError, ConnectionError)):
        link.to(2000)
    with Link(game.port) as again:
        again.greeted()  # after the other one was dropped, or replaced


def test_checkpoints_come_behind_their_step(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "checkpoint-order")
    told = until_the_finish(link)
    assert told[told.index((CHECKPOINT, 1, 3)) - 1] == (STEP, 1000)


def test_a_lap_message_follows_every_checkpoint(game: RunningGame, link: Link) -> None:
    asked_for(game, link, "lap-messages")
    told = until_the_finish(link)
    assert [one for one in told if one[0] == LAP] == [(LAP, 0, 1), (LAP, 0, 1), (LAP, 0, 1), (LAP, 1, 1)]


@pytest.mark.parametrize(("speed", "finishes"), [("1", 1), ("5", 0)])
def test_a_fast_countdown_loses_the_first_input(game: RunningGame, link: Link, speed: str, finishes: int) -> None:
    link.into_race(MAP, f"set countdown_speed {speed}")
    link.command(f"set countdown_speed {speed}")
    game.set_faults(["fast-countdown"])
    link.armed("run.txt")
    link.to(3050)
    assert link.ask(16) == finishes


# Frames


def test_a_frame_comes_late_with_the_tick_of_the_step_before_it(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.to(100)
    game.set_faults(["late-frames:n=3"])
    link.ask_frame(64, 64)
    link.answer(STEP)
    times = []
    while (said := link.hear()).number == STEP:
        times.append(said.time_ms)
        link.answer(STEP)
    assert times == [110, 120, 130]
    seen = read_back(said.pixels, 64, 64)
    assert seen is not None
    assert (seen.race_time_ms, seen.map_key) == (130, map_key_of(UID))


def test_a_frame_never_comes(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.to(100)
    game.set_faults(["lost-frames"])
    link.ask_frame(64, 64)
    for time_ms in range(110, 300, 10):
        link.answer(STEP)
        assert link.expect(STEP).time_ms == time_ms


def test_a_frame_has_half_of_its_bytes(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    game.set_faults(["wrong-size"])
    link.ask_frame(64, 64)
    link.answer(STEP)
    link.size = (64, 32)
    link.expect(FRAME)
    assert link.is_silent()


def test_start_up_takes_its_time(folders: Folders) -> None:
    with running_game(**folders.settings, faults=["slow-start:s=1.2"]) as game, Link(game.port) as link:
        assert link.is_silent(0.2)
        assert game.screen() == "starting"
        link.expect(GREETING)


# The grammar


def test_a_share_strikes_so_often_and_always_the_same() -> None:
    def strikes() -> list[bool]:
        plan = FaultPlan(["parked:25%"], seed=3)
        return [plan.strike("parked", f"map {n}") is not None for n in range(400)]

    assert strikes() == strikes()
    assert 60 < sum(strikes()) < 140


def test_first_spares_the_unlucky_afterwards_and_times_counts_all() -> None:
    plan = FaultPlan(["parked:50%:first=2"], seed=1)
    struck = {n: [plan.strike("parked", f"map {n}") is not None for _ in range(4)] for n in range(40)}
    assert {tuple(row) for row in struck.values()} == {(True, True, False, False), (False,) * 4}
    plan = FaultPlan(["parked:times=3"], seed=1)
    assert sum(plan.strike("parked", "m") is not None for _ in range(10)) == 3


def test_a_fault_can_be_for_some_maps_only() -> None:
    plan = FaultPlan(["parked:map=second"], seed=1)
    assert plan.strike("parked", "sub/Second Map.Challenge.Gbx")
    assert plan.strike("parked", MAP) is None


def test_a_game_that_is_started_again_goes_on_counting(tmp_path: Path) -> None:
    memory = str(tmp_path / "memory.json")
    assert FaultPlan(["game-dead:times=1"], 1, memory).strike("game-dead", "m")
    assert FaultPlan(["game-dead:times=1"], 1, memory).strike("game-dead", "m") is None


@pytest.mark.parametrize("text", ["", "nonsense", "parked:x", "parked:200%", "freeze:s=x", "freeze:at", "parked:q=1"])
def test_a_text_that_is_no_fault_is_refused_with_a_sentence(game: RunningGame, text: str) -> None:
    with pytest.raises(WrongUsage, match="fault "):
        parse_rule(text)
    with pytest.raises(BadInput, match="fault "):
        game.set_faults([text])


def test_the_docs_have_the_table() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (\w+) \|$", DOCS.read_text("utf-8"), re.M)
    assert rows == [(name, fault.help, fault.chance) for name, fault in FAULTS.items()]
