"""Windows that slide over an image: where they lie, what they weigh, which have tissue."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image

_WIDTH = 0.125
"""Standard deviation of the blending Gaussian, in sides of the window."""

_FAINTEST = 1e-3
"""Least weight in a window's corners."""

_BRIGHT = 220
"""A pixel with no channel below this is glass, not tissue."""

_LEAST_TISSUE = 1e-3
"""Share of a window's pixels; less of it is dust."""


def starts(length: int, side: int, overlap: float) -> list[int]:
    """Where windows begin along an axis; the last one ends with it.

    Parameters
    ----------
    length
        Of the axis, in pixels, at least `side`.
    side
        Of a window.
    overlap
        Share of a side that neighbours have in common.
    """
    stride = max(1, int(side * (1 - overlap)))
    count = -(-(length - side) // stride) + 1
    return [min(index * stride, length - side) for index in range(count)]


def grid(shape: tuple[int, int], side: int, overlap: float) -> list[tuple[int, int]]:
    """Upper left corners (row, column) of the windows over an image of `shape`."""
    return [
        (top, left)
        for top in starts(shape[0], side, overlap)
        for left in starts(shape[1], side, overlap)
    ]


def gaussian(side: int) -> NDArray[np.float32]:
    """What a window's pixels weigh, (side, side): 1 at its centre, less where it sees less.

    Isensee, F. et al., "nnU-Net: a self-configuring method for deep learning-based biomedical
    image segmentation", Nature Methods 18 (2021); σ an eighth of the side.
    """
    offsets = np.arange(side) - (side - 1) / 2
    line = np.exp(-(offsets**2) / (2 * (_WIDTH * side) ** 2)).astype(np.float32)
    return np.maximum(np.outer(line, line), np.float32(_FAINTEST))


def with_tissue(image: Image, corners: list[tuple[int, int]], side: int) -> list[tuple[int, int]]:
    """Those of the windows that show more than glass and dust."""
    tissue = (image.min(2) < _BRIGHT).astype(np.uint8)
    sums = np.asarray(cv2.integral(tissue), dtype=np.int32)
    least = _LEAST_TISSUE * side * side
    return [(top, left) for top, left in corners if _sum(sums, top, left, side) >= least]


def _sum(sums: NDArray[np.integer], top: int, left: int, side: int) -> int:
    low, right = top + side, left + side
    return (
        int(sums[low, right]) - int(sums[top, right]) - int(sums[low, left]) + int(sums[top, left])
    )
