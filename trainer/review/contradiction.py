"""Where an out-of-fold prediction speaks against a truth: pixels, and the places they make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from trainer.data.case import Mask
from trainer.review.levels import Level

Kind = Literal["extra", "too wide", "lacking", "too narrow"]
Box = tuple[int, int, int, int]
Scale = tuple[float, float]

_WINDOW = 0.25
"""Side of the window that contradiction is averaged over, as a share of a unit's width."""

_SLIVER = 0.1
"""Narrowest piece that truth may lack, as a share of a unit's width."""


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


def as_share(probability: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probability in steps of 1/255 as float32, 0 to 1."""
    return np.asarray(probability / np.float32(255), np.float32)


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


def places(probability: NDArray[np.uint8], truth: Units, level: Level, scale: Scale) -> list[Place]:
    """Every unit of truth and every piece that truth lacks, with its suspicion.

    A place without a contradicted pixel is not suspect. Any other is as suspect as its worst
    spot: the largest mean probability of the other class in a window a quarter of the organ's
    median unit wide. So the doubtful rim that every unit has weighs little, and a bridge between
    two units much. Units too small to have a pixel at the network's resolution, and pieces
    narrower than a tenth of a unit, are left out.

    Parameters
    ----------
    probability
        uint8 (h, w), in steps of 1/255.
    truth
        At the same resolution.
    level
        Of the case's organ.
    scale
        Rows and columns of the image to one of the prediction's.
    """
    likely = as_share(probability)
    against = noisy(truth.numbers > 0, likely, level)
    view = _View(likely, against, max(3, round(level.width * _WINDOW)) | 1)
    return _of_truth(view, truth) + _of_network(view, truth, level, scale)


class _View(NamedTuple):
    """What the network says of a case, and the window that it is averaged over."""

    probability: NDArray[np.float32]
    against: Mask
    side: int

    def worst(self, own: Mask, here: tuple[slice, slice], is_inside: bool) -> float:
        """Largest mean contradiction of a place's pixels in a window."""
        if not (own & self.against[here]).any():
            return 0.0
        likely = self.probability[here]
        doubt = (1 - likely if is_inside else likely) * own
        rim = self.side // 2
        doubt = cv2.copyMakeBorder(doubt, rim, rim, rim, rim, cv2.BORDER_CONSTANT)
        means = np.asarray(cv2.blur(doubt, (self.side, self.side)))
        return float(means.max())


def _of_truth(view: _View, truth: Units) -> list[Place]:
    found = []
    for number, here in _boxes(truth.numbers):
        own = (truth.numbers[here] == number).astype(np.uint8)
        size = int(own.sum())
        # a unit smaller than the window is averaged over itself
        suspicion = min(1.0, view.worst(own, here, True) * max(1.0, view.side**2 / size))
        whole = 2 * int(view.against[here][own > 0].sum()) >= size
        kind: Kind = "extra" if whole else "too wide"
        found.append(Place(kind, suspicion, truth.boxes[number], truth.areas[number]))
    return found


def _of_network(view: _View, truth: Units, level: Level, scale: Scale) -> list[Place]:
    seen = (view.probability >= 0.5).astype(np.uint8)
    narrowest = max(3, round(level.width * _SLIVER)) | 1
    kernel = np.ones((narrowest, narrowest), np.uint8)
    lacking = cv2.morphologyEx(seen & (truth.numbers == 0), cv2.MORPH_OPEN, kernel)
    _, pieces = cv2.connectedComponents(lacking, connectivity=8)
    _, networks = cv2.connectedComponents(seen, connectivity=8)
    areas = np.bincount(networks.ravel())
    found = []
    for number, here in _boxes(np.asarray(pieces, np.int32)):
        own = (pieces[here] == number).astype(np.uint8)
        suspicion = view.worst(own, here, False)
        if not suspicion:
            continue
        size = int(own.sum())
        unit = int(networks[here][own > 0][0])
        kind: Kind = "lacking" if 2 * size >= areas[unit] else "too narrow"
        found.append(
            Place(kind, suspicion, _enlarged(here, scale), round(size * scale[0] * scale[1]))
        )
    return found


def _boxes(numbers: NDArray[np.int32]) -> Iterator[tuple[int, tuple[slice, slice]]]:
    """Each number that is there, with the box of its pixels."""
    for index, here in enumerate(find_objects(numbers), start=1):
        if here is not None:
            yield index, (here[0], here[1])


def _enlarged(here: tuple[slice, slice], scale: Scale) -> Box:
    (row0, row1), (column0, column1) = ((one.start, one.stop) for one in here)
    rows, columns = scale
    return int(row0 * rows), int(column0 * columns), round(row1 * rows), round(column1 * columns)
