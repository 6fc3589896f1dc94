"""Names of files in the data folder: ids, and a name of the driver that is valid on every file system."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tmxdb.errors import UsageError
from tmxdb.storage import id_name, safe_name

DEFAULT_TEMPLATE = "{replay_id}_{user}_{time_ms}ms"
_FIELDS = {"replay_id", "track_id", "user", "time_ms", "position"}


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """The names of replay files. Raise UsageError if names could collide or use an unknown field."""

    text: str = DEFAULT_TEMPLATE

    def __post_init__(self) -> None:
        try:
            parts = list(string.Formatter().parse(self.text))
        except ValueError as error:
            raise UsageError(f"--name-template {self.text!r}: {error}.", code="input.template") from None
        used = {field for _, field, _, _ in parts if field is not None}
        literal = "".join(text for text, *_ in parts)
        if "replay_id" not in used:
            raise UsageError(
                f"--name-template {self.text!r} has no {{replay_id}}: two replays could get the same name. Add it.",
                code="input.template",
            )
        if used - _FIELDS or any(spec or conversion for _, _, spec, conversion in parts):
            raise UsageError(
                f"--name-template {self.text!r}: use only the fields {', '.join(sorted(_FIELDS))}, without formats.",
                code="input.template",
            )
        if _is_ambiguous(parts):
            raise UsageError(
                f"--name-template {self.text!r}: two replays could get the same name. Separate {{replay_id}} from other"
                " fields, for example with _, and use {user} on one side of it only.",
                code="input.template",
            )
        if safe_name("x" + literal + "x", at_most=1000) != "x" + literal + "x":
            raise UsageError(
                f"--name-template {self.text!r}: use only letters, digits and . _ - besides fields.",
                code="input.template",
            )

    def replay_path(self, row: Mapping[str, Any]) -> str:
        """Return the path of a replay file in the data folder, from its row."""
        position, time_ms = row["position"], row["site_time_ms"]
        name = self.text.format(
            replay_id=id_name(row["replay_id"]),
            track_id=id_name(row["track_id"]),
            user=safe_name(row["user_name"] or "", at_most=40) if row["user_name"] else "unknown",
            time_ms="x" if time_ms is None else time_ms,
            position="x" if position is None else position + 1,
        )
        return f"replays/{id_name(row['track_id'])}/{name}.Replay.Gbx"


def _is_ambiguous(parts: Sequence[tuple[str, str | None, str | None, str | None]]) -> bool:
    """Return whether the end of an id could be taken for a part of the field beside it, or the other way round.

    Of the fields, only {user} may contain the text that separates two fields. The others are numbers or `x`.
    """
    id_at = next(at for at, (_, field, *_) in enumerate(parts) if field == "replay_id")
    before = [field for _, field, *_ in parts[:id_at]]
    after = [field for _, field, *_ in parts[id_at + 1 :] if field is not None]
    between_before, between_after = parts[id_at][0], parts[id_at + 1][0] if after else ""
    touches = any(
        fields and not between.strip(string.digits)
        for fields, between in ((before, between_before), (after, between_after))
    )
    return touches or ("user" in before and "user" in after)


def map_path(track_id: int) -> str:
    """Return the path of a track's map file in the data folder."""
    return f"tracks/{id_name(track_id)}.Challenge.Gbx"
