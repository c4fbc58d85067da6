"""What a training learns from: a case's truth, or the curated mask that takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from trainer.data.case import Case, Mask
from trainer.data.cohort import Cohort
from trainer.data.store import Revision, Store


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a cohort.

    Attributes
    ----------
    revisions
        Case id to the accepted revision that takes its truth's place.
    """

    cohort: Cohort
    store: Store | None
    revisions: dict[str, Revision]

    @classmethod
    def gather(cls, cohort: Cohort, curated: Store | None) -> Self:
        """Truth alone, or with every accepted mask of `curated` in its place."""
        latest = {} if curated is None else curated.latest_all()
        accepted = {
            case_id: revision
            for case_id, revision in latest.items()
            if revision.status == "accepted" and case_id in cohort.cases
        }
        return cls(cohort, curated, accepted)

    def cases(self) -> list[Case]:
        """The cases that have a label, in csv order."""
        return [
            case
            for case in self.cohort.cases.values()
            if case.has_truth or case.id in self.revisions
        ]

    def mask(self, case_id: str) -> Mask | None:
        """The case's label, uint8 (H, W) of 0 and 1.

        Raises
        ------
        MaskError
            If the truth does not fit its image.
        StoreError
            If the store cannot be read.
        """
        revision = self.revisions.get(case_id)
        if revision is None or self.store is None:
            return self.cohort.truth(case_id)
        return self.store.mask(revision)
