"""`tmxdb release`: rows of workers that are gone become pending again."""

from __future__ import annotations

from tmxdb.cli.framework.command import command, dry_run_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.options.database import DatabaseOptions


@command()
@option("--worker", "names", metavar="ID", multiple=True, help="Rows of this worker, even if it is alive; repeatable.")
@option("--all", "all_workers", is_flag=True, help="Rows of every worker, even if it is alive.")
@dry_run_option
def release(names: tuple[str, ...], all_workers: bool, dry_run: bool, database_options: DatabaseOptions) -> None:
    """Give back rows of workers that are gone. No attempt is charged.

    \b
      tmxdb release
      tmxdb release --dry-run
      tmxdb release --worker box-4711-a1b2c3

    Workers do this by themselves within seconds. Use it when no worker runs, or
    when one hangs: results that it hands in later are dropped.
    """
    from tmxdb.cli.actions.control.release import do_release

    do_release(names, all_workers, dry_run, database_options)
