"""The only writer of the user's work."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Self, get_args

import sqlalchemy as sa

from trainer.data.case import Mask
from trainer.data.store.batches import Batches
from trainer.data.store.database import Database
from trainer.data.store.kept import keep_mask, mask_of, packed, stamp
from trainer.data.store.looks import Looks
from trainer.data.store.revisions import Revision, Status, append, newest, revision_of, select
from trainer.data.store.schema import masks, revisions
from trainer.data.store.tags import Tags
from trainer.errors import StoreError

FILE = "reviews.sqlite"
"""Name of the store in a cohort's folder."""


class Store:
    """Revisions and all else that reviewers say, in a database; rows are only ever added.

    May be used from several threads, and by several programs at a time.

    Parameters
    ----------
    place
        A file of SQLite, made where there is none, or a database URL.

    Attributes
    ----------
    tags
        Failure causes that cases and findings were given.
    batches
        Masks that were accepted in bulk, and how their samples did.
    looks
        Masks that were drawn anew, blind.

    Raises
    ------
    StoreError
        If the database cannot be opened or written, or is of a newer version.
    """

    def __init__(self, place: Path | str) -> None:
        self._database = Database(place)
        self.tags = Tags(self._database)
        self.batches = Batches(self._database)
        self.looks = Looks(self._database)

    @classmethod
    def for_cohort(cls, folder: Path) -> Self:
        """The store in a cohort's folder."""
        return cls(folder / FILE)

    def latest(self, case_id: str) -> Revision | None:
        """The case's newest revision, or None where there is none."""
        with self._database.reading() as connection:
            return newest(connection, case_id)

    def latest_all(self) -> dict[str, Revision]:
        """The newest revision of every case that has one."""
        last = sa.select(sa.func.max(revisions.c.id)).group_by(revisions.c.case_id)
        with self._database.reading() as connection:
            rows = connection.execute(select().where(revisions.c.id.in_(last))).all()
        return {row.case_id: revision_of(row) for row in rows}

    def history(self, case_id: str) -> list[Revision]:
        """The case's revisions, oldest first."""
        query = select().where(revisions.c.case_id == case_id).order_by(revisions.c.id)
        with self._database.reading() as connection:
            return [revision_of(row) for row in connection.execute(query)]

    def revision(self, revision_id: int) -> Revision:
        """A revision by its number.

        Raises
        ------
        StoreError
            If the store does not hold it.
        """
        with self._database.reading() as connection:
            row = connection.execute(select().where(revisions.c.id == revision_id)).first()
        if row is None:
            raise StoreError(f"there is no revision {revision_id}", file=self._database.place)
        return revision_of(row)

    def origin(self, revision: Revision) -> Revision:
        """The revision by which its mask became what it is: later ones changed the status only.

        Raises
        ------
        StoreError
            If the store does not hold the revision.
        """
        chain = sa.select(revisions.c.id, revisions.c.digest).order_by(revisions.c.id.desc())
        chain = chain.where(revisions.c.case_id == revision.case_id, revisions.c.id <= revision.id)
        with self._database.reading() as connection:
            rows = connection.execute(chain).all()
        same = [row.id for row in takewhile(lambda row: row.digest == rows[0].digest, rows)]
        return self.revision(same[-1] if same else revision.id)

    def mask(self, revision: Revision) -> Mask:
        """The revision's mask, uint8 (H, W) of 0 and 1.

        Raises
        ------
        StoreError
            If the store does not hold the revision, or its mask is damaged.
        """
        query = sa.select(masks).join(revisions).where(revisions.c.id == revision.id)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise StoreError(f"there is no revision {revision.id}", file=self._database.place)
        mask = mask_of(row)
        if mask is None:
            raise StoreError(
                f"the mask of revision {revision.id} is damaged",
                file=self._database.place,
                case=revision.case_id,
                remedy="go back to the revision before it",
            )
        return mask

    def add(
        self,
        case_id: str,
        mask: Mask,
        *,
        tool: str,
        status: Status = "unreviewed",
        note: str = "",
        author: str | None = None,
    ) -> Revision:
        """Keep a mask as the case's newest revision: wholly, or not at all.

        Parameters
        ----------
        case_id
            Of the case it belongs to.
        mask
            (H, W); whatever is not 0 is inside.
        tool
            What made it, such as "paint" or "undo".
        status
            The reviewer's verdict.
        note
            The reviewer's remark.
        author
            The user's name where not given.

        Raises
        ------
        StoreError
            If it cannot be kept; the earlier revisions are then as they were.
        """
        if status not in get_args(Status):
            raise StoreError(f"unknown status {status!r}", case=case_id)
        kept = packed(mask)
        row = {"case_id": case_id, "tool": tool, "status": status, "note": note} | stamp(author)
        with self._database.writing() as connection:
            return append(connection, row | {"digest": keep_mask(connection, kept)})

    def close(self) -> None:
        """Give the database back."""
        self._database.close()
