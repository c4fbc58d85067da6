"""Where an out-of-fold prediction speaks against a truth: pixels, and the places they make."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask, Prediction
from trainer.review.levels import Level

Kind = Literal["extra", "too wide", "lacking", "too narrow"]
Box = tuple[int, int, int, int]

_WINDOW = 0.25
"""Side of the window that contradiction is averaged over, as a share of a unit's width."""


class Place(NamedTuple):
    """A unit, or a part of one, that truth and prediction see differently."""

    kind: Kind
    suspicion: float
    box: Box
    area: int


class Units(NamedTuple):
    """A truth's units at the network's resolution.

    Attributes
    ----------
    numbers
        int32 (h, w); 0 is no unit.
    boxes
        By number, (row0, col0, row1, col1) in pixels of the image.
    areas
        By number, in pixels of the image.
    """

    numbers: NDArray[np.int32]
    boxes: list[Box]
    areas: list[int]


def units(truth: Mask, shape: tuple[int, int]) -> Units:
    """A truth's connected pieces, sampled at a smaller resolution so that none grow together.

    Parameters
    ----------
    truth
        uint8 (H, W).
    shape
        (h, w) of the network's resolution.
    """
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(truth, connectivity=8)
    rows, columns = (
        ((np.arange(small) + 0.5) * (large / small)).astype(np.intp)
        for small, large in zip(shape, truth.shape, strict=True)
    )
    boxes = [(y, x, y + h, x + w) for x, y, w, h in stats[:, :4].tolist()]
    small = np.ascontiguousarray(numbers[rows[:, None], columns], np.int32)
    return Units(small, boxes, stats[:, cv2.CC_STAT_AREA].tolist())


def noisy(inside: NDArray[np.bool_], probability: NDArray[np.float32], level: Level) -> Mask:
    """The pixels whose label is contradicted: the other class reaches that class's level.

    Parameters
    ----------
    inside
        (h, w), the label.
    probability
        float32 (h, w), 0 to 1.
    level
        Of the case's organ.
    """
    against = np.where(inside, 1 - probability >= level.outside, probability >= level.inside)
    return against.astype(np.uint8)


def places(prediction: Prediction, truth: Units, level: Level) -> list[Place]:
    """Every unit of truth and every piece that truth lacks, with its suspicion.

    A place is as suspect as its worst spot: the largest mean contradiction in a window a
    quarter of the organ's median unit wide. So the doubtful rim that every unit has weighs
    little, and a bridge between two units much. Units too small to have a pixel at the
    network's resolution are left out.
    """
    probability = prediction.probability.astype(np.float32) / 255
    inside = truth.numbers > 0
    against = noisy(inside, probability, level)
    side = max(3, round(level.width * _WINDOW)) | 1
    return _of_truth(probability, truth, against, side) + _of_prediction(
        prediction, truth, against, side
    )


def _of_truth(
    probability: NDArray[np.float32], truth: Units, against: Mask, side: int
) -> list[Place]:
    inside = truth.numbers > 0
    worst = _pooled((1 - probability) * inside, side)
    found = []
    for number in np.unique(truth.numbers[inside]).tolist():
        own = truth.numbers == number
        size = int(own.sum())
        suspicion = min(1.0, float(worst[own].max()) / min(1.0, size / side**2))
        whole = 2 * int(against[own].sum()) >= size
        kind: Kind = "extra" if whole else "too wide"
        found.append(Place(kind, suspicion, truth.boxes[number], truth.areas[number]))
    return found


def _of_prediction(prediction: Prediction, truth: Units, against: Mask, side: int) -> list[Place]:
    outside = (truth.numbers == 0).astype(np.uint8)
    probability = prediction.probability.astype(np.float32) / 255
    worst = _pooled(probability * outside, side)
    near_truth = cv2.dilate(1 - outside, np.ones((3, 3), np.uint8))
    pieces = cv2.morphologyEx(against & outside, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(pieces, connectivity=8)
    rows, columns = (
        large / small
        for large, small in zip(prediction.shape, prediction.probability.shape, strict=True)
    )
    found = []
    for number in range(1, count):
        x, y, width, height, size = stats[number].tolist()
        own = numbers == number
        suspicion = min(1.0, float(worst[own].max()) / min(1.0, size / side**2))
        touches = bool((near_truth[own] > 0).any())
        kind: Kind = "too narrow" if touches else "lacking"
        box = (
            int(y * rows),
            int(x * columns),
            round((y + height) * rows),
            round((x + width) * columns),
        )
        found.append(Place(kind, suspicion, box, round(size * rows * columns)))
    return found


def _pooled(contradiction: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Mean over a square window of `side` pixels around each pixel."""
    return np.asarray(cv2.blur(contradiction, (side, side), borderType=cv2.BORDER_REFLECT))
