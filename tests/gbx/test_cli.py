"""`tmxdb gbx` prints facts of files or writes parts of them, and one line for each file that it cannot read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests import needs
from tests.gbx.golden.test_golden import GOLDEN
from tests.gbx.made import a_challenge, a_replay
from tests.gbx.samples import SAMPLES, needs_samples
from tmxdb.cli.commands.files.gbx import gbx
from tmxdb.errors import InvalidInput


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(gbx, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture
def replay(tmp_path: Path) -> Path:
    path = tmp_path / "a.Replay.Gbx"
    path.write_bytes(a_replay())
    return path


def test_show_prints_the_facts_of_the_run_and_of_the_map(replay: Path) -> None:
    shown = run("show", replay)
    assert shown.exit_code == 0
    assert "race_time_ms      6110" in shown.output
    assert "nickname_plain    Racer" in shown.output
    assert "    name                A road" in shown.output


def test_show_prints_one_json_object_per_line(replay: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.Challenge.Gbx").write_bytes(a_challenge(comments="a\nb"))
    shown = run("show", tmp_path, "--json")
    first, second = [json.loads(line) for line in shown.output.splitlines()]
    assert (first["kind"], first["race_time_ms"], first["map"]["uid"]) == (
        "replay",
        6110,
        "abcdefghijklmnopqrstuvwxyz0",
    )
    assert (second["kind"], second["comments"], second["problems"]) == ("map", "a\nb", [])


def test_an_unreadable_file_is_one_line_and_the_others_are_still_shown(replay: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.Replay.Gbx"
    bad.write_bytes(b"<html>")
    shown = run("show", bad, tmp_path / "missing.gbx", replay, "--json")
    assert shown.exit_code == 3
    assert len(shown.stdout.splitlines()) == 1
    of_bad, of_missing = shown.stderr.splitlines()
    assert of_bad == f"Error: {bad}: byte 0x0: not a GBX file but a web page"
    assert of_missing.startswith(f"Error: {tmp_path / 'missing.gbx'}: ")  # and what the system says


def test_a_file_can_be_read_from_stdin() -> None:
    shown = run("show", "-", "--json", stdin=a_challenge(name="From a pipe"))
    assert json.loads(shown.output)["name"] == "From a pipe"


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.Gbx"
    path.write_bytes(a_replay(nickname="\x1b[31mred\r\nnew line\x07\u202e", inputs=[(0, "Ho\x1brn", 1)]))
    for arguments in (
        ["show"],
        ["show", "--json"],
        ["inputs"],
        ["inputs", "--as", "csv"],
        ["inputs", "--as", "script"],
    ):
        output = run(*arguments, path).output
        assert "\x1b" not in output
        assert "\x07" not in output
        assert "\r" not in output
        assert "\u202e" not in output


def test_many_files_are_read_in_processes_and_shown_in_order(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number:02}.Gbx").write_bytes(a_replay(race_time_ms=1000 + number))
    shown = run("show", tmp_path, "--json", "--processes", "2")
    assert shown.exit_code == 0
    assert [json.loads(line)["race_time_ms"] for line in shown.output.splitlines()] == list(range(1000, 1012))


def test_map_writes_the_embedded_map_byte_for_byte(tmp_path: Path) -> None:
    challenge = a_challenge(name="inside")
    (tmp_path / "a.Replay.Gbx").write_bytes(a_replay(challenge))
    assert run("map", tmp_path / "a.Replay.Gbx", "-o", tmp_path / "out.Gbx").exit_code == 0
    assert (tmp_path / "out.Gbx").read_bytes() == challenge
    assert run("map", tmp_path / "a.Replay.Gbx", "-o", "-").stdout_bytes == challenge


def test_an_existing_file_is_not_overwritten(replay: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    refused = run("map", replay, "-o", tmp_path / "there")
    assert isinstance(refused.exception, InvalidInput)
    assert (tmp_path / "there").read_text() == "mine"


def test_a_replay_without_a_map_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.Replay.Gbx").write_bytes(a_replay(b"<html>"))
    refused = run("map", tmp_path / "a.Replay.Gbx", "-o", tmp_path / "out.Gbx")
    assert refused.exit_code == 3
    assert "the embedded map is unusable" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "out.Gbx").exists()


def test_a_missing_file_is_one_line_in_every_command(tmp_path: Path) -> None:
    missing = tmp_path / "missing.gbx"
    for arguments in (
        ["show", missing],
        ["map", missing, "-o", "-"],
        ["inputs", missing],
        ["thumbnail", missing, "-o", "-"],
    ):
        refused = run(*arguments)
        assert (refused.exit_code, refused.stderr.count("\n")) == (3, 1)
        assert refused.stderr.startswith(f"Error: {missing}: ")  # and what the system says


def test_inputs_as_a_table_as_csv_and_as_a_script(replay: Path) -> None:
    assert "   1000  Steer               -65536" in run("inputs", replay).output
    assert "1000,Steer,-65536\n" in run("inputs", replay, "--as", "csv").output
    assert run("inputs", replay, "--as", "script").output.splitlines() == [
        "0.00-4.99 press up",
        "0.99 steer 65536",
        "1.24 steer -32000",
        "1.99-2.00 press enter",
        "5.49-6.11 press down",
    ]


@pytest.mark.parametrize("form", ["table", "csv", "script"])
def test_a_file_without_inputs_says_so_in_every_form(form: str, tmp_path: Path) -> None:
    path = tmp_path / "a.Replay.Gbx"
    path.write_bytes(a_replay(race_time_ms=None, checkpoints_ms=[], inputs=[]))
    refused = run("inputs", path, "--as", form)
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert refused.stderr == f"Error: {path}: there are no readable inputs in this file\n"


def test_inputs_without_a_command_say_so_as_a_script(tmp_path: Path) -> None:
    path = tmp_path / "a.Replay.Gbx"
    path.write_bytes(a_replay(inputs=[(0, "Horn", 1)]))
    assert run("inputs", path).exit_code == 0
    refused = run("inputs", path, "--as", "script")
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (3, "", 1)


def test_a_thumbnail_is_written_the_right_way_up(tmp_path: Path) -> None:
    image = needs.module("PIL.Image")
    picture = image.new("RGB", (16, 16), "white")
    picture.paste("black", (0, 0, 16, 8))  # the upper half is dark: stored upside down, the bottom of the scene
    picture.save(tmp_path / "stored.jpg", quality=95)
    stored = (tmp_path / "stored.jpg").read_bytes()
    (tmp_path / "a.Challenge.Gbx").write_bytes(a_challenge(thumbnail=stored))
    assert run("thumbnail", tmp_path / "a.Challenge.Gbx", "-o", tmp_path / "a.jpg").exit_code == 0
    with image.open(tmp_path / "a.jpg") as turned:
        assert turned.getpixel((8, 2))[0] > 200
        assert turned.getpixel((8, 13))[0] < 50
    as_stored = run("thumbnail", tmp_path / "a.Challenge.Gbx", "-o", "-", "--as-stored")
    assert as_stored.stdout_bytes == stored


def test_a_map_without_a_thumbnail_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.Gbx").write_bytes(a_challenge())
    refused = run("thumbnail", tmp_path / "a.Gbx", "-o", "-")
    assert (refused.exit_code, refused.stderr.count("\n")) == (3, 1)


def test_the_command_does_not_import_sqlalchemy() -> None:
    code = "import sys; import tmxdb.cli.commands.files.gbx; print('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_the_library_imports_neither_click_nor_sqlalchemy_nor_numpy() -> None:
    code = (
        "import sys; import tmxdb.gbx; print([m for m in ('click', 'sqlalchemy', 'numpy', 'PIL') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@needs_samples
def test_every_sample_is_shown_or_refused() -> None:
    shown = run("show", SAMPLES, "--json")
    facts = {
        Path(fact["file"]).relative_to(SAMPLES).as_posix(): fact for fact in map(json.loads, shown.stdout.splitlines())
    }
    assert shown.exit_code == 3
    for file, expected in GOLDEN.items():
        if expected["kind"] == "replay":
            assert facts[file]["map"]["sha256"] == expected["map_sha256"]
    for line in shown.stderr.splitlines():
        assert line.startswith("Error: ")
