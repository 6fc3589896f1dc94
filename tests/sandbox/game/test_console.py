"""Commands, maps, scripts and screens: what is queued, what waits, what is only said on the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmxdb.sandbox.game import RunningGame, running_game

from .conftest import Folders, events, made_map, says, wait_until
from .link import FRAME, GREETING, STEP, Link

MAP = "First.Challenge.Gbx"


def restarted(link: Link) -> int:
    """The time of the next step after a give-up."""
    link.send("2i", 11, STEP)
    return link.expect(STEP).time_ms


def test_commands_of_one_frame_run_last_in_first_out(game: RunningGame, link: Link) -> None:
    link.command("set a 1", "set a 2", "set a 3")
    link.answer(GREETING)
    wait_until(lambda: len(events(game, "command")) == 3)
    assert [row["text"] for row in events(game, "command")] == ["set a 3", "set a 2", "set a 1"]


def test_a_command_runs_only_in_a_later_frame(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.command("set speed 3")
    link.ask_frame(4, 4)
    link.answer(STEP)
    link.expect(FRAME)
    assert "set speed 3" not in [row["text"] for row in events(game, "command")]
    link.answer(FRAME)
    link.expect(STEP)
    assert "set speed 3" in [row["text"] for row in events(game, "command")]


def test_several_commands_can_be_joined(game: RunningGame, link: Link) -> None:
    link.command('set a 1; set b "x;y" ;set c 3')
    link.answer(GREETING)
    wait_until(lambda: len(events(game, "command")) == 3)
    assert [row["text"] for row in events(game, "command")] == ["set a 1", 'set b "x;y"', "set c 3"]


def test_what_is_no_command_is_said_on_the_console_and_nowhere_else(game: RunningGame, link: Link) -> None:
    link.command("frobnicate", "cam x", "map")
    link.answer(GREETING)
    wait_until(lambda: says(game, "frobnicate"))
    assert link.is_silent()


@pytest.mark.parametrize(
    "name", ['"sub/Second Map.Challenge.Gbx"', r'"sub\Second Map.Challenge.Gbx"', '"SUB/second map.challenge.gbx"']
)
def test_maps_lie_below_the_challenges_folder(game: RunningGame, link: Link, name: str) -> None:
    link.command("set skip_map_load_screens true", f"map {name}")
    link.answer(GREETING)
    assert link.expect(STEP).time_ms == -2600
    assert events(game, "map")[0]["file"] == "sub/Second Map.Challenge.Gbx"


@pytest.mark.parametrize("name", ["No.Challenge.Gbx", "sub/Second Map.Challenge.Gbx", "../First.Challenge.Gbx", '""'])
def test_a_map_that_is_not_there_is_a_line_on_the_console(game: RunningGame, link: Link, name: str) -> None:
    link.command(f"map {name}")
    link.answer(GREETING)
    wait_until(lambda: says(game, "could not find map") or says(game, "unknown command"))
    assert link.is_silent()
    assert game.screen() == "menus"


def test_a_map_that_was_copied_later_is_queued_and_never_loads(folders: Folders) -> None:
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted()
        (folders.challenges / "Later.Challenge.Gbx").write_bytes(made_map("Later"))
        link.command("map Later.Challenge.Gbx")
        link.answer(GREETING)
        wait_until(lambda: says(game, "map Later.Challenge.Gbx queued"))
        assert link.is_silent()


def test_a_game_that_looks_again_loads_it(folders: Folders) -> None:
    with running_game(**folders.settings, sees_later_files=True) as game, Link(game.port) as link:
        link.greeted()
        (folders.challenges / "Later.Challenge.Gbx").write_bytes(made_map("Later"))
        link.into_race("Later.Challenge.Gbx")


def test_a_file_that_is_no_map_leads_back_to_the_menus(folders: Folders) -> None:
    (folders.challenges / "bad.Challenge.Gbx").write_bytes(b"GBX")
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted()
        link.command("map bad.Challenge.Gbx")
        link.answer(GREETING)
        wait_until(lambda: says(game, "can not load bad.Challenge.Gbx"))
        wait_until(lambda: game.screen() == "menus")


def test_a_second_map_fires_when_the_first_one_has_loaded(game: RunningGame, link: Link) -> None:
    link.command('map "sub/Second Map.Challenge.Gbx"', f"map {MAP}", "set skip_map_load_screens true")
    link.answer(GREETING)
    link.expect(STEP)
    assert [row["file"] for row in events(game, "map")] == [MAP, "sub/Second Map.Challenge.Gbx"]


# Scripts


def follows(game: RunningGame) -> list[str | None]:
    return [row["follows"] for row in events(game, "race")]


def test_a_script_drives_from_the_next_restart_on(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.command("load run.txt")
    link.to(-2000)
    link.to(500)
    assert link.ask_bytes(23) == b""
    restarted(link)
    link.to(500)
    assert link.ask_bytes(23) == b"0.00 press up\n"
    assert follows(game) == [None, "first.Replay.Gbx"]


def test_loaded_and_given_up_in_one_step_the_next_countdown_is_not_yet_armed(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.command("load run.txt")
    restarted(link)
    link.to(100)
    assert link.ask_bytes(23) == b""


def test_the_first_race_on_a_map_ignores_a_script_that_was_loaded_before(game: RunningGame, link: Link) -> None:
    link.into_race(MAP, "load run.txt")
    link.to(100)
    assert link.ask_bytes(23) == b""
    restarted(link)
    link.to(100)
    assert link.ask_bytes(23) != b""


def test_unload_leaves_the_next_race_without_a_script(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.armed("run.txt")
    link.command("unload")
    link.to(0)
    restarted(link)
    link.to(100)
    assert link.ask_bytes(23) == b""


def test_without_execute_commands_a_script_injects_nothing(game: RunningGame, link: Link) -> None:
    link.into_race(MAP, "set execute_commands false")
    link.armed("run.txt")
    assert follows(game)[-1] is None


@pytest.mark.parametrize("name", ["no.txt", "../../TmForever", "\x01"])
def test_a_script_that_can_not_be_read_is_a_line_on_the_console(game: RunningGame, link: Link, name: str) -> None:
    link.command(f"load {name}")
    link.answer(GREETING)
    wait_until(lambda: says(game, "could not load script"))


def test_the_scripts_folder_can_be_moved(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "moved.txt").write_text("0 press up\n")
    with (
        running_game(**folders.settings, configstring=f'set scripts_folder "{tmp_path}"') as game,
        Link(game.port) as link,
    ):
        link.greeted()
        link.command("load moved.txt")
        link.answer(GREETING)
        wait_until(lambda: bool(events(game, "script")))


# Screens


def waits_in(game: RunningGame, link: Link, screen: str, *commands: str) -> None:
    link.command(*commands)
    link.answer(GREETING)
    wait_until(lambda: game.screen() == screen)
    assert link.is_silent()


def test_a_map_waits_for_a_key_unless_its_screens_are_skipped(game: RunningGame, link: Link) -> None:
    waits_in(game, link, "press a key", f"map {MAP}", "set skip_map_load_screens false")
    with Link(game.port) as other:
        other.greeted()
        assert other.ask(22) == 0
        other.command("exit_map")
        other.answer(GREETING)
        wait_until(lambda: game.screen() == "menus")


def test_an_intro_plays_unless_forced_cameras_are_off(folders: Folders) -> None:
    (folders.challenges / "Intro.Challenge.Gbx").write_bytes(made_map("Intro", intro_ms=700))
    with running_game(**folders.settings) as game:
        with Link(game.port) as link:
            link.greeted()
            waits_in(game, link, "intro", "map Intro.Challenge.Gbx", "set skip_map_load_screens true")
            link.expect(STEP)
            link.send("i", 13)
            link.hung_up()
        with Link(game.port) as link:
            link.greeted().into_race("Intro.Challenge.Gbx")
            assert game.screen() == "race"


def test_a_stubborn_intro_plays_whatever_is_set(folders: Folders) -> None:
    (folders.challenges / "Intro.Challenge.Gbx").write_bytes(made_map("Intro", intro_ms=60_000))
    with running_game(**folders.settings, stubborn_intros=True) as game, Link(game.port) as link:
        link.greeted()
        variables = ("set skip_map_load_screens true", "set disable_forced_camera true")
        waits_in(game, link, "intro", "map Intro.Challenge.Gbx", *variables)


def test_autorewind_restarts_at_the_finish_and_suppresses_it(link: Link) -> None:
    link.into_race(MAP, "set autorewind true")
    link.armed("run.txt")
    link.to(3040)
    link.answer(STEP)
    assert link.expect(STEP).time_ms == -2600


def test_quit_ends_the_process(folders: Folders) -> None:
    with running_game(**folders.settings) as game, Link(game.port) as link:
        link.greeted()
        link.command("quit")
        link.answer(GREETING)
        wait_until(lambda: not game.is_alive)
        assert link.hung_up()


def test_nothing_is_drawn_without_draw_game(game: RunningGame, link: Link) -> None:
    link.into_race(MAP)
    link.command("set draw_game false")
    link.to(-2000)
    link.ask_frame(8, 8)
    link.answer(STEP)
    link.expect(STEP)
    link.command("set draw_game true")
    link.answer(STEP)
    assert link.hear().number in (STEP, FRAME)


def test_the_configstring_is_run_before_anything_else(folders: Folders) -> None:
    with (
        running_game(**folders.settings, configstring="set skip_map_load_screens true; toggle_console") as game,
        Link(game.port) as link,
    ):
        link.greeted()
        link.command(f"map {MAP}")
        link.answer(GREETING)
        assert link.expect(STEP).time_ms == -2600
        assert events(game, "command")[0]["text"] == "set skip_map_load_screens true"
