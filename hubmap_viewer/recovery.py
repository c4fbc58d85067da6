"""Strokes that a window drew and did not save, because it ended too soon."""

from __future__ import annotations

from functools import partial

import numpy as np
from psygnal import Signal

from hubmap_viewer.finding_list import Call
from hubmap_viewer.past import ends_as
from hubmap_viewer.preview import Preview
from hubmap_viewer.session import Session
from trainer.data.store import Journal, Store


class Recovery:
    """Finds the cases with lost strokes, shows what they drew, and offers them.

    Attributes
    ----------
    cases
        Ids of those that wait for a decision.
    """

    changed = Signal()

    def __init__(self, session: Session, call: Call, preview: Preview) -> None:
        self._session = session
        self._call = call
        self._preview = preview
        self.cases: list[str] = []
        session.cohort_opened.connect(self._search)
        session.case_opened.connect(self._on_case)
        session.lost_settled.connect(self._on_settled)

    @property
    def words(self) -> str:
        """What was lost, in a sentence; empty if nothing was."""
        here = self._session.open
        if here is not None and here.lost is not None:
            last = here.lost.story.unkept[-1]
            return (
                f"{here.lost.strokes} strokes of {last.at.astimezone():%Y-%m-%d %H:%M} by "
                f"{last.author} were drawn on this case and not saved. Their outline is yellow."
            )
        if not self.cases:
            return ""
        count = len(self.cases)
        cases = "a case" if count == 1 else f"{count} cases"
        return f"The program ended before strokes on {cases} were saved."

    def go(self) -> None:
        """Open the next case with lost strokes."""
        if self.cases:
            self._session.want(self.cases[0])

    def _search(self) -> None:
        self.cases = []
        self.changed.emit()
        sources = None if self._session.cohort is None else self._session.sources
        if sources is None or sources.journal is None or sources.store is None:
            return
        work = partial(lost_cases, sources.journal, sources.store)
        self._call(work, partial(self._put, sources.store), self._session.told.emit)

    def _put(self, store: Store, cases: list[str]) -> None:
        cohort = self._session.cohort
        if self._session.store is store and cohort is not None:
            self.cases = [case_id for case_id in cases if case_id in cohort.cases]
            self.changed.emit()

    def _on_case(self) -> None:
        here = self._session.open
        if here is not None and here.lost is not None:
            self._preview.show(here.lost.mask, "lost strokes")
        self.changed.emit()

    def _on_settled(self, case_id: str) -> None:
        self.cases = [one for one in self.cases if one != case_id]
        self._preview.hide()
        self.changed.emit()


def lost_cases(journal: Journal, store: Store) -> list[str]:
    """Ids of cases whose journal ends with another mask than their newest revision."""
    lost: list[str] = []
    latest = store.latest_all()
    at_work = store.claims.others() if store.shared else {}
    for case_id in journal.unkept():
        if case_id in at_work:
            continue
        story = journal.read(case_id)
        revision = latest.get(case_id)
        if story is None:
            continue
        if revision is None or not np.array_equal(ends_as(store, story), store.mask(revision)):
            lost.append(case_id)
    return lost
