"""Images that look alike: a search in the background, and the file that folds heed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from hubmap_viewer.session import Session
from trainer.errors import TrainerError
from trainer.review import duplicates, groups
from trainer.review.duplicates import Pair


@dataclass(frozen=True, slots=True)
class Hashed:
    """A case was hashed; the last one brings what was found.

    Attributes
    ----------
    pairs
        None until the last.
    """

    done: int
    total: int
    error: TrainerError | None = None
    pairs: list[Pair] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A case of a group of images that look alike.

    Attributes
    ----------
    group
        From 1.
    other
        The case of its group that it is nearest to.
    distance
        To that, 0 to 1.
    """

    group: int
    case_id: str
    organ: str
    split: str
    other: str
    distance: float


class LookAlikes:
    """Groups of cases whose images look alike.

    Attributes
    ----------
    pairs
        The nearest first; None before a search.
    problems
        Why some could not be read.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.forget()
        session.cohort_opened.connect(self.forget)

    def forget(self) -> None:
        """Another cohort is open."""
        self.pairs: list[Pair] | None = None
        self.problems: list[TrainerError] = []
        self.changed.emit()

    def ids(self) -> tuple[str, ...]:
        """Cases whose image can be opened."""
        cohort = self._session.cohort
        cases = [] if cohort is None else cohort.cases.values()
        return tuple(case.id for case in cases if not case.problem)

    def members(self) -> list[Member]:
        """Every case of every group, the largest group first."""
        cohort = self._session.cohort
        if cohort is None or not self.pairs:
            return []
        found = []
        for number, ids in enumerate(duplicates.groups(self.pairs), start=1):
            for case_id in ids:
                case, near = cohort.cases[case_id], self._nearest(case_id)
                other = near.second if near.first == case_id else near.first
                found.append(Member(number, case_id, case.organ, case.split, other, near.distance))
        return found

    def search(self) -> Callable[[Callable[[], bool]], Iterator[Hashed]]:
        """The work of hashing every image; run it in the background."""
        ids, cohort = self.ids(), self._session.sources.cohort
        self.forget()

        def steps(cancelled: Callable[[], bool]) -> Iterator[Hashed]:
            found = {}
            for step in duplicates.hashes(cohort, ids, cancelled):
                if step.hash is not None:
                    found[step.case_id] = step.hash
                yield Hashed(step.done, step.total, step.error)
            yield Hashed(len(ids), len(ids), pairs=duplicates.pairs(found))

        return steps

    def put(self, step: Hashed) -> None:
        """Take what a step of the search has found."""
        if step.error is not None:
            self.problems.append(step.error)
        if step.pairs is not None:
            self.pairs = step.pairs
            self.changed.emit()

    def why_not_keep(self) -> str:
        """Why nothing can be written; empty if something can."""
        if not self.pairs:
            return "No images that look alike are found." if self.pairs == [] else "Search first."
        if self._kept() == _as_kept(duplicates.groups(self.pairs)):
            return f"{groups.FILE} has these groups already."
        return ""

    def keep_together(self) -> Path | None:
        """Have folds keep each group together; None if it cannot be written, which is told."""
        cohort = self._session.cohort
        if cohort is None or not self.pairs:
            return None
        try:
            path = groups.write(cohort.folder, duplicates.groups(self.pairs))
        except TrainerError as error:
            self._session.told.emit(error)
            return None
        self.changed.emit()
        return path

    def _kept(self) -> set[frozenset[str]]:
        cohort = self._session.cohort
        try:
            group_of = {} if cohort is None else groups.read(cohort.folder)
        except TrainerError:
            return set()
        return _as_kept(
            [
                tuple(id for id, group in group_of.items() if group == one)
                for one in set(group_of.values())
            ]
        )

    def _nearest(self, case_id: str) -> Pair:
        """Pairs are sorted: its first is its nearest."""
        return next(p for p in self.pairs or () if case_id in (p.first, p.second))


def _as_kept(found: list[tuple[str, ...]]) -> set[frozenset[str]]:
    return {frozenset(ids) for ids in found}
