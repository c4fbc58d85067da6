"""The cases that the user wants to go through, in the order that they want."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from psygnal import Signal

from hubmap_viewer.columns import BY_NAME, Column
from hubmap_viewer.session import Session
from trainer.data.case import Case


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases are in the queue; an empty word asks for nothing.

    Attributes
    ----------
    words
        All of them must be in the case's id, organ, source, sex or note.
    score
        Name of a column with numbers, to lie between `low` and `high`; a case where it is
        not known is left out.
    only
        These cases and no others, whatever else is asked.
    reason
        In words, why only these.
    """

    organ: str = ""
    status: str = ""
    source: str = ""
    words: str = ""
    score: str = ""
    low: float = 0.0
    high: float = 1.0
    only: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the review of an organ has come, in cases."""

    organ: str
    reviewed: int
    total: int


class CaseQueue:
    """Filters and sorts the session's cases; next and previous follow it."""

    changed = Signal()
    """The queue has other cases, or another order."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.filter = Filter()
        self.column: Column | None = None
        self.descending = False
        session.cohort_opened.connect(self.refresh)

    @property
    def ids(self) -> tuple[str, ...]:
        return self._session.queue

    def narrow(self, wanted: Filter) -> None:
        """Have only the cases that this filter lets through."""
        self.filter = wanted
        self.refresh()

    def show_only(self, ids: tuple[str, ...], reason: str) -> None:
        """Have these cases in this order, such as a sample to be checked; none shows all."""
        self.column = None
        self.narrow(Filter(only=ids, reason=reason if ids else ""))

    def sort(self, column: Column | None, *, descending: bool = False) -> None:
        """Sort by a column, cases where it is not known last; None is the csv's order."""
        if (column, descending) != (self.column, self.descending):
            self.column, self.descending = column, descending
            self.refresh()

    def refresh(self) -> None:
        """Filter and sort by what is known now."""
        session = self._session
        cohort = session.cohort
        if cohort is None:
            return
        asked = self.filter
        there = (cohort.cases[id] for id in asked.only if id in cohort.cases)
        cases = [
            case for case in (there if asked.only else cohort.cases.values()) if self._has(case)
        ]
        column = self.column
        if column is not None:
            known = [(column.key(session, case), case) for case in cases]
            last = [case for key, case in known if key[0]]
            rest = [pair for pair in known if not pair[0][0]]
            rest.sort(key=lambda pair: pair[0], reverse=self.descending)
            cases = [case for _, case in rest] + last
        session.put_queue(tuple(case.id for case in cases))
        self.changed.emit()

    def progress(self) -> list[Progress]:
        """Of each organ of the whole cohort, whatever the filter."""
        cohort = self._session.cohort
        if cohort is None:
            return []
        session = self._session
        total = Counter(case.organ for case in cohort.cases.values())
        seen = {*session.reviews, *session.unsaved()} & cohort.cases.keys()
        done = Counter(cohort.cases[id].organ for id in seen if session.status(id) != "unreviewed")
        return [Progress(organ, done[organ], total[organ]) for organ in total]

    def _has(self, case: Case) -> bool:
        asked, session = self.filter, self._session
        if asked.organ and case.organ != asked.organ:
            return False
        if asked.source and case.data_source != asked.source:
            return False
        if asked.status and session.status(case.id) != asked.status:
            return False
        if asked.score:
            value = BY_NAME[asked.score].value(session, case)
            if not isinstance(value, int | float) or not asked.low <= value <= asked.high:
                return False
        return not asked.words or self._says(case, asked.words.lower().split())

    def _says(self, case: Case, words: list[str]) -> bool:
        review = self._session.reviews.get(case.id)
        note = "" if review is None else f"{review.author} {review.note}"
        told = f"{case.id} {case.organ} {case.data_source or ''} {case.sex or ''} {note}".lower()
        return all(word in told for word in words)
