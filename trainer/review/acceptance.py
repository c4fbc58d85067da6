"""Which predictions may be accepted in bulk, and what a checked sample says of them.

Candidates are pseudo-labels: cases without a truth that nobody has reviewed. Where there is
a truth, a mask that nobody looked at would take its place in training: the network's own
opinion in place of a person's, so such a case is left to a person. So is one that a person
has begun to review, one whose prediction comes from members that were trained on it (they
would repeat what they were told), and one in which the ensemble finds no unit at all (its
confidence is then 1, by having nothing to doubt).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, Self

from trainer.data.case import Case, Prediction
from trainer.data.predictions import Predictions
from trainer.data.store import BatchCase, Revision, is_reviewed
from trainer.errors import MaskError, PredictionError, SettingsError
from trainer.predict.postprocess import OperatingPoint, cut, to_mask
from trainer.review.certainty import confidence, disagreement
from trainer.review.sampling import allowed, bound, draw, enough

__all__ = [
    "Candidate", "LeftOut", "Outcome", "Reason", "Rule",
    "allowed", "bound", "candidates", "draw", "enough", "outcomes", "sift",
]  # fmt: skip

Reason = Literal[
    "another organ", "has a truth", "has a review", "failed a sample before",
    "no prediction", "damaged prediction", "no pixel size",
    "seen in training", "no unit found", "not confident enough", "members disagree",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """What is good enough to be accepted without a look.

    Attributes
    ----------
    organs
        Those it is about; empty for all.
    min_confidence
        Least Dice that the ensemble expects of its mask, 0 to 1.
    max_disagreement
        Most spread of the members, 0 to 0.5.

    Raises
    ------
    SettingsError
        If a number is out of its range.
    """

    organs: tuple[str, ...] = ()
    min_confidence: float = 0.9
    max_disagreement: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise SettingsError(f"the least confidence is {self.min_confidence}, not in 0 to 1")
        if not 0 <= self.max_disagreement <= 0.5:
            raise SettingsError(
                f"the most disagreement is {self.max_disagreement}, not in 0 to 0.5"
            )

    def takes_all_of(self, other: Rule) -> bool:
        """Whether whatever another rule takes of an organ, this one takes as well."""
        return (
            self.min_confidence <= other.min_confidence
            and self.max_disagreement >= other.max_disagreement
        )

    def to_json(self) -> str:
        """As text: the same for the same rule."""
        return json.dumps(asdict(self) | {"organs": sorted(self.organs)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The rule that `to_json` has told."""
        told = json.loads(text)
        return cls(tuple(told["organs"]), told["min_confidence"], told["max_disagreement"])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case whose prediction may be accepted; both measures are of `trainer.review.certainty`."""

    case_id: str
    organ: str
    confidence: float
    disagreement: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A case that is not a candidate.

    Attributes
    ----------
    error
        What is wrong with its prediction or its row, where that is the reason.
    """

    case_id: str
    organ: str
    reason: Reason
    error: PredictionError | MaskError | None = None


def sift(
    cases: Iterable[Case],
    predictions: Predictions,
    rule: Rule,
    reviews: Mapping[str, Revision],
    failed: Collection[str] = (),
) -> Iterator[Candidate | LeftOut]:
    """Tell of every case whether it may be accepted; only those that might be are read.

    Parameters
    ----------
    cases
        Of a cohort.
    predictions
        Of one ensemble.
    rule
        What is good enough.
    reviews
        The newest revision of every case that has one, as `Store.latest_all` tells.
    failed
        Organs of which these predictions failed a sample by such a rule already.
    """
    there = predictions.ids()
    for case in cases:
        reason = _barred(case, rule, reviews)
        if reason is None and case.organ in failed:
            reason = "failed a sample before"
        if reason is None and case.id not in there:
            reason = "no prediction"
        if reason is not None:
            yield LeftOut(case.id, case.organ, reason)
            continue
        try:
            prediction = predictions.read(case.id)
            point = OperatingPoint.of(predictions.masking, case)
        except PredictionError as error:
            yield LeftOut(case.id, case.organ, "damaged prediction", error)
        except MaskError as error:
            yield LeftOut(case.id, case.organ, "no pixel size", error)
        else:
            yield _weighed(case, prediction, rule, point)


