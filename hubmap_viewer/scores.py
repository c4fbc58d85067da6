"""How far masks agree, per case: what the table and the canvas show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import cv2

from hubmap_viewer.loading import Sources
from trainer.data.case import Mask
from trainer.data.findings import Kind, Loss, find, tally
from trainer.errors import TrainerError
from trainer.metrics import dice, iou
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.review.certainty import confidence, disagreement

SLIGHT = 0.005
"""Of a case's Dice: a boundary that is off by less is nothing to mend."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What is known of a case in numbers; None where a mask is missing.

    Attributes
    ----------
    prediction, second, curated
        Dice against the case's truth, 0 to 1: the shown ensemble's, the second one's, and
        the curated mask's; the others' IoU beside them.
    in_sample, second_in_sample
        True when every member had seen the case in training: such a Dice measures nothing
        new and enters no statistics.
    confidence
        The Dice that the ensemble expects of itself, 0 to 1.
    disagreement
        The members' spread about the case, 0 to 0.5.
    units
        How many units the case has: in truth, else curated, else predicted.
    losses
        Findings of prediction against truth by their kind: how many, and the Dice they cost;
        empty where it is not known.
    findings
        How many of them are worth a reviewer's look: all, but for a boundary that costs less
        than `SLIGHT`.
    """

    prediction: float | None = None
    prediction_iou: float | None = None
    second: float | None = None
    curated: float | None = None
    curated_iou: float | None = None
    in_sample: bool = False
    second_in_sample: bool = False
    confidence: float | None = None
    disagreement: float | None = None
    units: int | None = None
    losses: Mapping[Kind, Loss] = field(default_factory=dict)
    findings: int | None = None


def score(sources: Sources, case_id: str) -> Scores:
    """Score what is kept of a case; without a truth Dice and IoU stay unknown."""
    case = sources.cohort.cases[case_id]
    if case.problem:
        return Scores()
    truth = sources.cohort.truth(case_id) if case.has_truth else None
    revision = None if sources.store is None else sources.store.latest(case_id)
    kept = None if sources.store is None or revision is None else sources.store.mask(revision)
    first = None if sources.predictions is None else sources.predictions.read(case_id)
    second = None if sources.second is None else sources.second.read(case_id)
    found, scores = None, Scores()
    if first is not None:
        point = sources.point_for(case)
        found = to_mask(first, point)
        scores = replace(
            scores,
            confidence=confidence(first, point.threshold),
            disagreement=disagreement(first),
            in_sample=first.in_sample,
        )
    if truth is not None:
        other = None
        if second is not None and sources.second is not None:
            other = to_mask(second, OperatingPoint.of(sources.second.masking, case))
        scores = replace(
            scores,
            prediction=_of(dice, found, truth),
            prediction_iou=_of(iou, found, truth),
            second=_of(dice, other, truth),
            second_in_sample=second is not None and second.in_sample,
            curated=_of(dice, kept, truth),
            curated_iou=_of(iou, kept, truth),
        )
        if found is not None and found.shape == truth.shape:
            differences = find(truth, found)
            worth = [one for one in differences if one.kind != "boundary" or one.loss >= SLIGHT]
            scores = replace(scores, losses=tally(differences), findings=len(worth))
    counted = next((mask for mask in (truth, kept, found) if mask is not None), None)
    return scores if counted is None else replace(scores, units=units(counted))


def units(mask: Mask) -> int:
    """How many connected pieces a mask has; pixels that touch at a corner only do not connect."""
    return cv2.connectedComponents(mask, connectivity=4)[0] - 1


def _of(measure: Callable[[Mask, Mask], float], mask: Mask | None, truth: Mask) -> float | None:
    return measure(mask, truth) if mask is not None and mask.shape == truth.shape else None


def score_all(
    sources: Sources, case_ids: Iterable[str]
) -> Iterator[tuple[str, Scores | TrainerError]]:
    """Score cases one at a time; one that cannot be read costs the others nothing."""
    for case_id in case_ids:
        try:
            yield case_id, score(sources, case_id)
        except TrainerError as error:
            yield case_id, error
