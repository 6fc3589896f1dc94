"""What `tmxdb verify` does: compare files with rows, in both directions."""

from __future__ import annotations

import json
import sys
import time
from contextlib import nullcontext
from types import TracebackType

import click
from tqdm import tqdm

from tmxdb.cli.exit_status import INTERRUPTED, SOME_FAILED
from tmxdb.cli.opening.database import open_database, open_storage
from tmxdb.cli.options.commands.verify import VerifyOptions
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.output import message, plural, safe
from tmxdb.cli.shared.progress import progress_bar, shows_bar
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.only_process import only_process
from tmxdb.paths import plain
from tmxdb.reports.counts import counts
from tmxdb.storage import is_absolute
from tmxdb.storage.names import id_name
from tmxdb.upkeep.data_folder_check import FOLDERS, check_data_folder, check_files_in_place
from tmxdb.upkeep.integrity import MISSING
from tmxdb.upkeep.orphans import ORPHANS
from tmxdb.upkeep.progress import Finding, VerifyProgress, resume_or_start, save, word_for
from tmxdb.upkeep.verify import ORPHAN, Verification
from tmxdb.upkeep.verify import verify as verify_all

LOG_EVERY_S = 10.0


def do_verify(options: VerifyOptions, only: TrackSelection, storage_options: StorageOptions) -> None:
    """Compare files with rows and print each problem."""
    if only.names_tracks and options.move_orphans:
        raise click.UsageError("--move-orphans goes through all files, not only those of some tracks.")
    database, is_kept = _open(options, storage_options)
    scope = only.scope(database)
    storage = open_storage(storage_options, database)
    check_data_folder(database, storage, changes=options.repair or options.move_orphans)
    if options.repair:
        check_files_in_place(database, storage)
    start = VerifyProgress(
        plain(str(storage.root)),
        options.content,
        options.repair,
        options.move_orphans,
        began=iso(wall_clock()),
        selection=word_for(scope),
    )
    progress = start
    if is_kept:
        with database.write() as connection:
            progress = resume_or_start(connection, start, restart=options.restart)
            save(connection, progress)
    with database.read() as connection:
        table = counts(connection, scope)
    if progress.step:
        message(f"Continuing the check of {progress.began} after {_seen(progress)}; --restart starts over.")
    started, before = time.monotonic(), sum(progress.checked.values())
    todo = sum(table[kind]["done"] for kind in ("download", "extract", "capture"))
    # `adopt` places files before it writes their rows: until then they look like orphans.
    alone = only_process(database, "verify --move-orphans", never_beside=("adopt",))
    with (
        alone if options.move_orphans else nullcontext(),
        stop_signals() as signals,
        VerifyDisplay(todo, options.progress, as_json=options.as_json) as display,
    ):
        is_complete = verify_all(
            Verification(
                database,
                storage,
                progress,
                threads=options.threads,
                clock=wall_clock,
                stop=signals.stop,
                on_finding=display.finding,
                on_checked=display.checked,
                keeps_progress=is_kept,
                scope=scope,
            )
        )
        display.end(progress, is_complete=is_complete)
    if not is_complete:
        message(f"Interrupted. Run the same command again to {'continue' if is_kept else 'start over'}.")
        sys.exit(INTERRUPTED)
    _report(progress, sum(progress.checked.values()) - before, time.monotonic() - started)
    _suggest_adopting(progress)
    if progress.unrepaired:
        _suggest(progress)
        sys.exit(SOME_FAILED)


def _seen(progress: VerifyProgress) -> str:
    """Return how much an interrupted run has checked: each file is looked at for its row, and again in its folder."""
    files = sum(progress.checked.get(top, 0) for top in FOLDERS)
    rows = plural(sum(progress.checked.values()) - files, "row")
    return f"{rows} and {plural(files, 'file')} in the folders" if files else rows


def _open(options: VerifyOptions, storage_options: StorageOptions) -> tuple[Database, bool]:
    """Return the database, and whether progress can be kept in it. A check that changes nothing needs only to read."""
    if not options.repair and not options.move_orphans:
        database = open_database(storage_options, read_only=True)
        if not database.may_write():
            message("The database cannot be written here: progress is not kept, so an interrupted check starts over.")
            return database, False
        database.close()
    return open_database(storage_options), True


def _suggest(progress: VerifyProgress) -> None:
    """Print the options that repair what is left."""
    if not progress.repair and set(progress.wrong) - {ORPHAN}:
        message("`tmxdb verify --repair` makes rows with missing, damaged or outdated files pending again.")
    if not progress.move_orphans and ORPHAN in progress.wrong:
        message(f"`tmxdb verify --move-orphans` moves files that belong to no row to {progress.data}/{ORPHANS}.")


