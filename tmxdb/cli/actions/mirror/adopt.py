"""What `tmxdb adopt` does: adopt a folder of older downloads, or any folder of replays and maps."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from tmxdb.adoption.adopt import Adoption
from tmxdb.adoption.adopt import adopt as adopt_files
from tmxdb.adoption.files import Candidate, OlderProgress, files_below, find_track_ids, older_progress
from tmxdb.adoption.placing import Placement
from tmxdb.adoption.recognition.reading import FoundFile, read_file
from tmxdb.adoption.recognition.site_lookup import SiteLookup
from tmxdb.adoption.report import Report
from tmxdb.cli.exit_status import INTERRUPTED, SOME_FAILED
from tmxdb.cli.opening.database import close_at_end, open_database, open_database_if_any, open_storage
from tmxdb.cli.opening.exchange import check_exchange, open_exchange
from tmxdb.cli.opening.remembered import remember_data
from tmxdb.cli.options.commands.adopt import AdoptOptions
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.shared.ids import first_few, read_ids
from tmxdb.cli.shared.logs import notices
from tmxdb.cli.shared.output import message, plural, print_json
from tmxdb.cli.shared.progress import message_above_bars, progress_bar
from tmxdb.cli.shared.signals import StopSignals, stop_signals
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.only_process import only_process
from tmxdb.db.settings import database_id
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.kinds.naming import NameTemplate
from tmxdb.process_pool import process_pool
from tmxdb.storage import Storage
from tmxdb.storage.data_folder import process_owner
from tmxdb.sync.retrying_client import RetryingClient
from tmxdb.upkeep.data_folder_check import check_data_folder

FEW_FILES = 50
"""Up to this many files are read in this process: starting others takes half a second."""
SHOWN = 20


@dataclass(frozen=True)
class AdoptRequest:
    """What to adopt. `listed`: the track list of the older scripts."""

    root: Path
    candidates: list[Candidate]
    listed: list[int]
    options: AdoptOptions
    template: NameTemplate
    placement: Placement


def do_adopt(
    folder: str, options: AdoptOptions, storage_options: StorageOptions, exchange_options: ExchangeOptions
) -> None:
    """Adopt the files of a folder and print what became of them."""
    request = _request(folder, options)
    if not request.candidates:
        message(f"{folder} contains no files.")
        if options.as_json:
            print_json(Report().as_json())
        return
    with stop_signals() as signals:
        if options.dry_run:
            report, progress = _preview(request, storage_options, signals)
        else:
            report, progress = _adopt(request, storage_options, exchange_options, signals)
    if options.as_json:
        older = None if progress is None else {"passed": progress.index, "skipped": list(progress.skipped)}
        print_json({**report.as_json(), "track_list": len(request.listed), "older_scripts": older})
    _say(report, progress, request)
    if signals.stop.is_set():
        message("Interrupted. Run the same command again to continue.")
        sys.exit(INTERRUPTED)
    if report.outcomes["damaged"]:
        sys.exit(SOME_FAILED)


def _request(folder: str, options: AdoptOptions) -> AdoptRequest:
    roots = [Path(folder), *([Path(options.tracks_dir)] if options.tracks_dir else [])]
    for root in roots:
        if not root.exists():
            raise UsageError(f"{root}: no such file or folder.", code="input.adopt")
    path = options.track_ids or find_track_ids(roots[0])
    listed, bad = read_ids((), [str(path)] if path else [])
    if bad and options.track_ids:
        raise InvalidInput(f"{plural(len(bad), 'line')} without a track id: {first_few(bad, '; ')}.", code="input.ids")
    candidates = list(chain.from_iterable(map(files_below, roots)))
    return AdoptRequest(roots[0], candidates, listed, options, NameTemplate(options.name_template), options.chosen())


def _preview(
    request: AdoptRequest, storage_options: StorageOptions, signals: StopSignals
) -> tuple[Report, OlderProgress | None]:
    """Read the files and compare them with the database, or with an empty one. Nothing is sent or changed."""
    with TemporaryDirectory() as folder:
        database = open_database_if_any(storage_options)
        if database is None:
            database = Database(str(Path(folder) / "empty.db"))
            close_at_end(database.close)
            upgrade(database)
        storage = open_storage(storage_options, database)
        report = _run(request, database, storage, SiteLookup(None), signals, owner="")
        progress = older_progress(request.root, request.listed, _tracks_with_files(request))
        database.close()
    return report, progress


def _adopt(
    request: AdoptRequest, storage_options: StorageOptions, exchange_options: ExchangeOptions, signals: StopSignals
) -> tuple[Report, OlderProgress | None]:
    if request.options.lookup:
        check_exchange(storage_options, exchange_options, signals.stop)
    database = open_database(storage_options, create=True)
    client = None
    if request.options.lookup:
        exchange, _ = open_exchange(storage_options, exchange_options, database, connections=1, stop=signals.stop)
        client = RetryingClient(exchange, signals.stop, notices(message_above_bars, "sync"))
    storage = open_storage(storage_options, database)
    storage.check_writable()
    check_data_folder(database, storage, changes=True)
    with database.write() as connection:
        collection = database_id(connection)
    storage.identity.remember(collection)
    remember_data(database, storage_options)
    with only_process(database, "adopt", never_beside=("verify --move-orphans",)):
        report = _run(request, database, storage, SiteLookup(client), signals, owner=process_owner())
    return report, older_progress(request.root, request.listed, _tracks_with_files(request))


def _run(
    request: AdoptRequest, database: Database, storage: Storage, site: SiteLookup, signals: StopSignals, *, owner: str
) -> Report:
    options = request.options
    with (
        progress_bar(len(request.candidates), "files", progress=options.progress) as bar,
        _readers(options.processes or os.cpu_count() or 1, len(request.candidates)) as read_many,
    ):

        def advance(n: int) -> None:
            bar.update(n)

        return adopt_files(
            Adoption(
                database,
                storage,
                site,
                request.placement,
                request.template,
                owner,
                wall_clock,
                signals.stop,
                read_many,
                on_files=advance,
                dry_run=options.dry_run,
                look_up=options.lookup,
            ),
            request.candidates,
        )


@contextmanager
def _readers(processes: int, files: int) -> Iterator[Callable[[Sequence[Candidate]], Iterable[FoundFile]]]:
    """Yield a function that reads files, in processes if there are enough files."""
    if processes == 1 or files <= FEW_FILES:
        yield lambda candidates: map(read_file, candidates)
        return
    with process_pool(processes) as pool:
        yield lambda candidates: pool.map(read_file, candidates, chunksize=10)


def _tracks_with_files(request: AdoptRequest) -> set[int]:
    """Return the tracks that have a folder with a file in it, or a file named after them."""
    names = chain.from_iterable((*file.folders, Path(file.path).name.partition(".")[0]) for file in request.candidates)
    return {int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 19}


def _say(report: Report, progress: OlderProgress | None, request: AdoptRequest) -> None:
    dry_run = request.options.dry_run
    for outcome, path, reason in report.problems[:SHOWN]:
        message(f"{outcome}: {path}: {reason}")
    if len(report.problems) > SHOWN:
        query = '`tmxdb query "select outcome, path, reason from adopted_files"`'
        message(f"More: {'--json' if dry_run else query}.")
    counts = report.outcomes
    unknown = "unknown to the site" if request.options.lookup else "not in the database"
    parts = [f"{counts['matched']:,} matched", f"{counts['unknown']:,} {unknown}",
             f"{counts['damaged']:,} damaged", f"{plural(counts['duplicate'], 'duplicate')}"]  # fmt: skip
    if report.other:
        parts.append(f"{report.other:,} neither replay nor map")
    if report.undecided:
        parts.append(f"{report.undecided:,} to look up, with about {plural(report.requests, 'request')}")
    message(f"{plural(report.files, 'file')}: {', '.join(parts)}.")
    if report.earlier:
        message(f"{plural(report.earlier, 'file')} of them were adopted by an earlier run.")
    if not dry_run:
        added = (
            f"Added {plural(report.tracks + report.local_tracks, 'track')}, {plural(report.replays, 'replay')} and"
            f" {plural(report.maps, 'map')}"
        )
        tracks, replays = plural(report.local_tracks, "track"), plural(report.local_replays, "replay")
        has_local = report.local_tracks or report.local_replays
        message(f"{added}; of these {tracks} and {replays} with local ids." if has_local else f"{added}.")
    _say_older(progress, request.listed)
    if not dry_run and (report.replays or report.maps):
        message("`tmxdb run` extracts maps and downloads what is missing.")


def _say_older(progress: OlderProgress | None, listed: Sequence[int]) -> None:
    if progress is not None and progress.skipped:
        message(
            f"The older scripts had passed {progress.index:,} of {plural(progress.listed, 'listed track')};"
            f" {plural(len(progress.skipped), 'track')} of these have no file and would never have been fetched:"
            f" {first_few(progress.skipped, ', ')}."
        )
    if listed:
        message(f"{plural(len(listed), 'track')} in the track list: `tmxdb add-tracks --track-ids FILE` adds them.")
