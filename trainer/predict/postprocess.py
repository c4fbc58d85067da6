"""Probability and operating point to a mask, without the network."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Case, Mask, Prediction
from trainer.data.shaping import (
    closed,
    eroded,
    opened,
    reaching,
    without_faint,
    without_holes,
    without_small,
)
from trainer.data.watershed import split
from trainer.errors import MaskError
from trainer.settings.postprocess import Masking, PostProcessing


def _no_steps() -> PostProcessing:
    return PostProcessing.model_validate({})


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """How one case's probability becomes a mask.

    Attributes
    ----------
    threshold
        Probability from which a pixel is inside, 0 to 1.
    steps
        What is done after; what they say of a CRF was done when predicting.
    least
        Area in pixels of the smallest unit that stays, where ``steps.min_area`` has it in µm².
    """

    threshold: float
    steps: PostProcessing = field(default_factory=_no_steps)
    least: float = 0.0

    @classmethod
    def of(cls, masking: Masking, case: Case) -> Self:
        """That of a case, by its organ, its data source and its pixel size.

        Raises
        ------
        MaskError
            If a smallest area is asked for in µm² and the case's pixel size is not known.
        """
        steps = masking.steps_for(case.organ)
        least, area = 0.0, steps.min_area
        if area is not None and area.um2:
            if case.pixel_size is None:
                raise MaskError(
                    f"its pixel size is not known, but units of {case.organ} under "
                    f"{area.um2:g} µm² are to be dropped",
                    case=case.id,
                    remedy="fill in its `pixel_size` in the csv, or give the ensemble's "
                    "`min_area` in px or as a share of the image",
                )
            least = area.um2 / case.pixel_size**2
        return cls(masking.threshold_for(case.organ, case.data_source), steps, least)

    def at(self, threshold: float) -> Self:
        """The same with another threshold."""
        return replace(self, threshold=threshold)


def to_mask(prediction: Prediction, point: OperatingPoint | float) -> Mask:
    """The mask of a prediction at an operating point, at the image's own size.

    Parameters
    ----------
    prediction
        At network resolution.
    point
        A number alone is a threshold without any step after it, in 0..1; probabilities are
        known in steps of 1/255.

    Returns
    -------
    mask
        uint8 0 or 1, of ``prediction.shape``.
    """
    return cut(enlarged(prediction), point)


def cut(levels: NDArray[np.uint8], point: OperatingPoint | float) -> Mask:
    """The mask of what `enlarged` gives, for who cuts the same prediction many times."""
    if not isinstance(point, OperatingPoint):
        return _from(levels, lowest_level(point))
    level = lowest_level(point.threshold)
    mask = _shaped(levels, level, point)
    if not point.steps.never_empty or mask.any():
        return mask
    return _something(levels, level, point)


def enlarged(prediction: Prediction) -> NDArray[np.uint8]:
    """The probability at the image's own size, uint8 (H, W), in steps of 1/255.

    Not a copy where the prediction is of that size already: look, do not write.
    """
    height, width = prediction.shape
    found = prediction.probability
    if found.shape == (height, width):
        return found
    grows = height >= found.shape[0] and width >= found.shape[1]
    way = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    return np.asarray(cv2.resize(found, (width, height), interpolation=way), dtype=np.uint8)


def lowest_level(threshold: float) -> int:
    """The first of the 256 levels of probability that a threshold lets through."""
    # the small number keeps a threshold of k/255 at k in spite of rounding
    return math.ceil(threshold * 255 - 1e-6)


def _from(levels: NDArray[np.uint8], level: int) -> Mask:
    _, mask = cv2.threshold(levels, level - 1, 1, cv2.THRESH_BINARY)
    return np.asarray(mask, dtype=np.uint8)


def _shaped(levels: NDArray[np.uint8], level: int, point: OperatingPoint) -> Mask:
    """The mask of a level once every step is taken, in the order of the settings."""
    steps, mask = point.steps, _from(levels, level)
    if steps.low is not None and (low := lowest_level(steps.low)) < level:
        mask = reaching(_from(levels, low), mask)
    if steps.closing:
        mask = closed(mask, steps.closing)
    if steps.opening:
        mask = opened(mask, steps.opening)
    if steps.fill_holes:
        mask = without_holes(mask)
    if steps.split is not None:
        mask = split(mask, steps.split.neck, steps.split.narrowest)
    if steps.erode:
        mask = eroded(mask, steps.erode)
    if steps.min_probability is not None:
        mask = without_faint(mask, levels, steps.min_probability * 255)
    least = point.least
    if (area := steps.min_area) is not None:
        least = max(least, area.px or 0.0, (area.share or 0.0) * mask.size)
    return without_small(mask, math.ceil(least - 1e-6)) if least > 1 else mask


def _something(levels: NDArray[np.uint8], empty: int, point: OperatingPoint) -> Mask:
    """The mask of the highest level that leaves something, by halving.

    Where the steps after the threshold leave nothing of any level, the likeliest pixels as
    they are; where nothing has a probability, nothing.
    """
    highest = int(levels.max())
    if highest == 0:
        return np.zeros_like(levels)
    found, there = None, 0
    empty = min(empty, highest + 1)
    while empty - there > 1:
        level = (there + empty) // 2
        mask = _shaped(levels, level, point)
        if mask.any():
            found, there = mask, level
        else:
            empty = level
    return _from(levels, highest) if found is None else found
