"""The smallest area that a unit of an organ has, if leaving out what is smaller helps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Case, Mask, Prediction
from trainer.metrics import dice
from trainer.predict.postprocess import OperatingPoint, cut, enlarged
from trainer.review.held_out import Choice, Gain, splits
from trainer.settings import Area

Unit = Literal["px", "um2"]

_STEP = 2**0.5
"""Between one candidate and the next."""

_FLAT = 1e-4
"""Mean Dice within which areas are as good as each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """A case's units at its operating point without a smallest area.

    The smallest area is the last step to a mask, so its Dice at any area is a sum over units
    that one cut has found.

    Attributes
    ----------
    areas, hits
        int64 (units,): pixels of each unit, and those of them that are inside the truth.
    truth
        Pixels of truth.
    empty
        Dice where every unit goes: of the likeliest pixels if "never empty" is asked for, which
        is less than it finds where some lower threshold leaves a unit of that size.
    scale
        µm² of a pixel; None where its size is not known.
    """

    areas: NDArray[np.int64]
    hits: NDArray[np.int64]
    truth: int
    empty: float
    scale: float | None

    def dice(self, least: float, unit: Unit) -> float:
        """Once units smaller than `least` are gone."""
        pixels = least / self.scale if unit == "um2" and self.scale else least
        stay = self.areas >= math.ceil(pixels - 1e-6)
        if not stay.any() and self.areas.size:
            return self.empty
        total = int(self.areas[stay].sum()) + self.truth
        return 2 * int(self.hits[stay].sum()) / total if total else 1.0


def units_of(case: Case, prediction: Prediction, truth: Mask, point: OperatingPoint) -> Units:
    """Cut a case's mask once, and find its units; `truth` is uint8 (H, W), 0 or 1."""
    levels = enlarged(prediction)
    mask = cut(levels, without_area(point))
    _, found = cv2.connectedComponents(mask, connectivity=4)
    numbers = np.asarray(found, np.int32)
    areas = np.bincount(numbers.ravel())
    hits = np.bincount(numbers[truth > 0], minlength=len(areas))
    size = cv2.countNonZero(truth)
    scale = None if case.pixel_size is None else case.pixel_size**2
    empty = 0.0 if size else 1.0
    if point.steps.never_empty and mask.any():
        none_left = replace(without_area(point), least=float(mask.size + 1))
        empty = dice(cut(levels, none_left), truth)
    return Units(areas[1:], hits[1:], size, empty, scale)


def without_area(point: OperatingPoint) -> OperatingPoint:
    """The same with no smallest area."""
    steps = point.steps.model_copy(update={"min_area": None})
    return replace(point, steps=steps, least=0.0)


def best_area(cases: Sequence[Units], folds: NDArray[np.intp]) -> Choice[Area | None]:
    """The smallest area of the highest mean Dice, and its gain over none on cases held out.

    In µm² where all cases' pixel size is known, else in pixels; at most what half of
    all area lies in larger units than: specks, however many, do not lower that.

    Parameters
    ----------
    cases
        Of one organ, none seen in training.
    folds
        Of each case, (n,).
    """
    unit: Unit = "um2" if all(one.scale for one in cases) else "px"
    candidates = _candidates(cases, unit)
    table = np.array([[one.dice(least, unit) for least in candidates] for one in cases])
    gains = np.zeros(len(cases))
    for held in splits(folds):
        chosen = _pick(table[~held])
        gains[held] = table[held, chosen] - table[held, 0]
    least = candidates[_pick(table)]
    best = Area.model_validate({unit: least}) if least else None
    return Choice(None, best, Gain.of(gains, folds))


def _pick(table: NDArray[np.float64]) -> int:
    """The first candidate whose mean Dice is as good as the highest."""
    means = table.mean(axis=0)
    return int(np.argmax(means >= means.max() - _FLAT))


def _candidates(cases: Sequence[Units], unit: Unit) -> list[float]:
    """None first, then one after the other as a ladder, in two figures."""
    scales = [(one.scale or 1.0) if unit == "um2" else 1.0 for one in cases]
    sizes = [one.areas * scale for one, scale in zip(cases, scales, strict=True)]
    every = np.concatenate(sizes) if sizes else np.zeros(0)
    if not every.size:
        return [0.0]
    every.sort()
    middle = int(np.searchsorted(np.cumsum(every), every.sum() / 2))
    least, most = 2 * min(scales), float(every[middle])
    count = max(0, math.floor(math.log(max(most / least, 1), _STEP))) + 1
    return [0.0, *(float(f"{least * _STEP**step:.2g}") for step in range(count))]
