"""Selections: tracks chosen under a name, and which tracks those are at present."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, UniqueConstraint

from tmxdb.db.models.base import Base, BigId, Mapped, column


class SelectionRow(Base):
    """Named sets of tracks: how they were chosen, and how much of them is wanted."""

    __tablename__ = "selections"

    name: Mapped[str] = column("name of the selection, for `--only`", primary_key=True)
    is_live: Mapped[bool] = column("whether each sync chooses the tracks again", Boolean)
    filter: Mapped[str | None] = column("JSON: the question to the site: order, number of tracks, filters")
    where_sql: Mapped[str | None] = column("condition on `tracks`, in SQL")
    top: Mapped[int | None] = column("replays to keep of each track; NULL: as the run says")
    priority: Mapped[int | None] = column("1: before all other tracks, 2: after those, …; NULL: by popularity")
    created_at: Mapped[str] = column("when it was made")
    updated_at: Mapped[str] = column("when its definition last changed")
    applied_at: Mapped[str | None] = column("when its tracks were last chosen; NULL: not yet")


class SelectionTrackRow(Base):
    """The tracks of each selection."""

    __tablename__ = "selection_tracks"

    selection_track_id: Mapped[int] = column("number of the row", BigId, primary_key=True)
    selection: Mapped[str] = column("the selection", ForeignKey("selections.name"))
    track_id: Mapped[int] = column("one of its tracks", BigInteger, ForeignKey("tracks.track_id"))
    rank: Mapped[int] = column("place in the order of the selection, from 1")

    __table_args__ = (
        UniqueConstraint("selection", "track_id", name="uq_selection_tracks_selection_track"),
        Index("ix_selection_tracks_rank", "selection", "rank", "track_id"),
        Index("ix_selection_tracks_track", "track_id", "selection"),
    )
