"""Options that contradict each other: an error that names both, instead of one that silently wins."""

from __future__ import annotations

from collections.abc import Mapping

import click


def refuse_together(option: str, others: Mapping[str, bool], why: str) -> None:
    """Raise UsageError if `option`, which was given, meets one of `others`: names, and whether each was given.

    `why`: the end of the sentence, about `option`.
    """
    for other, is_given in others.items():
        if is_given:
            raise click.UsageError(f"{option} and {other} contradict each other: {option} {why} Give one of them.")
