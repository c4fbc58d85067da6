"""How far masks agree, per case: what the table and the canvas show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hubmap_viewer.loading import Sources
from trainer.data.predictions import Predictions
from trainer.errors import TrainerError
from trainer.metrics import dice
from trainer.predict.postprocess import to_mask


@dataclass(frozen=True, slots=True)
class Scores:
    """Dice against the case's truth, from 0 to 1; None where a mask is missing."""

    prediction: float | None = None
    second: float | None = None
    curated: float | None = None
    in_sample: bool = False


def score(sources: Sources, second: Predictions | None, case_id: str) -> Scores:
    """Score what is kept of a case; without a truth there is nothing to score."""
    case = sources.cohort.cases[case_id]
    if not case.has_truth or case.problem:
        return Scores()
    truth = sources.cohort.truth(case_id)
    if truth is None:
        return Scores()

    def of(predictions: Predictions | None) -> tuple[float | None, bool]:
        found = None if predictions is None else predictions.read(case_id)
        if predictions is None or found is None or found.shape != truth.shape:
            return None, False
        mask = to_mask(found, predictions.threshold_for(case.organ))
        return dice(mask, truth), found.in_sample

    revision = None if sources.store is None else sources.store.latest(case_id)
    kept = None if sources.store is None or revision is None else sources.store.mask(revision)
    curated = dice(kept, truth) if kept is not None and kept.shape == truth.shape else None
    first, seen = of(sources.predictions)
    return Scores(first, of(second)[0], curated, seen)


def score_all(
    sources: Sources, second: Predictions | None, case_ids: Iterable[str]
) -> Iterator[tuple[str, Scores | TrainerError]]:
    """Score cases one at a time; one that cannot be read costs the others nothing."""
    for case_id in case_ids:
        try:
            yield case_id, score(sources, second, case_id)
        except TrainerError as error:
            yield case_id, error
