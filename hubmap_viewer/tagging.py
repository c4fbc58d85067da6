"""Causes that failures were given: of a case, or of one of its findings."""

from __future__ import annotations

from collections import defaultdict

from psygnal import Signal

from hubmap_viewer.finding_list import Call
from hubmap_viewer.session import Session
from trainer.data.store import Cause, Spot, Tag
from trainer.errors import StoreError, TrainerError


class Tagging:
    """The cohort's tags; they are kept in the store away from the window."""

    changed = Signal(str)
    """The id of a case whose tags are others now; an empty one for all."""

    def __init__(self, session: Session, call: Call) -> None:
        self._session = session
        self._call = call
        self._of: defaultdict[str, list[Tag]] = defaultdict(list)
        session.cohort_opened.connect(self._reread)

    def of(self, case_id: str) -> list[Tag]:
        """The case's tags, oldest first."""
        return list(self._of.get(case_id, ()))

    def on(self, case_id: str, spot: Spot | None) -> list[Tag]:
        """The tags of one finding, or those of the case as a whole."""
        return [tag for tag in self._of.get(case_id, ()) if tag.finding == spot]

    def all(self) -> list[Tag]:
        """Every case's tags."""
        return [tag for tags in self._of.values() for tag in tags]

    def add(self, case_id: str, cause: Cause, note: str = "", spot: Spot | None = None) -> None:
        """Say the cause of a failure."""
        store = self._session.store
        if store is None:
            self._session.told.emit(
                StoreError(
                    "nothing can be kept here",
                    case=case_id,
                    remedy="copy the cohort to a folder that can be written and open that",
                )
            )
            return

        def kept(tag: Tag) -> None:
            if self._session.store is store:
                self._of[case_id].append(tag)
                self._told(case_id)

        self._call(
            lambda: store.tags.add(case_id, cause, note=note, finding=spot), kept, self._fail
        )

    def withdraw(self, tag: Tag) -> None:
        """Take a tag back."""
        store = self._session.store
        if store is None:
            return

        def gone(_: object) -> None:
            if self._session.store is store and tag in self._of[tag.case_id]:
                self._of[tag.case_id].remove(tag)
                self._told(tag.case_id)

        self._call(lambda: store.tags.withdraw(tag.id), gone, self._fail)

    def _reread(self) -> None:
        self._of.clear()
        store = self._session.store
        if store is not None:
            try:
                for tag in store.tags.all():
                    self._of[tag.case_id].append(tag)
            except TrainerError as error:
                self._fail(error)
        self._session.settled = {case_id: self._settled(case_id) for case_id in self._of}
        self.changed.emit("")

    def _settled(self, case_id: str) -> int:
        """Findings of prediction against truth that somebody has named the cause of."""
        spots = {tag.finding for tag in self._of[case_id] if tag.finding is not None}
        return sum(spot.pair == ("truth", "prediction") for spot in spots)

    def _told(self, case_id: str) -> None:
        self._session.settled[case_id] = self._settled(case_id)
        self.changed.emit(case_id)
        self._session.case_updated.emit(case_id)

    def _fail(self, error: BaseException) -> None:
        self._session.told.emit(error)
