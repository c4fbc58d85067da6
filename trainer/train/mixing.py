"""Crops put together of several, image and mask alike.

CutMix: Yun, S. et al., "CutMix: regularization strategy to train strong classifiers with
localizable features", ICCV (2019), for masks as French, G. et al. use it, BMVC (2020).
Mosaic: Bochkovskiy, A. et al., "YOLOv4" (2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image


@dataclass(frozen=True, slots=True)
class Crop:
    """A square part of a case, as a network is shown it.

    Attributes
    ----------
    image
        RGB uint8 (s, s, 3).
    coverage
        uint8 (s, s).
    weight
        What its label is worth.
    pixel_size
        In µm; NaN where unknown.
    """

    image: Image
    coverage: NDArray[np.uint8]
    weight: float
    pixel_size: float = math.nan


def cutmix(ground: Crop, other: Crop, rng: np.random.Generator) -> Crop:
    """A window of another crop, at its own place; its share of the area is drawn evenly."""
    side = ground.coverage.shape[0]
    length = max(1, round(side * math.sqrt(rng.random())))
    corner = rng.integers(-length // 2, side - length // 2, 2)
    window = tuple(slice(max(0, at), at + length) for at in corner.tolist())
    return _pasted(ground, [(window[0], window[1], other)])


def mosaic(crops: Sequence[Crop], rng: np.random.Generator) -> Crop:
    """Four crops around a point of the middle half, each at its own corner."""
    side = crops[0].coverage.shape[0]
    row, column = rng.integers(side // 4, side - side // 4, 2).tolist()
    halves = [
        (rows, columns)
        for rows in (slice(0, row), slice(row, side))
        for columns in (slice(0, column), slice(column, side))
    ]
    return _pasted(crops[0], [(*half, crop) for half, crop in zip(halves, crops, strict=True)])


def _pasted(ground: Crop, windows: Sequence[tuple[slice, slice, Crop]]) -> Crop:
    image, coverage = ground.image.copy(), ground.coverage.copy()
    told = np.empty((*coverage.shape, 2), np.float32)
    told[:] = ground.weight, ground.pixel_size
    for rows, columns, other in windows:
        image[rows, columns] = other.image[rows, columns]
        coverage[rows, columns] = other.coverage[rows, columns]
        told[rows, columns] = other.weight, other.pixel_size
    return Crop(image, coverage, *told.mean((0, 1), np.float64).tolist())
