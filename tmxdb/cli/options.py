"""Options that mean the same in every command, each with its TMXDB_… twin; look here before adding one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_SITE_OPTIONS = {
    "--db": ("FILE|URL", "The database: a file, or postgresql+psycopg://…  [default: tmx.db]"),
    "--data": ("FOLDER", "Where files go.  [default: data, beside the database]"),
    "--site": ("NAME|URL", "tmnf, tmuf, tmo, tms, tmn, or a base URL; remembered in the database.  [default: tmnf]"),
    "--contact": (
        "TEXT",
        "Whom the site's people can write to: an address or URL, sent with each request; remembered.",
    ),
}


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """A Click option that can also be set by `TMXDB_<NAME>`, and says so in its help."""
    long_name = next(name for name in names if name.startswith("--")).split("/")[0]
    twin = "TMXDB_" + long_name.lstrip("-").replace("-", "_").upper()
    older = settings.pop("older_variable", None)  # what the scripts before tmxdb called it in their .env
    settings.setdefault("envvar", [twin, older] if older else twin)
    settings.setdefault("show_envvar", True)
    return click.option(*names, **settings)


def site_options(*, with_environment: bool = False) -> Callable[[F], F]:
    """`--db`, `--data`, `--site`, `--contact`: on the group and again on each command that uses them.

    Only the group reads the environment: on the command too, TMXDB_DB would win over `tmxdb --db x status`.
    """

    def decorate(function: F) -> F:
        for name, (metavar, text) in reversed(_SITE_OPTIONS.items()):
            variable = "TMXDB_" + name.lstrip("-").upper()
            described = f"{text}  [env var: {variable}]"
            envvar = variable if with_environment else None
            function = click.option(name, metavar=metavar, help=described, envvar=envvar)(function)
        return function

    return decorate


json_option = option("--json", "as_json", is_flag=True, help="For a program: JSON on stdout.")
dry_run_option = option("--dry-run", is_flag=True, help="Only say what would be done.")
progress_option = option(
    "--progress/--no-progress",
    default=None,
    help="A bar that redraws, or a log line now and then.  [default: a bar on a terminal]",
)
rate_option = option(
    "--rate",
    type=click.FloatRange(min=0),
    help="Requests a second for all processes of this database together; remembered; 0: as fast as it goes."
    "  [default: 4 for the public sites, none on this machine]",
)
reader_option = option(
    "--gbx-reader",
    type=click.Choice(["own", "pygbx"]),
    default="own",
    show_default=True,
    help="Who reads files: tmxdb itself, or pygbx (pip install 'tmxdb[pygbx]') as far as it can.",
)
ITEM_ID = click.IntRange(0, 2**63 - 1)
"""A number of a row: more is none, and no engine takes it."""
KINDS = ("list", "download", "extract", "capture")

base_port_option = option(
    "--base-tmi-port",
    type=click.IntRange(1, 65535),
    default=8478,
    show_default=True,
    older_variable="BASE_TMI_PORT",
    help="The port of the first game; the next ones count up from it.",
)
driver_option = option(
    "--driver",
    type=click.Choice(["tmi2", "tmi1"]),
    default="tmi2",
    show_default=True,
    help="TMInterface 2 (a plugin's socket), or 1.4 (Windows; frames from the screen).",
)
_GAME_FOLDERS = (
    option(
        "--trackmania-path",
        metavar="FOLDER",
        older_variable="TRACKMANIA_BASE_PATH",
        help="The game's folder in your documents, the one with Tracks in it.  [default: looked for]",
    ),
    option(
        "--tminterface-path",
        metavar="FOLDER",
        older_variable="TMINTERFACE_PATH",
        help="TMInterface's folder, the one with Scripts and Plugins in it.  [default: beside the game's]",
    ),
)


_LAUNCHING = (
    option(
        "--tmloader-path",
        metavar="FILE",
        older_variable="WINDOWS_TMLOADER_PATH",
        help="Windows: TMLoader.exe, which starts games.",
    ),
    option(
        "--tmloader-profile",
        default="default",
        show_default=True,
        older_variable="WINDOWS_TMLOADER_PROFILE_NAME",
        help="Windows: the profile of TMLoader to start.",
    ),
    option(
        "--launch-script",
        metavar="FILE",
        older_variable="LINUX_LAUNCH_GAME_PATH",
        help="Linux: a script that starts a game; the port is its only argument.",
    ),
    option("--autologin", metavar="LOGIN", help="Windows: the game account to enter with.  [default: the last one]"),
)


def launching_options(function: F) -> F:
    """How games are started: the fields of `LaunchSettings`."""
    for decorate in reversed(_LAUNCHING):
        function = decorate(function)
    return function


window_title_option = option(
    "--window-title",
    default="Trackmania",
    show_default=True,
    help="What is in the title of the game's window, in whatever case; for --frame-source screen.",
)


def game_folder_options(function: F) -> F:
    """Where the game and TMInterface keep their files."""
    for decorate in reversed(_GAME_FOLDERS):
        function = decorate(function)
    return function
