"""Each fault, seen by a client."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.sandbox.game.conftest import UID, Folders, events, wait_until
from tests.sandbox.game.wire_client import CHECKPOINT, FRAME, GREETING, LAP, STEP, WireClient
from tmxdb.errors import InvalidInput, UsageError
from tmxdb_sandbox.game import RunningGame, running_game
from tmxdb_sandbox.game.faults import FAULTS, GameFaultPlan, parse_rule
from tmxdb_sandbox.game.picture import map_key_of, read_back

MAP = "First.Challenge.Gbx"
DOCS = Path(__file__).parents[3] / "docs" / "reference" / "sandbox-game.md"


def arm_with_fault(game: RunningGame, client: WireClient, fault: str) -> int:
    """Load map and script, set a fault for the armed race only, and return the time of its first step."""
    client.start_race(MAP)
    game.set_faults([fault])
    return client.arm("run.txt").time_ms


def load_map_with_fault(game: RunningGame, client: WireClient, fault: str) -> None:
    game.set_faults([fault])
    client.command("set skip_map_load_screens true", "set disable_forced_camera true", f"map {MAP}")
    client.answer(GREETING)


def messages_until_finish(client: WireClient) -> list[tuple[int, ...]]:
    """Return all messages up to the finish as (number, values…), the last one unanswered."""
    client.answer(STEP)
    received: list[tuple[int, ...]] = []
    while True:
        message = client.receive()
        received.append((message.number, *message.values))
        if message.number == STEP and client.ask(16):
            return received
        client.answer(message.number)


# Maps


@pytest.mark.parametrize(("fault", "screen"), [("no-start", "press a key"), ("intro", "intro"), ("no-index", "menus")])
def test_no_step_comes(game: RunningGame, client: WireClient, fault: str, screen: str) -> None:
    load_map_with_fault(game, client, fault)
    wait_until(lambda: any(row["name"] == fault for row in events(game, "fault")))
    assert client.is_silent()
    assert game.screen() == screen


def test_an_intro_with_a_duration_ends(game: RunningGame, client: WireClient) -> None:
    load_map_with_fault(game, client, "intro:s=0.7")
    assert client.is_silent(0.1)
    client.expect(STEP)


def test_another_map_is_loaded(game: RunningGame, client: WireClient) -> None:
    load_map_with_fault(game, client, "wrong-map")
    client.expect(STEP)
    assert events(game, "map")[0]["name"] == "Second Map"


def test_steps_of_the_old_race_go_on(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.advance_to(300)
    game.set_faults(["stale-steps:n=7"])
    client.command(f"map {MAP}")
    client.answer(STEP)
    times = []
    while (message := client.expect(STEP)).time_ms != -2600:
        times.append(message.time_ms)
        client.answer(STEP)
    assert len(times) >= 7
    assert times == list(range(310, 310 + 10 * len(times), 10))


def test_the_first_steps_of_a_map_have_the_old_clock(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.advance_to(300)
    game.set_faults(["stale-clock:n=3"])
    client.command(f"map {MAP}")
    client.answer(STEP)
    wait_until(lambda: len(events(game, "step")) > 0)
    times = [client.expect(STEP).time_ms]
    while times[-1] != -2600:
        client.answer(STEP)
        times.append(client.expect(STEP).time_ms)
    assert len(times) >= 4
    assert times[-4] > 0


# Races


def test_the_car_stands_still_although_a_script_is_loaded(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "parked")
    client.advance_to(5000)
    assert client.ask(16) == 0
    assert client.ask_bytes(23) == b""


@pytest.mark.parametrize(("fault", "finish_ms"), [("desync", 3280), ("desync:ms=1000", 4050)])
def test_the_finish_comes_later(game: RunningGame, client: WireClient, fault: str, finish_ms: int) -> None:
    arm_with_fault(game, client, fault)
    assert messages_until_finish(client)[-1] == (STEP, finish_ms)


def test_the_finish_never_comes(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "desync:ms=0")
    client.advance_to(6000)
    assert client.ask(16) == 0


@pytest.mark.parametrize(("fault", "next_ms"), [("rewind:at=700", -2600), ("rewind:at=700:ms=300", 410)])
def test_the_clock_jumps_back(game: RunningGame, client: WireClient, fault: str, next_ms: int) -> None:
    arm_with_fault(game, client, f"{fault}:times=1")
    client.advance_to(690)
    client.answer(STEP)
    assert client.expect(STEP).time_ms == next_ms


def test_the_end_dialog_comes_without_a_step_at_the_finish(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "end-dialog")
    client.advance_to(3040)
    client.answer(STEP)
    assert client.is_silent()
    assert game.screen() == "end"


def test_the_game_freezes(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "freeze:at=500:s=1.5")
    client.advance_to(490)
    start = time.monotonic()
    client.answer(STEP)
    assert client.is_silent(0.1)
    with WireClient(game.port) as other:
        assert other.is_silent(0.1)
        client.expect(STEP)
        assert time.monotonic() - start > 1.4


def test_the_plugin_disappears_and_comes_back(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "plugin-gone:at=500:s=1")
    client.advance_to(490)
    client.answer(STEP)
    assert client.is_closed()
    with pytest.raises(ConnectionRefusedError):
        WireClient(game.port)
    wait_until(lambda: any("Port set" in row["text"] for row in events(game, "console")))
    with WireClient(game.port) as other:
        other.greet()


def test_the_process_dies(folders: Folders) -> None:
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet()
        arm_with_fault(game, client, "game-dead:at=500")
        client.advance_to(490)
        client.answer(STEP)
        assert client.is_closed()
        wait_until(lambda: not game.is_alive)
        with pytest.raises(InvalidInput, match="has ended"):
            game.log()


def test_a_callback_fails_in_its_wait(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "script-error:at=500")
    client.advance_to(500)  # the answer is not waited for
    assert client.expect(STEP).time_ms == 510
    assert events(game, "step")[-1]["end"] == "error"


def test_another_client_connects(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "second-client:at=500:s=0.1")
    with pytest.raises((EOFError, ConnectionError)):
        client.advance_to(2000)
    with WireClient(game.port) as again:
        again.greet()  # after the other client was dropped or replaced


def test_checkpoints_come_after_their_step(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "checkpoint-order")
    received = messages_until_finish(client)
    assert received[received.index((CHECKPOINT, 1, 3)) - 1] == (STEP, 1000)


def test_a_lap_message_follows_every_checkpoint(game: RunningGame, client: WireClient) -> None:
    arm_with_fault(game, client, "lap-messages")
    received = messages_until_finish(client)
    assert [one for one in received if one[0] == LAP] == [(LAP, 0, 1), (LAP, 0, 1), (LAP, 0, 1), (LAP, 1, 1)]


@pytest.mark.parametrize(("speed", "finishes"), [("1", 1), ("5", 0)])
def test_a_fast_countdown_loses_the_first_input(
    game: RunningGame, client: WireClient, speed: str, finishes: int
) -> None:
    client.start_race(MAP, f"set countdown_speed {speed}")
    client.command(f"set countdown_speed {speed}")
    game.set_faults(["fast-countdown"])
    client.arm("run.txt")
    client.advance_to(3050)
    assert client.ask(16) == finishes


# Frames


def test_a_frame_comes_late_with_the_tick_of_the_step_before_it(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.advance_to(100)
    game.set_faults(["late-frames:n=3"])
    client.request_frame(64, 64)
    client.answer(STEP)
    times = []
    while (message := client.receive()).number == STEP:
        times.append(message.time_ms)
        client.answer(STEP)
    assert times == [110, 120, 130]
    label = read_back(message.pixels, 64, 64)
    assert label is not None
    assert (label.race_time_ms, label.map_key) == (130, map_key_of(UID))


def test_a_frame_never_comes(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.advance_to(100)
    game.set_faults(["lost-frames"])
    client.request_frame(64, 64)
    for time_ms in range(110, 300, 10):
        client.answer(STEP)
        assert client.expect(STEP).time_ms == time_ms


def test_a_frame_has_half_of_its_bytes(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    game.set_faults(["wrong-size"])
    client.request_frame(64, 64)
    client.answer(STEP)
    client.size = (64, 32)
    client.expect(FRAME)
    assert client.is_silent()


def test_start_up_is_slow(folders: Folders) -> None:
    with running_game(**folders.settings, faults=["slow-start:s=1.2"]) as game, WireClient(game.port) as client:
        assert client.is_silent(0.2)
        assert game.screen() == "starting"
        client.expect(GREETING)


# The grammar


def test_a_share_happens_that_often_and_always_in_the_same_places() -> None:
    def hits() -> list[bool]:
        plan = GameFaultPlan(["parked:25%"], seed=3)
        return [plan.trigger("parked", f"map {n}") is not None for n in range(400)]

    assert hits() == hits()
    assert 60 < sum(hits()) < 140


def test_first_limits_the_tries_of_a_map_and_times_limits_all() -> None:
    plan = GameFaultPlan(["parked:50%:first=2"], seed=1)
    hits = {n: [plan.trigger("parked", f"map {n}") is not None for _ in range(4)] for n in range(40)}
    assert {tuple(row) for row in hits.values()} == {(True, True, False, False), (False,) * 4}
    plan = GameFaultPlan(["parked:times=3"], seed=1)
    assert sum(plan.trigger("parked", "m") is not None for _ in range(10)) == 3


def test_a_fault_can_be_limited_to_some_maps() -> None:
    plan = GameFaultPlan(["parked:map=second"], seed=1)
    assert plan.trigger("parked", "sub/Second Map.Challenge.Gbx")
    assert plan.trigger("parked", MAP) is None


def test_a_restarted_game_goes_on_counting(tmp_path: Path) -> None:
    memory = str(tmp_path / "memory.json")
    assert GameFaultPlan(["game-dead:times=1"], 1, memory).trigger("game-dead", "m")
    assert GameFaultPlan(["game-dead:times=1"], 1, memory).trigger("game-dead", "m") is None


@pytest.mark.parametrize("text", ["", "nonsense", "parked:x", "parked:200%", "freeze:s=x", "freeze:at", "parked:q=1"])
def test_an_invalid_fault_is_refused(game: RunningGame, text: str) -> None:
    with pytest.raises(UsageError, match="fault "):
        parse_rule(text)
    with pytest.raises(InvalidInput, match="fault "):
        game.set_faults([text])


def test_the_docs_have_the_table() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \| (\w+) \|$", DOCS.read_text("utf-8"), re.M)
    assert rows == [(name, fault.help, fault.chance) for name, fault in FAULTS.items()]
