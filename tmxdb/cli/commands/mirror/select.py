"""`tmxdb select`: choose tracks under a name, which other commands take with `--only`."""

from __future__ import annotations

import click

from tmxdb.cli.completion.words import selections
from tmxdb.cli.framework.command import command
from tmxdb.cli.options.commands.select import SelectOptions
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.options.track_filters import TrackFilterOptions
from tmxdb.cli.shared.exclusive import refuse_together


@command("select")
@click.argument("selection_name", metavar="[NAME]", required=False, shell_complete=selections)
def select(
    selection_name: str | None,
    options: SelectOptions,
    track_filters: TrackFilterOptions,
    database_options: StorageOptions,
    exchange_options: ExchangeOptions,
) -> None:
    """Choose tracks under a NAME, for --only in other commands.

    \b
      tmxdb select best --order awards --max-tracks 1000 --environment stadium
      tmxdb select mine --track-ids ids.txt --top 100 --priority 1
      tmxdb select long --where "author_time_ms > 60000 and awards >= 10"
      tmxdb select --list
      tmxdb run --only best

    Filters are sent to the site, and the tracks are stored. A condition in SQL
    chooses among the tracks in the database. `tmxdb sync-tracks` chooses the tracks
    of live selections again. Without filters, --top and --priority change a
    selection that exists.
    """
    _check(selection_name, options, track_filters)
    if options.list_all or options.show is not None:
        from tmxdb.cli.actions.mirror.listed import list_selections, show_selection

        if options.show is None:
            list_selections(database_options, as_json=options.as_json)
        else:
            show_selection(database_options, options.show, as_json=options.as_json)
        return
    from tmxdb.cli.actions.mirror.select import do_select

    do_select(selection_name, options, track_filters, database_options, exchange_options)


def _check(name: str | None, options: SelectOptions, track_filters: TrackFilterOptions) -> None:
    given = [name is not None, options.list_all, options.show is not None, options.drop is not None]
    if sum(given) != 1:
        raise click.UsageError("Give one of NAME, --list, --show NAME and --drop NAME.")
    if options.live and options.track_file:
        raise click.UsageError("--live needs filters or --where; tracks named with --track-ids stay the same.")
    choosing = {
        "--order": options.order is not None,
        "--max-tracks": options.max_tracks is not None,
        "--where": options.where is not None,
        **track_filters.given,
    }
    if options.track_file is not None:
        refuse_together("--track-ids", choosing, "names the tracks themselves.")
    changing = {
        "--track-ids": options.track_file is not None,
        "--top": options.top is not None,
        "--priority": options.priority is not None,
        "--live": options.live is True,
        "--fixed": options.live is False,
        **choosing,
    }
    for option, is_given, why in (
        ("--list", options.list_all, "chooses nothing."),
        ("--show", options.show is not None, "chooses nothing."),
        ("--drop", options.drop is not None, "forgets a selection."),
    ):
        if is_given:
            refuse_together(option, changing, why)
