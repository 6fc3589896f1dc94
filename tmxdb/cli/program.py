"""The command `tmxdb` and the table of its subcommands, each in a file that is imported when it is called."""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tmxdb import __version__
from tmxdb.cli.formats.colour import colour_preference
from tmxdb.cli.framework.command import SectionedGroup
from tmxdb.cli.framework.dotenv_file import DotEnv
from tmxdb.cli.framework.option import SectionedOption
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.options.database import GlobalOptions
from tmxdb.reports.documentation import documentation_folder

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Mirror": {
        "sync-tracks": ("mirror.sync_tracks", "Copy the exchange's track list into the database."),
        "select": ("mirror.select", "Choose tracks under a name, for --only."),
        "add-tracks": ("mirror.add_tracks", "Add tracks by id, URL, file or name."),
        "adopt": ("mirror.adopt", "Adopt a folder of replays and maps."),
        "refresh": ("mirror.refresh", "List the leaderboards that are due."),
        "watch": ("mirror.watch", "Sync, refresh and run on a schedule."),
        "run": ("mirror.work", "List, download and extract until nothing is left."),
        "work": ("mirror.work", "Do the pending jobs of one or more kinds."),
    },
    "Look": {
        "status": ("inspect.status", "Show counts, workers, rates and failures."),
        "errors": ("inspect.errors", "Show why rows are not done, and what to type."),
        "track": ("inspect.track", "Show a track, its leaderboard and its files."),
        "top": ("inspect.track", "Show the leaderboard of a track."),
        "driver": ("inspect.driver", "Show a driver's runs and records."),
        "changes": ("inspect.changes", "Show what is new: tracks, records, replays."),
        "show": ("inspect.show", "Show one row, its file and its history."),
        "query": ("inspect.query", "Query the database in SQL, read-only."),
        "schema": ("inspect.schema", "List tables, views and their columns."),
        "serve": ("inspect.serve", "Show the mirror as web pages on this machine."),
    },
    "Control": {
        "pause": ("control.pause", "Stop all workers from starting jobs of a kind."),
        "resume": ("control.pause", "Lift a pause."),
        "retry": ("control.retry", "Make failed or skipped rows pending again."),
        "skip": ("control.skip", "Mark rows as skipped, with a reason."),
        "release": ("control.release", "Give back rows of workers that are gone."),
    },
    "Capture": {
        "add-captures": ("capture.add_captures", "Request frames of downloaded replays."),
        "convert-captures": ("capture.convert", "Store captured pictures as files, tars or videos."),
        "game": ("capture.game", "Check and calibrate the games, install the plugin."),
    },
    "Export": {
        "export": ("export.export", "Write frames, centre lines or tables as data sets."),
        "plot": ("export.plot", "Draw the driven line of a replay."),
        "contact-sheet": ("export.contact_sheet", "Draw frames of a captured run in one picture."),
        "stats": ("export.stats", "Draw what the mirror consists of."),
        "film": ("export.film", "Make a video of one or more runs."),
    },
    "Maintain": {
        "doctor": ("maintain.doctor", "Check everything and suggest fixes."),
        "verify": ("maintain.verify", "Compare files with rows, and repair."),
        "reread": ("maintain.reread", "Read the facts of downloaded files again."),
        "backup": ("maintain.backup", "Copy the database to a file while workers run."),
        "copy-db": ("maintain.copy_db", "Copy a database to SQLite or PostgreSQL."),
        "config": ("maintain.config", "Show and set what the database remembers."),
        "migrate": ("maintain.migrate", "Create the database or upgrade it."),
    },
    "Without a database": {
        "gbx": ("files.gbx", "Read replay and map files."),
        "demo": ("sandbox.demo", "Run everything against the sandbox in a minute."),
        "sandbox": ("sandbox.sandbox", "Serve a stand-in for the exchange."),
        "completion": ("files.completion", "Print a script for completion with Tab."),
        "help": ("files.help", "Show the help of a command."),
    },
}
COMMANDS = {name: entry for commands in SECTIONS.values() for name, entry in commands.items()}


class OutputClosed(Exception):
    """The reader of stdout has closed the pipe, as in `tmxdb query … | head`."""


def is_closed_pipe(error: OSError) -> bool:
    """Return whether `error` says that the reader of a pipe is gone. Windows reports that as EINVAL, without a file."""
    is_invalid = os.name == "nt" and error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or is_invalid


@contextmanager
def _closed_pipe() -> Iterator[None]:
    """Raise OutputClosed for a closed pipe, which Click would end with status 1."""
    try:
        yield
    except OSError as error:
        if is_closed_pipe(error):
            raise OutputClosed from error
        raise


class Program(SectionedGroup):
    """The group `tmxdb`: knows the names of its commands and imports one when it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the options of the program. --help and --version print here already."""
        with _closed_pipe():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        with _closed_pipe():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, or None if no command has that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tmxdb.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin with `incomplete`, without importing any command."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, without importing them."""
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(f"{name:13}", summary) for name, (_, summary) in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write where the documentation is."""
        formatter.write(f"\nDocumentation: {documentation_folder() / 'index.md'}\n")


@click.group(cls=Program)
@click.option("--db", cls=SectionedOption, envvar="TMXDB_DB", show_envvar=True, metavar="FILE|URL", help="Database.  [default: tmx.db]")  # fmt: skip  # noqa: E501
@click.option("--data", cls=SectionedOption, envvar="TMXDB_DATA", show_envvar=True, metavar="FOLDER", help="Folder for files.  [default: data]")  # fmt: skip  # noqa: E501
@click.option("--site", cls=SectionedOption, envvar="TMXDB_SITE", show_envvar=True, metavar="NAME|URL", help="Exchange.  [default: tmnf]")  # fmt: skip  # noqa: E501
@click.option("--contact", cls=SectionedOption, envvar="TMXDB_CONTACT", show_envvar=True, metavar="TEXT", help="How the site can reach you.")  # fmt: skip  # noqa: E501
@click.option("-v", "--verbose", cls=SectionedOption, count=True, help="Log what happens to stderr; -vv: every row.")
@click.option("--log-file", cls=SectionedOption, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Log to FILE, 5 files of 10 MB at most.")  # fmt: skip  # noqa: E501
@click.option("--log-format", cls=SectionedOption, type=WordChoice(["text", "json"]), default="text", metavar="text|json", help="Format of the log.")  # fmt: skip  # noqa: E501
@click.version_option(__version__, message="tmxdb %(version)s")
@click.pass_context
def tmxdb(
    ctx: click.Context,
    /,
    db: str | None,
    data: str | None,
    site: str | None,
    contact: str | None,
    verbose: int,
    log_file: Path | None,
    log_format: str,
) -> None:
    """Mirror tracks, replays and maps of the TrackMania exchanges into a database.

    Each track, replay and map is a row that carries its own state: stop tmxdb at
    any moment, start it again, and it continues. Start with:

    \b
      tmxdb sync-tracks --order awards --max-tracks 100
      tmxdb run --top 10
      tmxdb status

    Exit status: 0 all well, 1 the command failed, 2 wrong usage, 3 finished but
    some items failed, 130 interrupted.
    """
    from tmxdb.cli.shared.logs import configure_logging

    dot_env = ctx.obj if isinstance(ctx.obj, DotEnv) else None
    configure_logging(verbose, log_file, log_format, dot_env=dot_env)
    ctx.color = colour_preference()
    ctx.obj = GlobalOptions(db, data, site, contact, dot_env.used if dot_env else ())
