"""The command line: the only place that knows Click. One file per command, each loaded when it is called.

Exit status, in every command: 0 all well, 1 the command failed, 2 wrong usage, 3 finished but some items
failed, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from tmxdb import __version__
from tmxdb.cli.options import site_options
from tmxdb.errors import TmxdbError, WrongUsage

FAILED, USAGE, SOME_FAILED, INTERRUPTED = 1, 2, 3, 130

COMMANDS = {
    "sync-tracks": ("sync_tracks", "Copy the exchange's track list into the database."),
    "add-tracks": ("add_tracks", "Add single tracks by id, by file or by name."),
    "add-captures": ("add_captures", "Ask for frames of downloaded replays."),
    "work": ("work", "Do the pending jobs of one or more kinds."),
    "run": ("work", "List, download and extract side by side until nothing is left."),
    "status": ("status", "What is done, what is missing, who is working."),
    "query": ("query", "Ask the database in SQL, read-only."),
    "show": ("show", "What a row is, how it stands, and its whole story."),
    "retry": ("retry", "Make failed and skipped rows pending again."),
    "pause": ("pause", "Have all workers leave a kind alone for a while."),
    "resume": ("pause", "Let a paused kind go on."),
    "skip": ("skip", "Leave rows alone, with a reason."),
    "release": ("release", "Give back rows that are stuck."),
    "verify": ("verify", "Compare files and rows, both ways, and mend."),
    "export": ("export", "Captured frames as a data set for training."),
    "plot": ("plot", "Draw the driven line of a replay, coloured by speed."),
    "contact-sheet": ("contact_sheet", "One picture of a captured run."),
    "reread": ("reread", "Read the facts of files again that are already there."),
    "backup": ("backup", "Copy the database into a file while workers run."),
    "copy-db": ("copy_db", "Move a database to another engine: SQLite, PostgreSQL."),
    "migrate": ("migrate", "Create the database, or bring an older one up to date."),
    "gbx": ("gbx", "Look into replay and map files; needs no database."),
    "game": ("game", "Look at the games that captures are made with; needs no database."),
    "sandbox": ("sandbox", "Serve a stand-in for the exchange on this machine."),
    "demo": ("demo", "The whole chain against the sandbox, in well under a minute."),
}


class LazyGroup(click.Group):
    """Knows the names of its commands; imports one only when it is called or asked for its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tmxdb.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@site_options(with_environment=True)
@click.version_option(__version__, message="tmxdb %(version)s")
@click.pass_context
def tmxdb(ctx: click.Context, /, **options: Any) -> None:
    """Mirror tracks, replays and maps of the TrackMania exchanges into a database of jobs.

    Every track, replay and map is a row that carries its own state: kill tmxdb at any moment, start it
    again, and it goes on where it was. Begin with:

    \b
        tmxdb sync-tracks --order awards --max-tracks 100
        tmxdb run --top 10
        tmxdb status

    Exit status: 0 all well, 1 the command failed, 2 wrong usage, 3 finished but some items failed,
    130 interrupted.
    """
    ctx.obj = options


def main() -> None:
    """The console script. Every expected failure is one sentence on stderr and an exit status."""
    _read_dot_env()
    try:
        status = tmxdb.main(prog_name="tmxdb", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        _end("Interrupted.", INTERRUPTED)
    except KeyboardInterrupt:
        _end("Interrupted.", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except TmxdbError as error:
        if error.code == "worker.stopping":  # Ctrl-C while something was waited for
            _end("Interrupted; the same command goes on from here.", INTERRUPTED)
        _end(f"Error: {error}", USAGE if isinstance(error, WrongUsage) else FAILED)
    except BrokenPipeError:  # `tmxdb query … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def _end(message: str, status: int) -> None:
    from tmxdb.cli.say import safe

    click.echo(safe(message), err=True)
    sys.exit(status)


def _read_dot_env() -> None:
    if os.path.isfile(".env"):
        from dotenv import load_dotenv

        load_dotenv(".env")
