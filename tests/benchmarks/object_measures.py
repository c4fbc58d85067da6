"""Object measures of a run's out-of-fold masks, plain and after steps chosen on the other folds.

`python object_measures.py COHORT RUN` prints detection F1, object Dice, object Hausdorff and Dice
as means over cases; then all units as one set, with 95 % bootstrap intervals over cases.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.metrics import dice
from trainer.object_metrics import Tally, as_one
from trainer.predict.postprocess import OperatingPoint, cut, enlarged
from trainer.review.gathering import folds_of
from trainer.settings import PostProcessing

PLAIN = (0.5, 0, 0, False, 0.0)
TRIED = (
    PLAIN,
    (0.5, 300, 0, False, 0.0),
    (0.5, 600, 0, False, 0.0),
    (0.5, 300, 4, True, 0.0),
    (0.5, 600, 4, True, 0.0),
    (0.5, 600, 8, True, 0.0),
    (0.65, 300, 4, True, 0.0),
    (0.65, 600, 8, True, 0.0),
    (0.5, 600, 10, False, 0.0),
    (0.65, 600, 10, False, 0.0),
    (0.5, 600, 10, False, 0.7),
    (0.5, 600, 10, False, 0.8),
    (0.5, 400, 10, False, 0.7),
    (0.5, 400, 10, False, 0.75),
    (0.5, 400, 10, False, 0.8),
    (0.5, 400, 10, False, 0.85),
)
"""Threshold, least area in µm² (with it holes are filled), opening in pixels, split, and the least
mean probability of a unit."""

FARTHEST = 1000.0
"""Hausdorff distance, in pixels, of a case in which nothing was found."""


def point(pixel: float, tried: tuple[float, float, int, bool, float]) -> OperatingPoint:
    threshold, area, opening, parted, probability = tried
    steps: dict[str, object] = {"opening": opening, "fill_holes": area > 0}
    if probability:
        steps["min_probability"] = probability
    if area:
        steps["min_area"] = {"px": area / pixel**2}
    if parted:
        steps["split"] = True
    return OperatingPoint(threshold, PostProcessing.model_validate(steps))


def measured(cohort: Cohort, predictions: Predictions, case_id: str) -> list[tuple[Tally, float]]:
    """What the measures of objects are made of, and Dice, under each of `TRIED`."""
    prediction, truth = predictions.read(case_id), cohort.truth(case_id)
    assert prediction is not None
    assert truth is not None
    levels = enlarged(prediction)
    pixel = cohort.cases[case_id].pixel_size or 1.0
    masks = (cut(levels, point(pixel, tried)) for tried in TRIED)
    return [(Tally.of(mask, truth), dice(mask, truth)) for mask in masks]


def row(tally: Tally, pixels: float) -> tuple[float, ...]:
    scores = tally.scores()
    return scores.f1, scores.dice, min(scores.hausdorff, FARTHEST), pixels


def interval(tallies: Sequence[Tally]) -> str:
    """Of detection F1 and object Dice as one set, by resampled cases."""
    chance = np.random.default_rng(0)
    drawn = (chance.integers(0, len(tallies), len(tallies)) for _ in range(2000))
    sets = [as_one(tallies[index] for index in places) for places in drawn]
    low, high = np.percentile([(one.f1, one.dice) for one in sets], (2.5, 97.5), axis=0)
    return f"F1 {low[0]:.3f} to {high[0]:.3f}, object Dice {low[1]:.3f} to {high[1]:.3f}"


def told(name: str, tallies: Sequence[Tally], rows: NDArray[np.float64]) -> None:
    f1, objects, distance, pixels = rows.mean(axis=0)
    whole = as_one(tallies)
    sys.stdout.write(
        f"{name}: F1 {f1:.3f}, object Dice {objects:.3f}, "
        f"Hausdorff {distance:.1f}, Dice {pixels:.3f}\n"
        f"  as one set: F1 {whole.f1:.3f}, object Dice {whole.dice:.3f}, "
        f"Hausdorff {whole.hausdorff:.1f}; 95 %: {interval(tallies)}\n"
    )


def main(folder: Path, run: Path) -> None:
    cohort, predictions = Cohort.open(folder), Predictions.open(run / OUT_OF_FOLD)
    fold_of = folds_of(predictions)
    found = [measured(cohort, predictions, case_id) for case_id in fold_of]
    rows = np.array([[row(*tried) for tried in case] for case in found])
    folds = np.array(list(fold_of.values()))
    best = np.zeros(len(folds), np.intp)
    for fold in np.unique(folds):
        others = rows[folds != fold].mean(axis=0)
        best[folds == fold] = np.argmax(others[:, 0] + others[:, 1])
        sys.stdout.write(f"fold {fold}: {TRIED[best[folds == fold][0]]}\n")
    for name, chosen in (("plain", np.zeros_like(best)), ("chosen on the other folds", best)):
        tallies = [case[index][0] for case, index in zip(found, chosen, strict=True)]
        told(name, tallies, rows[np.arange(len(folds)), chosen])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
