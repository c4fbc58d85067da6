"""The sample of a bulk acceptance under check: one case after another, right or wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from psygnal import Signal

from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.session import Session
from trainer.data.store import REOPEN, Batch, BatchCase
from trainer.data.store.batches import Ending
from trainer.errors import StoreError, TrainerError
from trainer.review import bulk
from trainer.review.acceptance import Outcome, Rule, outcomes


@dataclass(frozen=True, slots=True)
class Row:
    """How an organ of the batch stands.

    Attributes
    ----------
    ending
        None while its sample is being checked.
    given_back
        Cases that are unreviewed again because the organ failed.
    """

    outcome: Outcome
    ending: Ending | None
    given_back: int

    @property
    def words(self) -> str:
        """The result, as a person says it."""
        one = self.outcome
        if self.ending == "passed":
            return "passed"
        if self.ending == "reopened":
            return f"failed: {self.given_back} reopened"
        if one.sampled == 0:
            return "sample not drawn"
        return f"{one.sampled - one.checked} to check"


class SampleCheck:
    """A batch and what is said of its sample."""

    changed = Signal()
    put_up = Signal(object, str)
    """Ids that are to be gone through next, and why these; none when all are checked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.batch: Batch | None = None
        self.cases: list[BatchCase] = []
        self.endings: dict[str, Ending] = {}
        session.cohort_opened.connect(self.show_last)
        session.case_opened.connect(self.changed.emit)
        session.curated_changed.connect(self.changed.emit)
        self.show_last()

    # -- which batch --------------------------------------------------------------------

    def batches(self) -> list[Batch]:
        """Every bulk acceptance of the cohort, newest first."""
        store = self._session.store
        return [] if store is None else store.batches.all()[::-1]

    def show_last(self) -> None:
        """Show the newest batch, if there is one."""
        batches = self.batches()
        self.show(batches[0].id if batches else None)

    def show(self, batch_id: int | None) -> None:
        """Show a batch as the store has it now; an error is told."""
        store = self._session.store
        self.batch, self.cases, self.endings = None, [], {}
        if store is not None and batch_id is not None:
            try:
                self.batch = store.batches.get(batch_id)
                self.cases = store.batches.cases(batch_id)
                self.endings = store.batches.endings(batch_id)
            except StoreError as error:
                self._session.told.emit(error)
        self.changed.emit()

    # -- how it stands ------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """A row an organ."""
        if self.batch is None:
            return []
        return [
            Row(one, self.endings.get(one.organ), self._given_back(one.organ))
            for one in outcomes(self.cases, self.batch.tolerance)
        ]

    def sampled(self) -> list[BatchCase]:
        """The sample in the order of its drawing."""
        return sorted((c for c in self.cases if c.drawn is not None), key=lambda c: c.drawn or 0)

    def waiting(self) -> list[str]:
        """Ids of the sample that still need a verdict."""
        return [
            case.case_id
            for case in self.sampled()
            if case.right is None and case.organ not in self.endings
        ]

    def progress(self) -> str:
        """How far the checking is, in words."""
        if self.batch is None:
            return "Nothing has been accepted in bulk yet."
        sample = self.sampled()
        if not sample:
            return "It was stopped before its sample was drawn; the same rule goes on with it."
        checked = sum(case.right is not None for case in sample)
        spared = len(sample) - checked - len(self.waiting())
        rest = f", {spared} spared" if spared else ""
        return f"{checked} of {len(sample)} checked{rest}"

    def _given_back(self, organ: str) -> int:
        reviews = self._session.reviews
        ids = [case.case_id for case in self.cases if case.organ == organ]
        return sum(id in reviews and reviews[id].tool == REOPEN for id in ids)

    # -- checking -----------------------------------------------------------------------

    def why_not(self) -> str:
        """Why no verdict can be given now; empty if one can."""
        here = self._session.open
        if self.batch is None or not self.waiting():
            return "No sample waits to be checked."
        if here is None or here.blind or here.id not in self.waiting():
            return "Open a case of the sample first."
        return ""

    def open_next(self) -> None:
        """Put the waiting part of the sample up, and open its first case."""
        waiting = self.waiting()
        number = 0 if self.batch is None else self.batch.id
        self.put_up.emit(tuple(waiting), f"sample of batch {number}")
        if waiting:
            self._session.want(waiting[0])

    def judge(self, right: bool) -> None:
        """Say that the open case's accepted mask is right, or wrong, and open the next one."""
        session, batch, here = self._session, self.batch, self._session.open
        if self.why_not() or batch is None or here is None or session.store is None:
            session.told.emit(self.why_not())
            return
        if not session.flush():
            return
        ended = set(self.endings)
        try:
            if right and self._is_mended(here):
                session.told.emit(f"Case {here.id} has been mended, so what was accepted is wrong.")
                return
            bulk.check(session.store, batch.id, {here.id: right})
            session.reread_reviews()
        except TrainerError as error:
            session.told.emit(error)
            return
        self.show(batch.id)
        for row in self.rows():
            if row.ending == "reopened" and row.outcome.organ not in ended:
                session.told.emit(_failure(row))
        self.open_next()

    def _is_mended(self, here: OpenCase) -> bool:
        """Whether the mask is another than the one that was accepted."""
        store = self._session.store
        (revision_id,) = (c.revision_id for c in self.cases if c.case_id == here.id)
        assert store is not None
        return not np.array_equal(store.mask(store.revision(revision_id)), here.curated)


def _failure(row: Row) -> str:
    one, count = row.outcome, row.given_back
    cases = f"{count} case is" if count == 1 else f"{count} cases are"
    return f"{one.organ} failed: up to {one.bound:.0%} may be wrong, so {cases} unreviewed again."


def describe(batch: Batch) -> str:
    """A batch in a line: its number, when, and by which rule."""
    rule = Rule.from_json(batch.rule)
    organs = ", ".join(rule.organs) or "every organ"
    return (
        f"{batch.id} · {batch.created.astimezone():%d %b %H:%M} · {organs} · "
        f"confidence ≥ {rule.min_confidence:.2f}, disagreement ≤ {rule.max_disagreement:.2f}"
    )
