"""How often each organ fails, and why, as its reviewers say; no window."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from psygnal import Signal

from hubmap_viewer.organ_figures import ALL
from hubmap_viewer.session import Session
from hubmap_viewer.tagging import Tagging
from trainer.data.store import CAUSES, Cause, Tag
from trainer.errors import TrainerError
from trainer.export import spare
from trainer.review import causes

ANY = "any"
"""In place of a cause: whichever it is."""

Why = Cause | str


class CauseCounts:
    """The tags of a cohort's cases by organ and cause.

    Attributes
    ----------
    organs
        The cohort's, in the csv's order, and all of them together.
    causes
        All that there are, and any.
    """

    changed = Signal()

    def __init__(self, session: Session, tagging: Tagging) -> None:
        self._session = session
        self._tagging = tagging
        self.causes: tuple[Why, ...] = (*CAUSES, ANY)
        self.organs: tuple[str, ...] = ()
        self._tags: dict[tuple[str, Why], list[Tag]] = {}
        tagging.changed.connect(self._count)
        self._count()

    def count(self, organ: str, cause: Why) -> int:
        """Tags of whole cases and of findings."""
        return len(self._tags.get((organ, cause), ()))

    def cases(self, organ: str, cause: Why) -> tuple[str, ...]:
        """Ids of the cases that have such a tag, in the csv's order."""
        tagged = {tag.case_id for tag in self._tags.get((organ, cause), ())}
        cohort = self._session.cohort
        return () if cohort is None else tuple(id for id in cohort.cases if id in tagged)

    def write(self, path: Path) -> int:
        """Write all tags as csv, a row each; returns how many.

        Raises
        ------
        ExportError
            If the place belongs to the cohort, or cannot be written.
        """
        cohort = self._session.cohort
        if cohort is None:
            raise TrainerError("no cohort is open", remedy="open a cohort's folder first")
        spare(cohort.folder, path)
        tags = self._tags.get((ALL, ANY), [])
        causes.write(path, tags, {case.id: case.organ for case in cohort.cases.values()})
        return len(tags)

    def _count(self, _case_id: str = "") -> None:
        cohort = self._session.cohort
        cases = {} if cohort is None else cohort.cases
        organs = dict.fromkeys(case.organ for case in cases.values())
        self.organs = (*organs, ALL) if organs else ()
        found: defaultdict[tuple[str, Why], list[Tag]] = defaultdict(list)
        for tag in self._tagging.all():
            if tag.case_id not in cases:
                continue
            for organ in (cases[tag.case_id].organ, ALL):
                for cause in (tag.cause, ANY):
                    found[organ, cause].append(tag)
        self._tags = dict(found)
        self.changed.emit()
