"""Which truth is suspect: confident learning, carried to the units of a segmentation.

A pixel's label is contradicted where an out-of-fold prediction is as sure of the other class
as it is, on average, of the pixels labelled so (Northcutt, Jiang, Chuang: "Confident Learning:
Estimating Uncertainty in Dataset Labels", JAIR 70, 2021; for pixels of medical masks Zhang et
al.: "Characterizing Label Errors: Confident Learning for Noisy-Labeled Image Segmentation",
MICCAI 2020). A case is as suspect as the contradicted share of what truth or prediction holds.
Within a unit such a share would drown a small error, so a place is as suspect as its worst spot.

Of other ways to rank cases, the softmin of the pixels' self-confidence (Lad, Mueller:
"Estimating label quality and errors in semantic segmentation data via any model", 2023) and the
most suspect unit were measured with `trainer.study` on two cohorts with corrupted truths, colon
glands and glomeruli (13 and 12 wrong ones). Areas under the ROC curve: share 0.94 and 0.93,
softmin 0.96 and 0.86, unit 0.94 and 0.92, 1 less Dice 0.87 and 0.90. The share is the steadiest.

All of it at network resolution; no image is read. It is a measure of its own: neither the error
against truth nor the members' disagreement has a part in it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from trainer.data.atomic import replacing
from trainer.data.case import Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import Cancelled, TrainerError
from trainer.metrics import dice
from trainer.predict.postprocess import OperatingPoint, to_mask
from trainer.review.contradiction import Box, Kind, Units, as_share, noisy, places, units
from trainer.review.levels import Level, Levels

Truth = Callable[[str], Mask | None]


@dataclass(frozen=True, slots=True)
class SuspectCase:
    """How strongly a case's truth is contradicted.

    Attributes
    ----------
    suspicion
        0 to 1: contradicted pixels, as a share of those in truth or prediction.
    dice
        Of the prediction against the truth, at the image's own size; has no part in it.
    noisy_pixels
        The same pixels, as a share of the whole image.
    """

    case_id: str
    organ: str
    suspicion: float
    dice: float
    noisy_pixels: float


@dataclass(frozen=True, slots=True)
class SuspectUnit:
    """How strongly one place of a truth is contradicted.

    Attributes
    ----------
    kind
        ``extra``: a unit of truth of which the network contradicts at least half; ``too wide``:
        any other unit of truth, as far as it reaches beyond the network's; ``lacking``: at least
        half of a unit of the network's that truth has not; ``too narrow``: a smaller part.
    suspicion
        0 to 1: the largest mean contradiction in a window a quarter of a unit wide; 0 where no
        pixel is contradicted.
    box
        (row0, col0, row1, col1) in pixels of the image.
    area
        In pixels of the image.
    """

    case_id: str
    organ: str
    kind: Kind
    suspicion: float
    box: Box
    area: int


@dataclass(frozen=True, slots=True)
class Step:
    """How far a search is; every case is read twice, the levels come first.

    Attributes
    ----------
    done, total
        Readings.
    case, units
        What was found, the most suspect unit first; None and empty on the first reading.
    in_sample
        The case's prediction was refused: every member had seen the case in training.
    error
        Why the case is left out.
    """

    case_id: str
    done: int
    total: int
    case: SuspectCase | None = None
    units: tuple[SuspectUnit, ...] = ()
    in_sample: bool = False
    error: TrainerError | None = None


def suspects(
    cohort: Cohort,
    truth: Truth,
    predictions: Predictions,
    ids: Iterable[str],
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:
    """Search truths for places that out-of-fold predictions contradict.

    Predictions on cases that their members were trained on are refused: such a network has
    learnt the errors too. Cases without truth or prediction are left out.

    Parameters
    ----------
    cohort
        Whose cases.
    truth
        The mask to be searched, by case id.
    predictions
        Out-of-fold: a run's ``oof``, or what `predict` wrote for a cohort that it was not
        trained on.
    ids
        The cases. Levels are taken from these, so name all that there are.
    cancelled
        Asked before each reading.

    Raises
    ------
    Cancelled
        Soon after `cancelled` says so.
    """
    reader = _Reader(cohort, truth, predictions)
    wanted = list(ids)
    levels, sound = Levels(), []
    for done, case_id in enumerate(wanted, start=1):
        _heed(cancelled)
        step = Step(case_id, done, 2 * len(wanted))
        try:
            pair = reader.read(case_id)
        except TrainerError as error:
            yield replace(step, error=error)
            continue
        if pair is not None and not pair.prediction.in_sample:
            levels.add(pair.organ, pair.prediction.probability, pair.units.numbers)
            sound.append(case_id)
        yield replace(step, in_sample=pair is not None and pair.prediction.in_sample)
    for done, case_id in enumerate(sound, start=2 * len(wanted) - len(sound) + 1):
        _heed(cancelled)
        step = Step(case_id, done, 2 * len(wanted))
        try:
            pair = reader.read(case_id)
        except TrainerError as error:
            yield replace(step, error=error)
            continue
        if pair is not None:
            case, found = _judge(case_id, pair, levels.of(pair.organ))
            yield replace(step, case=case, units=found)


class _Pair(NamedTuple):
    """A truth, and what networks that never saw it say."""

    organ: str
    prediction: Prediction
    units: Units
    dice: float


class _Reader:
    def __init__(self, cohort: Cohort, truth: Truth, predictions: Predictions) -> None:
        self._cohort, self._truth, self._predictions = cohort, truth, predictions

    def read(self, case_id: str) -> _Pair | None:
        """None where there is no truth or no prediction."""
        prediction = self._predictions.read(case_id)
        truth = None if prediction is None else self._truth(case_id)
        if prediction is None or truth is None:
            return None
        if misfit := self._predictions.misfit(prediction, (truth.shape[0], truth.shape[1])):
            raise misfit
        case = self._cohort.cases[case_id]
        found = to_mask(prediction, OperatingPoint.of(self._predictions.masking, case))
        height, width = prediction.probability.shape
        return _Pair(case.organ, prediction, units(truth, (height, width)), dice(found, truth))


def _judge(case_id: str, pair: _Pair, level: Level) -> tuple[SuspectCase, tuple[SuspectUnit, ...]]:
    prediction = pair.prediction
    inside = pair.units.numbers > 0
    probability = as_share(prediction.probability)
    against = noisy(inside, probability, level)
    either = int((inside | (probability >= 0.5)).sum())
    count = int(against.sum())
    # a level may be below one half: then neither need hold a contradicted pixel
    suspicion = min(1.0, count / either) if either else 0.0
    case = SuspectCase(case_id, pair.organ, suspicion, pair.dice, count / against.size)
    rows, columns = (
        large / small
        for large, small in zip(prediction.shape, prediction.probability.shape, strict=True)
    )
    found = places(prediction.probability, pair.units, level, (rows, columns))
    found.sort(key=lambda place: -place.suspicion)
    return case, tuple(SuspectUnit(case_id, pair.organ, *place) for place in found)


def _heed(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled


def write(path: Path, units: Iterable[SuspectUnit]) -> None:
    """Write a row a unit as csv, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "organ", "kind", "suspicion", "row0", "col0", "row1", "col1", "area"))
        for one in units:
            figures = (f"{one.suspicion:.4f}", *one.box, one.area)
            rows.writerow((one.case_id, one.organ, one.kind, *figures))
