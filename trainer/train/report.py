"""Dice by organ, as tables."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.data.atomic import replacing
from trainer.data.case import Case, Mask
from trainer.data.predictions import Predictions
from trainer.errors import ExportError, PredictionError, TrainerError
from trainer.metrics import overlap
from trainer.object_metrics import Tally
from trainer.predict.postprocess import OperatingPoint, to_mask

_OBJECTS = ("object_f1", "object_dice", "object_hausdorff")

ALL = "all"
"""The organ of a table's last row: every case."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well a case's prediction agrees with its label; 1 is perfect.

    Attributes
    ----------
    in_sample
        True when every member had seen the case in training: no measure of anything new.
    object_f1, object_dice, object_hausdorff
        Unit by unit, see `trainer.object_metrics`; the last in pixels of the image. None where
        they were not asked for, or neither mask has a unit; the last also where one has none.
    units
        What they are made of, to be added up over cases; None where those are.
    """

    case_id: str
    organ: str
    dice: float
    iou: float
    in_sample: bool
    object_f1: float | None = None
    object_dice: float | None = None
    object_hausdorff: float | None = None
    units: Tally | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Dice over an organ's cases.

    Attributes
    ----------
    sd
        Standard deviation of the sample; 0 of a single case.
    object_f1, object_dice, object_hausdorff
        Means over the cases that have them; None where none has.
    """

    organ: str
    cases: int
    dice_mean: float
    dice_median: float
    dice_sd: float
    object_f1: float | None = None
    object_dice: float | None = None
    object_hausdorff: float | None = None


def scores(
    cases: Iterable[Case],
    label: Callable[[str], Mask | None],
    predictions: Predictions,
    objects: bool = False,
) -> Iterator[Score | TrainerError]:
    """Compare each case's prediction with its label; what cannot be compared yields why.

    With `objects` unit by unit too, which takes longer.
    """
    for case in cases:
        try:
            yield _score(case, label(case.id), predictions, objects)
        except TrainerError as error:
            yield error


def by_organ(scores: Iterable[Score]) -> list[Row]:
    """A row an organ in alphabetical order, and one of all cases; no row of no score."""
    groups: defaultdict[str, list[Score]] = defaultdict(list)
    for score in scores:
        groups[score.organ].append(score)
    every = [score for organ in sorted(groups) for score in groups[organ]]
    rows = [_row(organ, groups[organ]) for organ in sorted(groups)]
    return [*rows, _row(ALL, every)] if every else []


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write a table as csv, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with replacing(path, ExportError) as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("organ", "cases", "dice_mean", "dice_median", "dice_sd"))
        for row in rows:
            figures = (row.dice_mean, row.dice_median, row.dice_sd)
            writer.writerow((row.organ, row.cases, *(f"{figure:.4f}" for figure in figures)))


def write_cases(path: Path, scores: Iterable[Score]) -> None:
    """Write a row a case as csv, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with replacing(path, ExportError) as draft, draft.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "organ", "dice", "iou", "in_sample", *_OBJECTS))
        for score in scores:
            figures = (f"{score.dice:.4f}", f"{score.iou:.4f}")
            objects = (getattr(score, name) for name in _OBJECTS)
            cells = ("" if figure is None else f"{figure:.4f}" for figure in objects)
            writer.writerow((score.case_id, score.organ, *figures, score.in_sample, *cells))


def _score(case: Case, truth: Mask | None, predictions: Predictions, objects: bool) -> Score:
    prediction = predictions.read(case.id)
    if prediction is None:
        raise PredictionError("there is no prediction", file=predictions.folder, case=case.id)
    if truth is None:
        raise PredictionError("there is no mask to compare with", case=case.id)
    if misfit := predictions.misfit(prediction, (truth.shape[0], truth.shape[1])):
        raise misfit
    found = to_mask(prediction, OperatingPoint.of(predictions.masking, case))
    score = Score(case.id, case.organ, *overlap(found, truth), prediction.in_sample)
    if not objects or not (found.any() or truth.any()):
        return score
    units = Tally.of(found, truth)
    measured = units.scores()
    return replace(
        score,
        object_f1=measured.f1,
        object_dice=measured.dice,
        object_hausdorff=measured.finite_hausdorff,
        units=units,
    )


def _row(organ: str, scores: list[Score]) -> Row:
    dice = [score.dice for score in scores]
    sd = statistics.stdev(dice) if len(dice) > 1 else 0.0
    row = Row(organ, len(dice), statistics.mean(dice), statistics.median(dice), sd)
    means: dict[str, float] = {}
    for name in _OBJECTS:
        each = [getattr(score, name) for score in scores]
        if known := [figure for figure in each if figure is not None]:
            means[name] = statistics.mean(known)
    return replace(row, **means)
