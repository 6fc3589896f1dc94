"""`tmxdb export`: what the database and its folder hold, in the forms that other programs read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tmxdb.cli import SOME_FAILED
from tmxdb.cli.context import open_database, open_storage, options
from tmxdb.cli.ids import chosen_tracks
from tmxdb.cli.options import dry_run_option, json_option, option, progress_option, site_options
from tmxdb.cli.say import counted, print_json, print_table, safe, talk
from tmxdb.cli.signals import ctrl_c
from tmxdb.errors import WrongUsage
from tmxdb.export.plan import ENDINGS, Shard, Wish, plan
from tmxdb.export.split import parse_split

if TYPE_CHECKING:
    from tmxdb.export.choose import Conditions
    from tmxdb.export.work import Export

ODD_SHARE = 0.1
"""A part that is so much larger or smaller than asked for is told."""


@click.group()
def export() -> None:
    """Write what was mirrored and captured in forms that other programs read.

    \b
        tmxdb export frames dataset
    """


@export.command()
@site_options()
@click.argument("out", type=click.Path(path_type=Path))
@option("--format", "form", type=click.Choice(list(ENDINGS)), default="webdataset", show_default=True, help="Tar shards, or one row a frame with its picture inside (pip install 'tmxdb[parquet]').")  # fmt: skip  # noqa: E501
@option("--split", default="train=0.9,val=0.1", show_default=True, help="Parts and their shares; every map is in one of them only.")  # fmt: skip  # noqa: E501
@option("--seed", type=int, default=0, show_default=True, help="Another seed, other tracks in each part, other order.")
@option("--shard-frames", type=click.IntRange(min=1), default=10_000, show_default=True, help="Frames of a shard; runs stay whole.")  # fmt: skip  # noqa: E501
@option("--track-id", "track_ids", type=click.IntRange(min=1), multiple=True, help="Only this track; may be repeated.")
@option("--track-ids", "track_file", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE", help="Only the tracks of a file, one id a line.")  # fmt: skip  # noqa: E501
@option("--setting", "settings", multiple=True, metavar="NAME=VALUE", help="Only captures with this setting, such as width=64.")  # fmt: skip  # noqa: E501
@option("--only-exact", is_flag=True, help="Only runs that ended at the replay's own time, with no frame missing.")
@option("--mixed", is_flag=True, help="Captures of several sizes or rates in one data set.")
@option("--check", is_flag=True, help="Read an export again, whole, and say what is wrong with it.")
@json_option
@dry_run_option
@progress_option
@click.pass_context
def frames(ctx: click.Context, /, out: Path, check: bool, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Captured frames as a data set for training, into the folder OUT. Interrupted, the same command goes on.

    \b
        tmxdb export frames dataset --split train=0.8,val=0.1,test=0.1
        tmxdb export frames dataset --format parquet --only-exact --setting width=64
        tmxdb export frames dataset --check

    No map is in two parts. Runs are shuffled and stay whole; a sample is named by capture and step.
    """
    from tqdm import tqdm

    from tmxdb.export.choose import choose
    from tmxdb.export.work import begin, found

    chosen = options(ctx, given)
    bar = sys.stderr.isatty() if given["progress"] is None else given["progress"]
    if check:
        _check(found(out), as_json=as_json, bar=bar)
        return
    wish, wanted = _wish(given)
    database = open_database(chosen, read_only=True)
    if dry_run:
        _say(wish, plan(wish, choose(database, wanted)), as_json=as_json)
        return
    data = open_storage(chosen, database).root
    with ctrl_c() as stopping:
        whole = begin(out, wish, lambda: choose(database, wanted))
        _say_what_is_there(whole)
        total = sum(shard.frames for shard in whole.missing)
        with tqdm(total=total, unit=" frames", disable=not bar, file=sys.stderr) as shown:
            stopping.say = lambda message: tqdm.write(safe(message), file=sys.stderr)
            whole.write(data, stop=stopping.stop, on_frame=shown.update, on_shard=lambda written: None)
    _say(wish, whole.shards, as_json=as_json)
    if whole.left_out:
        for why in list(whole.left_out.values())[:5]:
            talk(f"Left out: {why}")
        talk(f"{counted(len(whole.left_out), 'run')} left out.")
        sys.exit(SOME_FAILED)


def _wish(given: dict[str, Any]) -> tuple[Wish, Conditions]:
    from tmxdb.export.choose import Conditions

    pairs = [text.partition("=") for text in given["settings"]]
    if wrong := [text for text, (name, _, value) in zip(given["settings"], pairs, strict=True) if not (name and value)]:
        raise WrongUsage(f"--setting {wrong[0]}: write it like width=64.", code="input.setting")
    ids = chosen_tracks(given["track_ids"], given["track_file"])
    settings = {name.replace("-", "_"): value for name, _, value in pairs}
    conditions = Conditions(ids, settings, given["only_exact"], given["mixed"])
    wish = Wish(given["form"], parse_split(given["split"]), given["seed"], given["shard_frames"], str(conditions))
    return wish, conditions


def _say_what_is_there(whole: Export) -> None:
    missing = whole.missing
    if not missing:
        talk(f"{whole.out}: all {counted(len(whole.shards), 'shard')} are there.")
    elif whole.written:
        talk(f"{whole.out}: {len(whole.shards) - len(missing)} of {len(whole.shards)} shards are there; going on.")


def _say(wish: Wish, shards: Sequence[Shard], *, as_json: bool) -> None:
    """Parts and their sizes; and what is odd about them."""
    parts = {}
    for name in wish.shares:
        mine = [shard for shard in shards if shard.split == name]
        runs = [run for shard in mine for run in shard.captures]
        tracks = len({run.track_id for run in runs})
        parts[name] = {"shards": len(mine), "tracks": tracks, "runs": len(runs), "frames": sum(s.frames for s in mine)}
    if as_json:
        print_json(parts)
    else:
        print_table(
            ("part", "shards", "tracks", "runs", "frames"), [(name, *part.values()) for name, part in parts.items()]
        )
    total = sum(part["frames"] for part in parts.values())
    for name, share in wish.shares.items():
        got = parts[name]["frames"] / total
        if abs(got - share) > ODD_SHARE:
            talk(
                f"{name} has {got:.0%} of the frames instead of {share:.0%}: whole maps go to one part, and there are"
                " few. Another --seed may do better."
            )


def _check(whole: Export, *, as_json: bool, bar: bool) -> None:
    from tqdm import tqdm

    with tqdm(total=len(whole.shards), unit=" shards", disable=not bar, file=sys.stderr) as shown:
        problems = whole.check(lambda shard: shown.update())
    if as_json:
        print_json({"shards": len(whole.shards), "problems": problems})
    for problem in problems:
        talk(problem)
    talk(f"{counted(len(whole.shards), 'shard')} checked, {len(problems)} wrong.")
    if problems:
        sys.exit(SOME_FAILED)
