"""What a training learns from: a case's truth, or the curated mask that takes its place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import numpy as np

from trainer.data.case import Case, Mask
from trainer.data.cohort import Cohort
from trainer.data.store import Origin, Revision, Store
from trainer.settings import LabelWeights, Predicted

LabelOrigin = Origin | Literal["external"]
"""What a label is: of this cohort as its store says, or another cohort's truth."""


class Labelled(Protocol):
    """Cases and what they are labelled with."""

    @property
    def cohort(self) -> Cohort:
        """Whose cases."""
        ...

    def cases(self) -> list[Case]:
        """Those that have a label, and one that is worth something."""
        ...

    def mask(self, case_id: str) -> Mask | None:
        """The case's label, uint8 (H, W) of 0 and 1."""
        ...

    def weight(self, case_id: str) -> float:
        """What the case's label is worth."""
        ...


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
    organs
        Whose cases; of every organ if empty.
    is_external
        Whether the cohort is another than the one that is trained for.
    """

    cohort: Cohort
    store: Store | None
    revisions: dict[str, Revision]
    weights: LabelWeights = _ALIKE
    rejected: frozenset[str] = frozenset()
    organs: tuple[str, ...] = ()
    is_external: bool = False

    @classmethod
    def gather(
        cls,
        cohort: Cohort,
        curated: Store | None,
        weights: LabelWeights = _ALIKE,
        organs: tuple[str, ...] = (),
    ) -> Self:
        """Truth alone, or with every accepted mask of `curated` in its place, less the rejected."""
        latest = {} if curated is None else curated.latest_all()
        accepted = {
            case_id: revision
            for case_id, revision in latest.items()
            if revision.status == "accepted" and case_id in cohort.cases
        }
        rejected = {id for id, revision in latest.items() if revision.status == "rejected"}
        trusted_no_more = frozenset(
            case.id
            for case in cohort.cases.values()
            if case.id in rejected and (not organs or case.organ in organs)
        )
        return cls(cohort, curated, accepted, weights, trusted_no_more, organs)

    @classmethod
    def of_another(cls, cohort: Cohort, weights: LabelWeights, organs: tuple[str, ...]) -> Self:
        """The truths of a cohort that is learned from besides."""
        return cls(cohort, None, {}, weights, organs=organs, is_external=True)

    def cases(self) -> list[Case]:
        """The cases that have a label, and one that is worth something, in csv order."""
        return [case for case in self._labelled() if self.weight(case.id) > 0]

    def left_out(self) -> list[Case]:
        """The cases whose label is worth nothing, in csv order: their truth does not return."""
        cases = (case for case in self._labelled() if case.id not in self.rejected)
        return [case for case in cases if self.weight(case.id) == 0]

    def unlabelled(self) -> list[Case]:
        """The cases without a label, in csv order; a rejected one is not among them."""
        labelled = {case.id for case in self._labelled()} | self.rejected
        return [case for case in self._wanted() if case.id not in labelled and not case.problem]

    def origin(self, case_id: str) -> LabelOrigin:
        """What the case's label is."""
        if self.is_external:
            return "external"
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
        wanted = self._wanted()
        return [case for case in wanted if case.has_truth or case.id in self.revisions]

    def _wanted(self) -> list[Case]:
        cases = self.cohort.cases.values()
        return [case for case in cases if not self.organs or case.organ in self.organs]


class Versioned:
    """Labels that remember what was read of them, so that it can be said what was measured on.

    Parameters
    ----------
    labels
        Whose masks.
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._digests: dict[str, str] = {}

    def mask(self, case_id: str) -> Mask | None:
        """As `Labels.mask`."""
        found = self._labels.mask(case_id)
        if found is not None:
            told = hashlib.blake2b(np.packbits(found > 0).tobytes(), digest_size=16)
            self._digests[case_id] = told.hexdigest()
        return found

    def version(self) -> dict[str, Any]:
        """Of the masks that were read: a digest of all, how many, and the newest revision's time.

        Two runs whose digests are the same were measured on the same cases and masks.
        """
        lines = sorted(f"{case_id} {digest}" for case_id, digest in self._digests.items())
        curated = [self._labels.revisions.get(case_id) for case_id in self._digests]
        times = [one.created for one in curated if one is not None]
        newest = max(times).isoformat(timespec="seconds") if times else None
        digest = hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()
        return {"digest": digest, "cases": len(lines), "curated": len(times), "newest": newest}
