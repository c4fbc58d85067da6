"""A training's predictions and their scores, told as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from trainer.data.case import Case, Mask
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import TrainerError
from trainer.predict import kept
from trainer.predict.ensemble import Predictor
from trainer.predict.running import predict_cohort
from trainer.train import report
from trainer.train.progress import Progress, Tell


def predicted(
    cohort: Cohort, ids: Iterable[str], predictor: Predictor, folder: Path, tell: Tell
) -> Predictions:
    """Predict cases into a folder, or go on with it; tells those that could not be read."""
    predictions = kept.begin(folder, predictor)
    for step in predict_cohort(cohort, ids, predictor, predictions):
        notice = None if step.error is None else str(step.error)
        share = step.done / step.total
        tell(Progress("predicting", share, step.seconds_left, notice=notice))
    return predictions


def scored(
    cases: Iterable[Case],
    label: Callable[[str], Mask | None],
    predictions: Predictions,
    tell: Tell,
) -> Iterator[report.Score]:
    """Scores as `trainer.train.report.scores` has them; tells why a case has none."""
    for score in report.scores(cases, label, predictions):
        if isinstance(score, TrainerError):
            tell(Progress("predicting", 1.0, notice=str(score)))
        else:
            yield score
