"""Masks accepted in bulk, the samples that were checked, and how each organ ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from trainer.data.case import Mask
from trainer.data.store.database import Database
from trainer.data.store.kept import added, keep_mask, packed, stamp
from trainer.data.store.revisions import (
    BULK,
    Revision,
    Start,
    append,
    digest_of,
    newest,
    provenance,
    start_cell,
)
from trainer.data.store.schema import (
    batch_cases,
    batch_endings,
    batch_samples,
    batch_verdicts,
    batches,
)
from trainer.errors import StoreError

Ending = Literal["passed", "reopened"]

ACCEPT, CHECK, REOPEN = BULK, "bulk check", "bulk reopen"
"""Tools of the revisions that a batch adds."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One bulk acceptance.

    Attributes
    ----------
    rule
        What was accepted, as JSON.
    predictions
        Fingerprint of the ensemble whose predictions were accepted.
    tolerance
        The share of wrong masks that an organ may have, 0 to 1.
    created
        When, in UTC.
    """

    id: int
    rule: str
    predictions: str
    tolerance: float
    author: str
    created: datetime


@dataclass(frozen=True, slots=True)
class BatchCase:
    """A case of a batch.

    Attributes
    ----------
    revision_id
        Of the revision by which it was accepted.
    drawn
        Its place in the sample of its batch, from 0; None where it is not in the sample.
    right
        What the person who checked it says of its mask; None where nobody has.
    """

    case_id: str
    organ: str
    revision_id: int
    drawn: int | None
    right: bool | None


class Batches:
    """Bulk acceptances in a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, rule: str, predictions: str, tolerance: float, author: str | None = None
    ) -> Batch:
        """Begin a batch, without a case yet."""
        row = {"rule": rule, "predictions": predictions, "tolerance": tolerance} | stamp(author)
        with self._database.writing() as connection:
            number = added(connection.execute(batches.insert().values(row)))
            return _batch(connection.execute(_by_number(number)).one())

    def get(self, batch_id: int) -> Batch:
        """A batch by its number.

        Raises
        ------
        StoreError
            If there is none.
        """
        with self._database.reading() as connection:
            row = connection.execute(_by_number(batch_id)).first()
        if row is None:
            raise StoreError(f"there is no batch {batch_id}", file=self._database.place)
        return _batch(row)

    def all(self) -> list[Batch]:
        """Every batch, oldest first."""
        with self._database.reading() as connection:
            return [_batch(row) for row in connection.execute(sa.select(batches).order_by("id"))]

    def cases(self, batch_id: int) -> list[BatchCase]:
        """The batch's cases in the order of their acceptance, with the last verdict on each."""
        with self._database.reading() as connection:
            return _cases(connection, batch_id)

    def endings(self, batch_id: int) -> dict[str, Ending]:
        """How the batch ended, by organ; an organ that is not there is open."""
        with self._database.reading() as connection:
            return _endings(connection, batch_id)

    def accept(
        self,
        batch: Batch,
        case_id: str,
        organ: str,
        mask: Mask,
        note: str,
        started_from: Start | None = None,
    ) -> Revision | None:
        """Accept a mask as the case's newest revision, unless a person has reviewed the case.

        Parameters
        ----------
        batch
            Whose rule the case meets.
        case_id, organ
            Of the case.
        mask
            (H, W), the prediction as it is; whatever is not 0 is inside.
        note
            Why it was good enough.
        started_from
            The prediction.

        Returns
        -------
        None where there is a review, which then stays the newest.

        Raises
        ------
        StoreError
            If the batch's sample is drawn already, or nothing can be kept.
        """
        kept = packed(mask)
        row = {"case_id": case_id, "tool": ACCEPT, "status": "accepted", "note": note}
        row |= {"origin": "raw prediction", "started_from": start_cell(started_from)}
        with self._database.writing() as connection:
            if _is_drawn(connection, batch.id):
                raise StoreError(
                    f"the sample of batch {batch.id} is drawn",
                    file=self._database.place,
                    case=case_id,
                    remedy="accept it in a batch of its own",
                )
            if is_reviewed(newest(connection, case_id)):
                return None
            digest = keep_mask(connection, kept)
            revision = append(connection, row | {"digest": digest} | stamp(batch.author))
            values = {"case_id": case_id, "organ": organ, "revision_id": revision.id}
            connection.execute(batch_cases.insert().values(batch_id=batch.id, **values))
            return revision

    def draw(self, batch_id: int, case_ids: Iterable[str]) -> None:
        """Keep the sample that is to be checked, once and for all.

        Raises
        ------
        StoreError
            If there is a sample already: drawing until one passes would prove nothing.
        """
        with self._database.writing() as connection:
            if _is_drawn(connection, batch_id):
                raise StoreError(
                    f"the sample of batch {batch_id} is drawn",
                    file=self._database.place,
                    remedy="check that one",
                )
            rows = [{"batch_id": batch_id, "case_id": case_id} for case_id in case_ids]
            if rows:
                connection.execute(batch_samples.insert(), rows)

    def judge(
        self, batch_id: int, verdicts: Mapping[str, bool], author: str | None = None
    ) -> list[Revision]:
        """Keep what a person says of sampled masks: right, or wrong; all of it, or none.

        A mask that is right becomes that person's "accepted", a wrong one "in work", unless
        the person has changed the case by then. A later verdict takes an earlier one's place.

        Returns
        -------
        The revisions that were added.

        Raises
        ------
        StoreError
            If a case is not in the batch's sample, or its organ has ended.
        """
        added_now: list[Revision] = []
        with self._database.writing() as connection:
            sample = {c.case_id: c for c in _cases(connection, batch_id) if c.drawn is not None}
            ended = _endings(connection, batch_id)
            for case_id, right in verdicts.items():
                case = sample.get(case_id)
                if case is None or case.organ in ended:
                    raise self._refusal(batch_id, case_id, case and ended[case.organ])
                note = f"batch {batch_id}: checked, {'right' if right else 'wrong'}"
                status = "accepted" if right else "in work"
                values = {"tool": CHECK, "status": status, "note": note} | stamp(author)
                revision = _follow(connection, batch_id, case, values)
                row = {"batch_id": batch_id, "case_id": case_id, "right": right} | stamp(author)
                row["revision_id"] = None if revision is None else revision.id
                connection.execute(batch_verdicts.insert().values(row))
                added_now += [] if revision is None else [revision]
        return added_now

    def end(
        self, batch_id: int, organ: str, ending: Ending, note: str, author: str | None = None
    ) -> list[Revision]:
        """Keep how an organ of a batch ended.

        Where it is reopened, each of its cases that no person has changed or found right since
        becomes "unreviewed" again, with its mask as it is.

        Returns
        -------
        The revisions that were added.

        Raises
        ------
        StoreError
            If the organ has ended before.
        """
        with self._database.writing() as connection:
            if (before := _endings(connection, batch_id).get(organ)) is not None:
                raise StoreError(
                    f"batch {batch_id} is {before} already for {organ}", file=self._database.place
                )
            row = {"batch_id": batch_id, "organ": organ, "ending": ending}
            connection.execute(batch_endings.insert().values(row | stamp(author)))
            if ending == "passed":
                return []
            values = {"tool": REOPEN, "status": "unreviewed", "note": note} | stamp(author)
            cases = [case for case in _cases(connection, batch_id) if case.organ == organ]
            untouched = [case for case in cases if case.right is None]
            followed = [_follow(connection, batch_id, case, values) for case in untouched]
            return [revision for revision in followed if revision is not None]

    def _refusal(self, batch_id: int, case_id: str, ending: Ending | None) -> StoreError:
        if ending is None:
            problem, remedy = f"is not in the sample of batch {batch_id}", "check a case that is"
        else:
            problem = f"batch {batch_id} is {ending} for its organ"
            remedy = "change the case's own status"
        return StoreError(problem, file=self._database.place, case=case_id, remedy=remedy)


