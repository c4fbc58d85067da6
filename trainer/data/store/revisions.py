"""Revisions of curated masks, as rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from trainer.data.store.kept import added
from trainer.data.store.schema import masks, revisions

Status = Literal["unreviewed", "accepted", "needs work", "rejected"]


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved state of a case's curated mask.

    Attributes
    ----------
    parent_id
        Of the revision before it; None for a case's first.
    created
        When, in UTC.
    tool
        What made it, such as "paint" or "undo".
    shape
        (H, W) of its mask in pixels.
    """

    id: int
    case_id: str
    parent_id: int | None
    author: str
    created: datetime
    tool: str
    status: Status
    note: str
    shape: tuple[int, int]


def append(connection: sa.Connection, row: dict[str, Any]) -> Revision:
    """Add a row of `revisions` after the case's newest; its mask is there already."""
    parent = newest(connection, row["case_id"])
    parent_id = None if parent is None else parent.id
    number = added(connection.execute(revisions.insert().values(row | {"parent_id": parent_id})))
    return revision_of(connection.execute(select().where(revisions.c.id == number)).one())


def newest(connection: sa.Connection, case_id: str) -> Revision | None:
    """The case's newest revision, or None where there is none."""
    cases = select().where(revisions.c.case_id == case_id)
    row = connection.execute(cases.order_by(revisions.c.id.desc()).limit(1)).first()
    return None if row is None else revision_of(row)


def digest_of(connection: sa.Connection, revision_id: int) -> str:
    """Digest of the mask of a revision that is there."""
    query = sa.select(revisions.c.digest).where(revisions.c.id == revision_id)
    return connection.execute(query).scalar_one()


def select() -> sa.Select[Any]:
    """Rows that `revision_of` takes."""
    return sa.select(revisions, masks.c.height, masks.c.width).join(masks)


def revision_of(row: sa.Row[Any]) -> Revision:
    """The revision that a row tells."""
    return Revision(
        id=row.id,
        case_id=row.case_id,
        parent_id=row.parent_id,
        author=row.author,
        created=datetime.fromisoformat(row.created),
        tool=row.tool,
        status=row.status,
        note=row.note,
        shape=(row.height, row.width),
    )
