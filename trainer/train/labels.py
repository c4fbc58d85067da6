"""What a training learns from: a case's truth, or the curated mask that takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from trainer.data.case import Case, Mask
from trainer.data.cohort import Cohort
from trainer.data.store import Origin, Revision, Store
from trainer.settings import LabelWeights, Predicted

_ALIKE = LabelWeights.model_validate({})


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a cohort.

    Attributes
    ----------
    revisions
        Case id to the accepted revision that takes its truth's place.
    weights
        What labels are worth by their origin.
    rejected
        Ids of the cases that a reviewer has rejected: neither their truth is trusted.
    """

    cohort: Cohort
    store: Store | None
    revisions: dict[str, Revision]
    weights: LabelWeights = _ALIKE
    rejected: frozenset[str] = frozenset()

    @classmethod
    def gather(cls, cohort: Cohort, curated: Store | None, weights: LabelWeights = _ALIKE) -> Self:
        """Truth alone, or with every accepted mask of `curated` in its place, less the rejected."""
        latest = {} if curated is None else curated.latest_all()
        accepted = {
            case_id: revision
            for case_id, revision in latest.items()
            if revision.status == "accepted" and case_id in cohort.cases
        }
        rejected = {id for id, revision in latest.items() if revision.status == "rejected"}
        return cls(cohort, curated, accepted, weights, frozenset(rejected & cohort.cases.keys()))

    def cases(self) -> list[Case]:
        """The cases that have a label, and one that is worth something, in csv order."""
        return [case for case in self._labelled() if self.weight(case.id) > 0]

    def left_out(self) -> list[Case]:
        """The cases whose label is worth nothing, in csv order: their truth does not return."""
        cases = (case for case in self._labelled() if case.id not in self.rejected)
        return [case for case in cases if self.weight(case.id) == 0]

    def origin(self, case_id: str) -> Origin:
        """What the case's label is."""
        revision = self.revisions.get(case_id)
        return "truth" if revision is None else revision.origin

    def weight(self, case_id: str) -> float:
        """What the case's label is worth: 1 for as much as the next one, 0 for nothing.

        A label that started from a prediction whose confidence is not known is worth nothing
        where a least confidence is asked for.
        """
        if case_id in self.rejected:
            return 0.0
        revision = self.revisions.get(case_id)
        worth = getattr(self.weights, self.origin(case_id).replace(" ", "_"))
        if not isinstance(worth, Predicted):
            return worth
        start = None if revision is None else revision.started_from
        confidence = None if start is None else start.confidence
        return worth.weight if (confidence or 0.0) >= worth.min_confidence else 0.0

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

    def _labelled(self) -> list[Case]:
        every = self.cohort.cases.values()
        return [case for case in every if case.has_truth or case.id in self.revisions]