def is_reviewed(last: Revision | None) -> bool:
    """Whether a case, by its newest revision, has a review that no bulk acceptance may touch.

    Only a case without a revision has none, and one that a batch gave back.
    """
    return last is not None and (last.tool, last.status) != (REOPEN, "unreviewed")


def _follow(
    connection: sa.Connection, batch_id: int, case: BatchCase, values: dict[str, Any]
) -> Revision | None:
    """Add a revision with the mask as it is, if the case's newest is one of this batch's."""
    before = newest(connection, case.case_id)
    checks = sa.select(batch_verdicts.c.revision_id).where(batch_verdicts.c.batch_id == batch_id)
    own = {case.revision_id, *connection.execute(checks).scalars()}
    if before is None or before.id not in own:
        return None
    digest = digest_of(connection, before.id)
    row = {"case_id": case.case_id, "digest": digest} | provenance(before) | values
    return append(connection, row)


def _is_drawn(connection: sa.Connection, batch_id: int) -> bool:
    query = sa.select(batch_samples.c.id).where(batch_samples.c.batch_id == batch_id)
    return connection.execute(query.limit(1)).first() is not None


def _cases(connection: sa.Connection, batch_id: int) -> list[BatchCase]:
    of_batch = batch_cases.c.batch_id == batch_id
    query = sa.select(batch_cases).where(of_batch).order_by(batch_cases.c.revision_id)
    samples = sa.select(batch_samples.c.case_id).where(batch_samples.c.batch_id == batch_id)
    drawn = connection.execute(samples.order_by(batch_samples.c.id)).scalars().all()
    places = {case_id: place for place, case_id in enumerate(drawn)}
    told = sa.select(batch_verdicts.c.case_id, batch_verdicts.c.right)
    told = told.where(batch_verdicts.c.batch_id == batch_id).order_by(batch_verdicts.c.id)
    verdicts = {row.case_id: row.right for row in connection.execute(told)}
    rows = [(row.case_id, row.organ, row.revision_id) for row in connection.execute(query)]
    return [BatchCase(*row, places.get(row[0]), verdicts.get(row[0])) for row in rows]


def _endings(connection: sa.Connection, batch_id: int) -> dict[str, Ending]:
    query = sa.select(batch_endings).where(batch_endings.c.batch_id == batch_id)
    return {row.organ: row.ending for row in connection.execute(query)}


def _by_number(batch_id: int) -> sa.Select[Any]:
    return sa.select(batches).where(batches.c.id == batch_id)


def _batch(row: sa.Row[Any]) -> Batch:
    created = datetime.fromisoformat(row.created)
    return Batch(row.id, row.rule, row.predictions, row.tolerance, row.author, created)
