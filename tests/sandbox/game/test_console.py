"""Commands, maps, scripts and screens of the stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.game.conftest import Folders, build_map, console_shows, events, wait_until
from tests.sandbox.game.wire_client import FRAME, GREETING, STEP, WireClient
from tmxdb_sandbox.game import RunningGame, running_game

MAP = "First.Challenge.Gbx"


def restart(client: WireClient) -> int:
    """Give up, and return the time of the next step."""
    client.send("2i", 11, STEP)
    return client.expect(STEP).time_ms


def test_commands_of_one_frame_run_last_in_first_out(game: RunningGame, client: WireClient) -> None:
    client.command("set a 1", "set a 2", "set a 3")
    client.answer(GREETING)
    wait_until(lambda: len(events(game, "command")) == 3)
    assert [row["text"] for row in events(game, "command")] == ["set a 3", "set a 2", "set a 1"]


def test_a_command_runs_only_in_a_later_frame(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.command("set speed 3")
    client.request_frame(4, 4)
    client.answer(STEP)
    client.expect(FRAME)
    assert "set speed 3" not in [row["text"] for row in events(game, "command")]
    client.answer(FRAME)
    client.expect(STEP)
    assert "set speed 3" in [row["text"] for row in events(game, "command")]


def test_several_commands_can_be_joined(game: RunningGame, client: WireClient) -> None:
    client.command('set a 1; set b "x;y" ;set c 3')
    client.answer(GREETING)
    wait_until(lambda: len(events(game, "command")) == 3)
    assert [row["text"] for row in events(game, "command")] == ["set a 1", 'set b "x;y"', "set c 3"]


def test_an_unknown_command_is_reported_only_on_the_console(game: RunningGame, client: WireClient) -> None:
    client.command("frobnicate", "cam x", "map")
    client.answer(GREETING)
    wait_until(lambda: console_shows(game, "frobnicate"))
    assert client.is_silent()


@pytest.mark.parametrize(
    "name", ['"sub/Second Map.Challenge.Gbx"', r'"sub\Second Map.Challenge.Gbx"', '"SUB/second map.challenge.gbx"']
)
def test_maps_are_found_below_the_challenges_folder(game: RunningGame, client: WireClient, name: str) -> None:
    client.command("set skip_map_load_screens true", f"map {name}")
    client.answer(GREETING)
    assert client.expect(STEP).time_ms == -2600
    assert events(game, "map")[0]["file"] == "sub/Second Map.Challenge.Gbx"


@pytest.mark.parametrize("name", ["No.Challenge.Gbx", "sub/Second Map.Challenge.Gbx", "../First.Challenge.Gbx", '""'])
def test_a_missing_map_is_reported_on_the_console(game: RunningGame, client: WireClient, name: str) -> None:
    client.command(f"map {name}")
    client.answer(GREETING)
    wait_until(lambda: console_shows(game, "could not find map") or console_shows(game, "unknown command"))
    assert client.is_silent()
    assert game.screen() == "menus"


def test_a_map_copied_later_is_queued_and_never_loads(folders: Folders) -> None:
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet()
        (folders.challenges / "Later.Challenge.Gbx").write_bytes(build_map("Later"))
        client.command("map Later.Challenge.Gbx")
        client.answer(GREETING)
        wait_until(lambda: console_shows(game, "map Later.Challenge.Gbx queued"))
        assert client.is_silent()


def test_a_game_that_sees_later_files_loads_it(folders: Folders) -> None:
    with running_game(**folders.settings, sees_later_files=True) as game, WireClient(game.port) as client:
        client.greet()
        (folders.challenges / "Later.Challenge.Gbx").write_bytes(build_map("Later"))
        client.start_race("Later.Challenge.Gbx")


def test_an_invalid_map_returns_to_the_menus(folders: Folders) -> None:
    (folders.challenges / "bad.Challenge.Gbx").write_bytes(b"GBX")
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet()
        client.command("map bad.Challenge.Gbx")
        client.answer(GREETING)
        wait_until(lambda: console_shows(game, "cannot load bad.Challenge.Gbx"))
        wait_until(lambda: game.screen() == "menus")


def test_a_second_map_loads_after_the_first_one(game: RunningGame, client: WireClient) -> None:
    client.command('map "sub/Second Map.Challenge.Gbx"', f"map {MAP}", "set skip_map_load_screens true")
    client.answer(GREETING)
    client.expect(STEP)
    assert [row["file"] for row in events(game, "map")] == [MAP, "sub/Second Map.Challenge.Gbx"]


# Scripts


def followed_runs(game: RunningGame) -> list[str | None]:
    return [row["follows"] for row in events(game, "race")]


def test_a_script_drives_after_the_next_restart(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.command("load run.txt")
    client.advance_to(-2000)
    client.advance_to(500)
    assert client.ask_bytes(23) == b""
    restart(client)
    client.advance_to(500)
    assert client.ask_bytes(23) == b"0.00 press up\n"
    assert followed_runs(game) == [None, "first.Replay.Gbx"]


def test_load_and_give_up_in_one_step_do_not_arm_the_next_race(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.command("load run.txt")
    restart(client)
    client.advance_to(100)
    assert client.ask_bytes(23) == b""


def test_the_first_race_on_a_map_ignores_a_script_loaded_before(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP, "load run.txt")
    client.advance_to(100)
    assert client.ask_bytes(23) == b""
    restart(client)
    client.advance_to(100)
    assert client.ask_bytes(23) != b""


def test_after_unload_the_next_race_has_no_script(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.arm("run.txt")
    client.command("unload")
    client.advance_to(0)
    restart(client)
    client.advance_to(100)
    assert client.ask_bytes(23) == b""


def test_without_execute_commands_a_script_injects_nothing(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP, "set execute_commands false")
    client.arm("run.txt")
    assert followed_runs(game)[-1] is None


@pytest.mark.parametrize("name", ["no.txt", "../../TmForever", "\x01"])
def test_an_unreadable_script_is_reported_on_the_console(game: RunningGame, client: WireClient, name: str) -> None:
    client.command(f"load {name}")
    client.answer(GREETING)
    wait_until(lambda: console_shows(game, "could not load script"))


def test_the_scripts_folder_can_be_moved(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "moved.txt").write_text("0 press up\n")
    with (
        running_game(**folders.settings, configstring=f'set scripts_folder "{tmp_path}"') as game,
        WireClient(game.port) as client,
    ):
        client.greet()
        client.command("load moved.txt")
        client.answer(GREETING)
        wait_until(lambda: bool(events(game, "script")))


# Screens


def wait_in_screen(game: RunningGame, client: WireClient, screen: str, *commands: str) -> None:
    client.command(*commands)
    client.answer(GREETING)
    wait_until(lambda: game.screen() == screen)
    assert client.is_silent()


def test_a_map_waits_for_a_key_unless_its_screens_are_skipped(game: RunningGame, client: WireClient) -> None:
    wait_in_screen(game, client, "press a key", f"map {MAP}", "set skip_map_load_screens false")
    with WireClient(game.port) as other:
        other.greet()
        assert other.ask(22) == 0
        other.command("exit_map")
        other.answer(GREETING)
        wait_until(lambda: game.screen() == "menus")


def test_an_intro_plays_unless_forced_cameras_are_off(folders: Folders) -> None:
    (folders.challenges / "Intro.Challenge.Gbx").write_bytes(build_map("Intro", intro_ms=700))
    with running_game(**folders.settings) as game:
        with WireClient(game.port) as client:
            client.greet()
            wait_in_screen(game, client, "intro", "map Intro.Challenge.Gbx", "set skip_map_load_screens true")
            client.expect(STEP)
            client.send("i", 13)
            client.is_closed()
        with WireClient(game.port) as client:
            client.greet().start_race("Intro.Challenge.Gbx")
            assert game.screen() == "race"


def test_a_stubborn_intro_plays_with_any_variables(folders: Folders) -> None:
    (folders.challenges / "Intro.Challenge.Gbx").write_bytes(build_map("Intro", intro_ms=60_000))
    with running_game(**folders.settings, stubborn_intros=True) as game, WireClient(game.port) as client:
        client.greet()
        variables = ("set skip_map_load_screens true", "set disable_forced_camera true")
        wait_in_screen(game, client, "intro", "map Intro.Challenge.Gbx", *variables)


def test_autorewind_restarts_at_the_finish_and_suppresses_it(client: WireClient) -> None:
    client.start_race(MAP, "set autorewind true")
    client.arm("run.txt")
    client.advance_to(3040)
    client.answer(STEP)
    assert client.expect(STEP).time_ms == -2600


def test_quit_ends_the_process(folders: Folders) -> None:
    with running_game(**folders.settings) as game, WireClient(game.port) as client:
        client.greet()
        client.command("quit")
        client.answer(GREETING)
        wait_until(lambda: not game.is_alive)
        assert client.is_closed()


def test_nothing_is_drawn_without_draw_game(game: RunningGame, client: WireClient) -> None:
    client.start_race(MAP)
    client.command("set draw_game false")
    client.advance_to(-2000)
    client.request_frame(8, 8)
    client.answer(STEP)
    client.expect(STEP)
    client.command("set draw_game true")
    client.answer(STEP)
    assert client.receive().number in (STEP, FRAME)


def test_the_configstring_runs_first(folders: Folders) -> None:
    with (
        running_game(**folders.settings, configstring="set skip_map_load_screens true; toggle_console") as game,
        WireClient(game.port) as client,
    ):
        client.greet()
        client.command(f"map {MAP}")
        client.answer(GREETING)
        assert client.expect(STEP).time_ms == -2600
        assert events(game, "command")[0]["text"] == "set skip_map_load_screens true"
