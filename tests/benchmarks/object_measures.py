"""Object measures of a run's out-of-fold masks, plain and after steps chosen on the other folds.

`python object_measures.py COHORT RUN` prints detection F1, object Dice, object Hausdorff and Dice.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.metrics import dice
from trainer.object_metrics import object_scores
from trainer.predict.postprocess import OperatingPoint, cut, enlarged
from trainer.review.gathering import folds_of
from trainer.settings import PostProcessing

PLAIN = (0.5, 0, 0, False)
TRIED = (
    PLAIN,
    (0.5, 300, 0, False),
    (0.5, 600, 0, False),
    (0.5, 300, 4, True),
    (0.5, 600, 4, True),
    (0.5, 600, 8, True),
    (0.65, 300, 4, True),
    (0.65, 600, 8, True),
    (0.5, 600, 10, False),
    (0.65, 600, 10, False),
)
"""Threshold, least area in µm² (with it holes are filled), opening in pixels, split."""

FARTHEST = 1000.0
"""Hausdorff distance, in pixels, of a case in which nothing was found."""


def point(pixel: float, tried: tuple[float, float, int, bool]) -> OperatingPoint:
    threshold, area, opening, parted = tried
    steps: dict[str, object] = {"opening": opening, "fill_holes": area > 0}
    if area:
        steps["min_area"] = {"px": area / pixel**2}
    if parted:
        steps["split"] = True
    return OperatingPoint(threshold, PostProcessing.model_validate(steps))


def measured(cohort: Cohort, predictions: Predictions, case_id: str) -> list[tuple[float, ...]]:
    """The four measures under each of `TRIED`."""
    levels, truth = enlarged(predictions.read(case_id)), cohort.truth(case_id)
    assert truth is not None
    found = []
    for tried in TRIED:
        mask = cut(levels, point(cohort.cases[case_id].pixel_size or 1.0, tried))
        scores = object_scores(mask, truth)
        distance = min(scores.hausdorff, FARTHEST)
        found.append((scores.f1, scores.dice, distance, dice(mask, truth)))
    return found


def main(folder: Path, run: Path) -> None:
    cohort, predictions = Cohort.open(folder), Predictions.open(run / OUT_OF_FOLD)
    fold_of = folds_of(predictions)
    all_of = np.array([measured(cohort, predictions, case_id) for case_id in fold_of])
    folds = np.array(list(fold_of.values()))
    chosen = np.empty((len(folds), 4))
    for fold in np.unique(folds):
        others = all_of[folds != fold].mean(axis=0)
        best = int(np.argmax(others[:, 0] + others[:, 1]))
        chosen[folds == fold] = all_of[folds == fold][:, best]
        sys.stdout.write(f"fold {fold}: {TRIED[best]}\n")
    for name, values in (("plain", all_of[:, 0]), ("chosen on the other folds", chosen)):
        f1, objects, distance, pixels = values.mean(axis=0)
        sys.stdout.write(
            f"{name}: F1 {f1:.3f}, object Dice {objects:.3f}, "
            f"Hausdorff {distance:.1f}, Dice {pixels:.3f}\n"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