def _suggest_adopting(progress: VerifyProgress) -> None:
    """Print what to do about files in place, which only the user can have moved, or their disk unmounted."""
    if any(finding.what == MISSING and is_absolute(finding.path) for finding in progress.kept):
        message(
            "Files that were adopted in place are missing. If you moved them, adopt the folder that they are"
            " in now: `tmxdb adopt FOLDER --in-place`."
        )
    if progress.repair and any(finding.what == MISSING and finding.repaired is None for finding in progress.kept):
        message(
            "Rows of files whose folder is missing or empty were not reset. Check that the disk is mounted. If the"
            " files are lost, download those of each track again:"
            " `tmxdb retry --status done --kind download --kind extract --track-id ID`."
        )


def _report(progress: VerifyProgress, n: int, seconds: float) -> None:
    rows = ", ".join(plural(progress.checked.get(noun, 0), noun) for noun in ("replay", "map", "capture"))
    files = sum(progress.checked.get(top, 0) for top in FOLDERS)
    how = "by content" if progress.content else "by size"
    pace = n / max(seconds, 0.001)
    folders = f"; {plural(files, 'file')} in the folders" if progress.selection is None else ""
    message(f"Checked {how}: {rows}{folders} ({pace:,.0f} per second).")
    leftovers = progress.checked.get("leftovers", 0)
    if leftovers:
        what = "deleted" if progress.repair else "the next `tmxdb work` or `tmxdb verify --repair` deletes them"
        message(f"{plural(leftovers, 'temporary file')} of workers that are gone: {what}.")
    wrong = ", ".join(f"{n:,} {what}" for what, n in progress.wrong.items())
    message(f"Problems: {wrong}; repaired: {progress.repaired:,}." if wrong else "All is well.")


def _finding_json(finding: Finding) -> dict[str, str | None]:
    """Return the finding under the names that programs read: `mended` is the older name of `repaired`."""
    return {
        "what": finding.what,
        "item": finding.item,
        "path": finding.path,
        "why": finding.why,
        "mended": finding.repaired,
    }


def _named(item: str) -> str:
    """Return the row of a finding as other commands write it: `replay local3` for `replay -3`."""
    noun, _, number = item.partition(" ")
    return f"{noun} {id_name(int(number))}"


class VerifyDisplay:
    """Findings on stdout, as lines or as one JSON document written piece by piece; progress on stderr."""

    def __init__(self, todo: int, progress: bool | None, *, as_json: bool) -> None:
        self._as_json, self._is_first = as_json, True
        self._counts: dict[str, int] = {}
        self._logged_at = time.monotonic()
        self._bar = progress_bar(todo, "files", progress=progress)
        self._log = not shows_bar(progress)

    def __enter__(self) -> VerifyDisplay:
        if self._as_json:
            click.echo('{"findings": [', nl=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def finding(self, finding: Finding) -> None:
        """Print a problem."""
        if self._as_json:
            click.echo(("" if self._is_first else ",") + "\n  " + json.dumps(_finding_json(finding)), nl=False)
            self._is_first = False
            return
        about = f"{_named(finding.item)}, " if finding.item else ""
        repaired = f"; now {finding.repaired}" if finding.repaired else ""
        line = safe(f"{finding.what}: {about}{finding.path}: {finding.why}{repaired}", keep="")
        with tqdm.external_write_mode(file=sys.stdout):
            click.echo(line)

    def checked(self, what: str, n: int) -> None:
        """Count `n` more files."""
        self._counts[what] = self._counts.get(what, 0) + n
        if what not in FOLDERS:
            self._bar.update(n)
        else:
            self._bar.set_postfix_str(f"{self._counts[what]:,} in {what}/")
        if self._log and time.monotonic() - self._logged_at >= LOG_EVERY_S:
            self._logged_at = time.monotonic()
            names = {name: f"files in {name}/" if name in FOLDERS else f"{name} rows" for name in self._counts}
            message("Checked " + "; ".join(f"{n:,} {names[name]}" for name, n in self._counts.items()) + ".")

    def end(self, progress: VerifyProgress, *, is_complete: bool) -> None:
        """Close the document."""
        if self._as_json:
            names = ("data", "content", "move_orphans", "began", "checked", "wrong")
            summary = {name: getattr(progress, name) for name in names}
            # The older names, which programs read.
            summary |= {"mend": progress.repair, "mended": progress.repaired, "unmended": progress.unrepaired}
            summary["whole"] = is_complete
            click.echo(f"\n], {json.dumps(summary)[1:]}")
