"""The table `adopted_files`: what `tmxdb adopt` made of each file, so that it can be interrupted and continued."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index

from tmxdb.db.models.base import Base, Mapped, column, one_of

ADOPTION_OUTCOMES = ("matched", "unknown", "damaged", "duplicate")


class AdoptedFileRow(Base):
    """Files that `tmxdb adopt` read: one row for each, by where it was found."""

    __tablename__ = "adopted_files"

    path: Mapped[str] = column("the file, as an absolute path", primary_key=True)
    file_bytes: Mapped[int] = column("its size", BigInteger)
    modified_ns: Mapped[int] = column("when it was last changed, ns since 1970", BigInteger)
    sha256: Mapped[str | None] = column("SHA-256 of the file in hexadecimal")
    outcome: Mapped[str] = column(
        "`matched`: a replay or map of the site; `unknown`: the site does not know it, so its row has a negative id;"
        " `damaged`; `duplicate`: the same as another file"
    )
    noun: Mapped[str | None] = column("`replay` or `map`")
    item_id: Mapped[int | None] = column("the replay, or the track of the map", BigInteger)
    reason: Mapped[str | None] = column("what is damaged, or why the site's list did not decide")
    finished_at: Mapped[str | None] = column("when its row was written; NULL: interrupted before")

    __table_args__ = (
        CheckConstraint(one_of("outcome", ADOPTION_OUTCOMES), name="outcome"),
        Index("ix_adopted_files_sha256", "sha256"),
    )
