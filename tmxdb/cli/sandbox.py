"""`tmxdb sandbox`: the stand-in for the exchange, in the foreground until Ctrl-C."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from tmxdb.cli.options import option
from tmxdb.sandbox.settings import Settings

_EXAMPLES = """\
Sandbox of {tracks:,} tracks at {url} (Ctrl-C ends it). Try, in another terminal:

  tmxdb --site {url} --db sandbox.db sync-tracks
  tmxdb --db sandbox.db run --n 16
  curl '{url}/api/tracks?fields=TrackId,TrackName,Awards&order1=6&count=3'
  curl '{url}/_sandbox/stats'
"""


@click.command()
@option("--tracks", type=click.IntRange(min=1), default=1000, show_default=True, help="How many tracks.")
@option("--replays", type=click.IntRange(min=0), default=10, show_default=True, help="Replays of a track, on average.")
@option("--plain", is_flag=True, help="Nothing odd: exactly --replays valid replays on each track, harmless names.")
@option("--seed", type=int, default=1, show_default=True, help="Another seed, another catalogue.")
@option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free port.")
@option(
    "--gbx-dir",
    type=click.Path(path_type=Path),
    help="Serve the real replays and maps of this folder (implies --plain).",
)
@option(
    "--file-kb", type=click.FloatRange(0, 1024), default=0, show_default=True, help="Replay files of about this size."
)
@option("--latency-ms", type=click.FloatRange(min=0), default=0, show_default=True, help="Wait before each answer.")
@option("--fault", "faults", multiple=True, metavar="TEXT", help="What goes wrong, such as 503:3% or cut:2%:first=1.")
@option("--list-faults", is_flag=True, help="Say which faults there are, and end.")
@option(
    "--log", "log_file", type=click.Path(dir_okay=False), help="Append every request to this file as a line of JSON."
)
def sandbox(
    tracks: int,
    replays: int,
    plain: bool,
    seed: int,
    host: str,
    port: int,
    gbx_dir: Path | None,
    file_kb: float,
    latency_ms: float,
    faults: tuple[str, ...],
    list_faults: bool,
    log_file: str | None,
) -> None:
    """Run a stand-in for the exchange on this machine, for trying things out.

    It behaves as the real site is known to, serves small valid files, and fails on request. Its catalogue
    is made up from --seed and is the same each time.

    Example: tmxdb sandbox --tracks 200 --fault 503:3% --fault cut:2%:first=1
    """
    # Imported late, so that `tmxdb --help` need not wait for asyncio.
    from tmxdb.sandbox.faults.table import FAULTS, STATUS
    from tmxdb.sandbox.server import Sandbox

    if list_faults:
        for name, fault in {"400 to 599": STATUS, **FAULTS}.items():
            click.echo(f"{name:14}{fault.help}")
        return
    settings = Settings(
        tracks=tracks,
        replays=replays,
        seed=seed,
        host=host,
        port=port,
        gbx_dir=str(gbx_dir) if gbx_dir else None,
        plain=plain,
        file_kb=file_kb,
        latency_ms=latency_ms,
        faults=list(faults),
        log_file=log_file,
    )

    def on_ready(url: str, _stop: asyncio.Event) -> None:
        click.echo(_EXAMPLES.format(tracks=tracks, url=url), nl=False)

    running = Sandbox(settings)
    try:
        asyncio.run(running.run(on_ready))
    except KeyboardInterrupt:  # the way to end it: nothing has failed
        click.echo(f"\nStopped. Requests served: {running.journal.stats()['requests']:,}", err=True)