def candidates(
    cases: Iterable[Case],
    predictions: Predictions,
    rule: Rule,
    reviews: Mapping[str, Revision],
    failed: Collection[str] = (),
) -> Iterator[Candidate]:
    """The cases that may be accepted; takes what `sift` does."""
    for case in sift(cases, predictions, rule, reviews, failed):
        if isinstance(case, Candidate):
            yield case


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the sample says of one organ of a batch.

    Attributes
    ----------
    accepted
        Cases accepted in bulk.
    sampled
        Of those, put up for checking.
    checked
        Of those, with a verdict.
    wrong
        Of those, with a wrong mask.
    rate
        Wrong of checked; None where nothing is checked.
    bound
        Upper 95 % bound of the share that is wrong of all accepted, this organ taken alone;
        provisional until the whole sample is checked.
    allowed
        How many of the sample may be wrong; None where it is too small to show anything.
    tolerance
        The share that may be wrong of all accepted.
    """

    organ: str
    accepted: int
    sampled: int
    checked: int
    wrong: int
    tolerance: float

    @property
    def rate(self) -> float | None:
        return self.wrong / self.checked if self.checked else None

    @property
    def bound(self) -> float:
        return bound(self.wrong, self.checked, self.accepted)

    @property
    def allowed(self) -> int | None:
        return allowed(self.sampled, self.accepted, self.tolerance)

    @property
    def passed(self) -> bool:
        """Whether the whole sample is checked, and the bound within the tolerance.

        A part of the sample never passes: who stops as soon as it looks good is wrong more
        often than the bound says.
        """
        return self.checked == self.sampled and self.bound <= self.tolerance

    @property
    def failed(self) -> bool:
        """Whether it cannot pass any more, whatever the rest of the sample says."""
        return self.checked > 0 and (self.allowed is None or self.wrong > self.allowed)


def outcomes(cases: Iterable[BatchCase], tolerance: float) -> list[Outcome]:
    """What the sample says so far, by organ in alphabetical order.

    Parameters
    ----------
    cases
        All of one batch.
    tolerance
        The share of wrong masks that an organ may have.
    """
    counts: dict[str, Counter[str]] = {}
    for case in cases:
        count = counts.setdefault(case.organ, Counter())
        count["accepted"] += 1
        if case.drawn is not None:
            count["sampled"] += 1
            count["checked"] += case.right is not None
            count["wrong"] += case.right is False
    return [
        Outcome(organ, c["accepted"], c["sampled"], c["checked"], c["wrong"], tolerance)
        for organ, c in sorted(counts.items())
    ]


def _barred(case: Case, rule: Rule, reviews: Mapping[str, Revision]) -> Reason | None:
    """Why a case is no candidate, whatever is predicted of it."""
    if rule.organs and case.organ not in rule.organs:
        return "another organ"
    if case.has_truth:
        return "has a truth"
    return "has a review" if is_reviewed(reviews.get(case.id)) else None


def _weighed(
    case: Case, prediction: Prediction | None, rule: Rule, point: OperatingPoint
) -> Candidate | LeftOut:
    reason: Reason | None = None
    if prediction is None:
        return LeftOut(case.id, case.organ, "no prediction")
    found = Candidate(
        case.id, case.organ, confidence(prediction, point.threshold), disagreement(prediction)
    )
    if prediction.in_sample:
        reason = "seen in training"
    elif not _finds_something(prediction, point):
        reason = "no unit found"
    elif found.confidence < rule.min_confidence:
        reason = "not confident enough"
    elif found.disagreement > rule.max_disagreement:
        reason = "members disagree"
    return found if reason is None else LeftOut(case.id, case.organ, reason)


def _finds_something(prediction: Prediction, point: OperatingPoint) -> bool:
    if point.steps.changes_masks:
        return bool(to_mask(prediction, point).any())
    # enlarging adds nothing: the small map is enough
    return bool(cut(prediction.probability, point.threshold).any())
