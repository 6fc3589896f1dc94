"""`tmxdb verify`: files against rows, both ways."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from types import TracebackType
from typing import Any

import click
from tqdm import tqdm

from tmxdb.cli import INTERRUPTED, SOME_FAILED
from tmxdb.cli.context import open_database, open_storage, options
from tmxdb.cli.options import json_option, option, progress_option, site_options
from tmxdb.cli.say import counted, safe, talk
from tmxdb.cli.signals import ctrl_c
from tmxdb.clock import wall_clock
from tmxdb.reports.counts import counts
from tmxdb.upkeep.place import Finding, Place, begin, keep
from tmxdb.upkeep.strangers import TOPS
from tmxdb.upkeep.verify import Verifying, check_data
from tmxdb.upkeep.verify import verify as verify_all

LOG_EVERY_S = 10.0


@click.command()
@site_options()
@option("--hash", "content", is_flag=True, help="Read every file and compare it by content, not only by size.")
@option("--mend", is_flag=True, help="Have fetched again what is missing or damaged; move strangers to DATA/strangers.")
@option("--anew", is_flag=True, help="From the beginning, also where an earlier run was broken off.")
@option("--threads", type=click.IntRange(1, 64), default=8, show_default=True, help="Files looked at at once.")
@json_option
@progress_option
@click.pass_context
def verify(ctx: click.Context, /, **given: Any) -> None:
    """Does every row that is done have its file, whole, and every file a row? Workers may go on meanwhile.

    \b
        tmxdb verify
        tmxdb verify --hash
        tmxdb verify --mend

    One line on stdout for each thing that is wrong. Killed and started again it goes on where it was. Exit status 3:
    something is wrong and was not mended.
    """
    database = open_database(chosen := options(ctx, given))
    storage = open_storage(chosen, database)
    check_data(database, storage, mend=given["mend"])
    with database.write() as connection:
        place = begin(
            connection,
            str(storage.root),
            content=given["content"],
            mend=given["mend"],
            anew=given["anew"],
            now_ms=wall_clock(),
        )
        keep(connection, place)
        table = counts(connection)
    if place.step:
        seen = sum(place.checked.values())
        talk(f"Going on with the run of {place.began}, which came to {seen:,} files; --anew begins again.")
    started, before = time.monotonic(), sum(place.checked.values())
    todo = sum(table[kind]["done"] for kind in ("download", "extract", "capture"))
    with ctrl_c() as stopping, _Shown(todo, given["progress"], as_json=given["as_json"]) as shown:
        whole = verify_all(
            Verifying(
                database,
                storage,
                place,
                threads=given["threads"],
                clock=wall_clock,
                stop=stopping.stop,
                on_finding=shown.finding,
                on_checked=shown.checked,
            )
        )
        shown.end(place, whole=whole)
    if not whole:
        talk("Interrupted; the same command goes on from here.")
        sys.exit(INTERRUPTED)
    _sum_up(place, sum(place.checked.values()) - before, time.monotonic() - started)
    if place.unmended:
        if not place.mend:
            talk("`tmxdb verify --mend` has fetched again what is missing or damaged, and moves strangers aside.")
        sys.exit(SOME_FAILED)


def _sum_up(place: Place, n: int, seconds: float) -> None:
    rows = ", ".join(counted(place.checked.get(noun, 0), noun) for noun in ("replay", "map", "capture"))
    files = sum(place.checked.get(top, 0) for top in TOPS)
    how = "by content" if place.content else "by size"
    talk(
        f"Checked {how}: {rows}; looked at {counted(files, 'file')} in the folders ({n / max(seconds, 0.001):,.0f}/s)."
    )
    leftovers = place.checked.get("leftovers", 0)
    if leftovers:
        done = "swept away" if place.mend else "the next `tmxdb work` or --mend sweeps them away"
        talk(f"{counted(leftovers, 'temporary file')} of workers that are gone: {done}.")
    wrong = ", ".join(f"{n:,} {what}" for what, n in place.wrong.items())
    talk(f"Wrong: {wrong}; mended: {place.mended:,}." if wrong else "All is well.")


class _Shown:
    """Findings on stdout, as lines or as one JSON document that is never in memory whole; progress on stderr."""

    def __init__(self, todo: int, progress: bool | None, *, as_json: bool) -> None:
        self._as_json, self._first = as_json, True
        self._counts: dict[str, int] = {}
        self._logged = time.monotonic()
        bar = sys.stderr.isatty() if progress is None else progress
        self._bar = tqdm(total=todo, unit=" files", disable=not bar, file=sys.stderr, dynamic_ncols=True)
        self._log = not bar

    def __enter__(self) -> _Shown:
        if self._as_json:
            click.echo('{"findings": [', nl=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def finding(self, finding: Finding) -> None:
        """Something is wrong."""
        if self._as_json:
            click.echo(("" if self._first else ",") + "\n  " + json.dumps(asdict(finding)), nl=False)
            self._first = False
            return
        about = f"{finding.item}, " if finding.item else ""
        mended = f"; now {finding.mended}" if finding.mended else ""
        line = safe(f"{finding.what}: {about}{finding.path}: {finding.why}{mended}", keep="")
        with tqdm.external_write_mode(file=sys.stdout):
            click.echo(line)

    def checked(self, what: str, n: int) -> None:
        """So many more were looked at."""
        self._counts[what] = self._counts.get(what, 0) + n
        if what not in TOPS:
            self._bar.update(n)
        else:
            self._bar.set_postfix_str(f"{self._counts[what]:,} in {what}/")
        if self._log and time.monotonic() - self._logged >= LOG_EVERY_S:
            self._logged = time.monotonic()
            names = {name: f"files in {name}/" if name in TOPS else f"{name} rows" for name in self._counts}
            talk("; ".join(f"{n:,} {names[name]}" for name, n in self._counts.items()) + " looked at.")

    def end(self, place: Place, *, whole: bool) -> None:
        """Close the document."""
        if self._as_json:
            told = asdict(place)
            names = ("data", "content", "mend", "began", "checked", "wrong", "mended")
            summary = json.dumps({name: told[name] for name in names} | {"unmended": place.unmended, "whole": whole})
            click.echo(f"\n], {summary[1:]}")
