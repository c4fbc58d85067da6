"""A case's pixels by level of probability, before any post-processing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Case, Mask, Prediction
from trainer.predict.postprocess import enlarged

LEVELS = 256
"""Of probability, in steps of 1/255."""

BEFORE_STEPS = (
    "Dice by threshold is counted before post-processing, which these predictions have: masks,"
    " and what `evaluate` says of them, differ."
)
"""What a user is to know of figures that come from histograms."""

_BAND = 2**23
"""Pixels counted at a time: OpenCV's counts are float32, exact below 2**24."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """A case's pixels at each of the 256 levels of probability, at the image's own size.

    Pixels alone: what an ensemble's post-processing does to a mask no histogram can tell.

    Attributes
    ----------
    in_sample
        True when every member had seen the case in training.
    fold
        The fold that held the case out; None where no run says so.
    inside, outside
        int64 (256,): pixels of truth, and of the rest, whose probability is level / 255.
    source
        The case's ``data_source``.
    """

    case_id: str
    organ: str
    in_sample: bool
    fold: int | None
    inside: NDArray[np.int64]
    outside: NDArray[np.int64]
    source: str | None = None


def of(case: Case, prediction: Prediction, truth: Mask, fold: int | None = None) -> Histogram:
    """Count a case's pixels by level; `truth` is 0 or not, uint8, of ``prediction.shape``."""
    levels = enlarged(prediction)
    inside, every = np.zeros((2, LEVELS), np.int64)
    rows = max(1, _BAND // levels.shape[1])
    for top in range(0, levels.shape[0], rows):
        band = slice(top, top + rows)
        inside += _count(levels[band], truth[band])
        every += _count(levels[band], None)
    counts = inside, every - inside
    return Histogram(case.id, case.organ, prediction.in_sample, fold, *counts, case.data_source)


def _count(levels: NDArray[np.uint8], where: Mask | None) -> NDArray[np.int64]:
    counts = cv2.calcHist([levels], [0], where, [LEVELS], [0, LEVELS])
    return counts.ravel().astype(np.int64)
