"""Masks drawn a second time, blind: never a case's curated mask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from trainer.data.case import Mask
from trainer.data.store.database import Database
from trainer.data.store.kept import added, keep_mask, mask_of, packed, stamp
from trainer.data.store.revisions import Revision
from trainer.data.store.schema import looks, masks
from trainer.errors import StoreError


@dataclass(frozen=True, slots=True)
class Look:
    """One case drawn anew with its earlier mask and the prediction hidden.

    Attributes
    ----------
    revision_id
        Of the revision that it is compared with.
    created
        When it was finished, in UTC.
    seconds
        How long the drawing took.
    """

    id: int
    case_id: str
    revision_id: int
    author: str
    created: datetime
    seconds: float


class Looks:
    """Second looks in a store; neither exports nor trainings read them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, mask: Mask, revision: Revision, *, seconds: float, author: str | None = None
    ) -> Look:
        """Keep a mask that was drawn without a sight of `revision`.

        Parameters
        ----------
        mask
            (H, W) as the revision's; whatever is not 0 is inside.
        revision
            What it is compared with.
        seconds
            How long the drawing took.
        author
            The user's name where not given.

        Raises
        ------
        StoreError
            If the sizes differ, or it cannot be kept.
        """
        if mask.shape != revision.shape:
            drawn, there = (f"{height}×{width}" for height, width in (mask.shape, revision.shape))
            raise StoreError(
                f"the second look is {drawn} px, the revision {there} (H×W)",
                case=revision.case_id,
                remedy="put back the image that was reviewed",
            )
        kept = packed(mask)
        row = {"case_id": revision.case_id, "revision_id": revision.id, "seconds": seconds}
        with self._database.writing() as connection:
            digest = keep_mask(connection, kept)
            values = row | {"digest": digest} | stamp(author)
            number = added(connection.execute(looks.insert().values(values)))
            return _look(connection.execute(sa.select(looks).where(looks.c.id == number)).one())

    def of(self, case_id: str) -> list[Look]:
        """The case's second looks, oldest first."""
        return self._read(sa.select(looks).where(looks.c.case_id == case_id))

    def all(self) -> list[Look]:
        """Every case's second looks, oldest first."""
        return self._read(sa.select(looks))

    def mask(self, look: Look) -> Mask:
        """The mask that was drawn, uint8 (H, W) of 0 and 1.

        Raises
        ------
        StoreError
            If the store does not hold the look, or its mask is damaged.
        """
        query = sa.select(masks).join(looks).where(looks.c.id == look.id)
        with self._database.reading() as connection:
            mask = mask_of(connection.execute(query).first())
        if mask is None:
            raise StoreError(
                f"the mask of second look {look.id} is missing or damaged",
                file=self._database.place,
                case=look.case_id,
                remedy="look at the case once more",
            )
        return mask

    def _read(self, query: sa.Select[Any]) -> list[Look]:
        with self._database.reading() as connection:
            return [_look(row) for row in connection.execute(query.order_by(looks.c.id))]


def _look(row: sa.Row[Any]) -> Look:
    created = datetime.fromisoformat(row.created)
    return Look(row.id, row.case_id, row.revision_id, row.author, created, row.seconds)
