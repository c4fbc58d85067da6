"""Revisions of curated masks: the only writer of the user's work."""

from __future__ import annotations

import getpass
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self, get_args

import sqlalchemy as sa

from trainer.data.case import Mask
from trainer.data.store.database import Database, masks, revisions
from trainer.data.store.packing import pack, unpack
from trainer.errors import StoreError

Status = Literal["unreviewed", "accepted", "needs work", "rejected"]

FILE = "reviews.sqlite"
"""Name of the store in a cohort's folder."""


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


class Store:
    """Revisions in a database; they are only ever added.

    May be used from several threads, and by several programs at a time.

    Parameters
    ----------
    place
        A file of SQLite, made where there is none, or a database URL.

    Raises
    ------
    StoreError
        If the database cannot be opened or written, or is of a newer version.
    """

    def __init__(self, place: Path | str) -> None:
        self._database = Database(place)
        self._adding = threading.Lock()

    @classmethod
    def for_cohort(cls, folder: Path) -> Self:
        """The store in a cohort's folder."""
        return cls(folder / FILE)

    def latest(self, case_id: str) -> Revision | None:
        """The case's newest revision, or None where there is none."""
        with self._database.reading() as connection:
            row = connection.execute(_newest(case_id)).first()
        return None if row is None else _revision(row)

    def latest_all(self) -> dict[str, Revision]:
        """The newest revision of every case that has one."""
        newest = sa.select(sa.func.max(revisions.c.id)).group_by(revisions.c.case_id)
        with self._database.reading() as connection:
            rows = connection.execute(_select().where(revisions.c.id.in_(newest))).all()
        return {row.case_id: _revision(row) for row in rows}

    def history(self, case_id: str) -> list[Revision]:
        """The case's revisions, oldest first."""
        query = _select().where(revisions.c.case_id == case_id).order_by(revisions.c.id)
        with self._database.reading() as connection:
            return [_revision(row) for row in connection.execute(query)]

    def mask(self, revision: Revision) -> Mask:
        """The revision's mask, uint8 (H, W) of 0 and 1.

        Raises
        ------
        StoreError
            If the store does not hold the revision, or its mask is damaged.
        """
        query = (
            sa.select(masks.c.digest, masks.c.runs)
            .join(revisions)
            .where(revisions.c.id == revision.id)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise StoreError(f"there is no revision {revision.id}", file=self._database.place)
        mask = unpack(row.digest, row.runs, revision.shape)
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
        digest, packed = pack(mask)
        height, width = mask.shape
        kept = {"digest": digest, "height": height, "width": width, "runs": packed}
        row = {
            "case_id": case_id,
            "digest": digest,
            "author": author or user_name(),
            "created": datetime.now(UTC).isoformat(),
            "tool": tool,
            "status": status,
            "note": note,
        }
        with self._adding, self._database.writing() as connection:
            return _insert(connection, kept, row)

    def close(self) -> None:
        """Give the database back."""
        self._database.close()


def user_name() -> str:
    """Name of the user that runs this program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _insert(connection: sa.Connection, kept: dict[str, Any], row: dict[str, Any]) -> Revision:
    """Add a revision after the case's newest, and its mask where it is not there yet."""
    known = sa.select(masks.c.digest).where(masks.c.digest == kept["digest"])
    if connection.execute(known).first() is None:
        connection.execute(masks.insert().values(kept))
    parent = connection.execute(_newest(row["case_id"])).first()
    parent_id = None if parent is None else parent.id
    result = connection.execute(revisions.insert().values(row | {"parent_id": parent_id}))
    (number,) = result.inserted_primary_key or (None,)
    return _revision(connection.execute(_select().where(revisions.c.id == number)).one())


def _select() -> sa.Select[Any]:
    return sa.select(revisions, masks.c.height, masks.c.width).join(masks)


def _newest(case_id: str) -> sa.Select[Any]:
    cases = _select().where(revisions.c.case_id == case_id)
    return cases.order_by(revisions.c.id.desc()).limit(1)


def _revision(row: sa.Row[Any]) -> Revision:
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
