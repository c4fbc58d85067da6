"""What a reviewer says is the cause of a failure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from trainer.data.store.database import Database
from trainer.data.store.kept import added, stamp
from trainer.data.store.schema import tags, withdrawals
from trainer.errors import StoreError

Cause = Literal[
    "stain", "border", "artefact", "small unit missed", "merged", "annotation style", "other"
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
"""In the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The finding that a tag is about; masks change, so it is told, not pointed to.

    Attributes
    ----------
    pair
        The two masks that differ, such as ("truth", "prediction").
    kind
        As `trainer.data.findings` names it.
    box
        (row0, col0, row1, col1) in image pixels, the end not included.
    """

    pair: tuple[str, str]
    kind: str
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Tag:
    """The cause of one failure.

    Attributes
    ----------
    created
        When, in UTC.
    finding
        The finding it is about; None where it is the whole case.
    """

    id: int
    case_id: str
    cause: Cause
    note: str
    author: str
    created: datetime
    finding: Spot | None


class Tags:
    """Tags in a store; a withdrawn one stays there, but is not shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        case_id: str,
        cause: Cause,
        *,
        note: str = "",
        finding: Spot | None = None,
        author: str | None = None,
    ) -> Tag:
        """Tag a case, or one finding of it.

        Raises
        ------
        StoreError
            If the cause is not one of `CAUSES`, or the tag cannot be kept.
        """
        if cause not in CAUSES:
            known = ", ".join(CAUSES)
            raise StoreError(f"unknown cause {cause!r}", case=case_id, remedy=f"use one of {known}")
        spot = None if finding is None else json.dumps(asdict(finding))
        row = {"case_id": case_id, "cause": cause, "note": note, "finding": spot} | stamp(author)
        with self._database.writing() as connection:
            number = added(connection.execute(tags.insert().values(row)))
            return _tag(connection.execute(sa.select(tags).where(tags.c.id == number)).one())

    def withdraw(self, tag_id: int, *, author: str | None = None) -> None:
        """Take a tag back; one that is taken back already stays so.

        Raises
        ------
        StoreError
            If there is no such tag, or it cannot be kept.
        """
        with self._database.writing() as connection:
            if connection.execute(sa.select(tags.c.id).where(tags.c.id == tag_id)).first() is None:
                raise StoreError(f"there is no tag {tag_id}", file=self._database.place)
            taken = sa.select(withdrawals.c.tag_id).where(withdrawals.c.tag_id == tag_id)
            if connection.execute(taken).first() is None:
                connection.execute(withdrawals.insert().values(tag_id=tag_id, **stamp(author)))

    def of(self, case_id: str) -> list[Tag]:
        """The case's tags, oldest first."""
        return self._read(_standing().where(tags.c.case_id == case_id))

    def all(self) -> list[Tag]:
        """Every case's tags, oldest first."""
        return self._read(_standing())

    def _read(self, query: sa.Select[Any]) -> list[Tag]:
        with self._database.reading() as connection:
            return [_tag(row) for row in connection.execute(query)]


def _standing() -> sa.Select[Any]:
    taken = sa.select(withdrawals.c.tag_id)
    return sa.select(tags).where(tags.c.id.not_in(taken)).order_by(tags.c.id)


def _tag(row: sa.Row[Any]) -> Tag:
    told = None if row.finding is None else json.loads(row.finding)
    spot = None if told is None else Spot(tuple(told["pair"]), told["kind"], tuple(told["box"]))
    created = datetime.fromisoformat(row.created)
    return Tag(row.id, row.case_id, row.cause, row.note, row.author, created, spot)
