"""Probability and threshold to a mask, without the network."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask, Prediction


def to_mask(prediction: Prediction, threshold: float) -> Mask:
    """The pixels whose probability is `threshold` or more, at the image's own size.

    Parameters
    ----------
    prediction
        At network resolution.
    threshold
        In 0..1; probabilities are known in steps of 1/255.

    Returns
    -------
    mask
        uint8 0 or 1, of ``prediction.shape``.
    """
    return cut(enlarged(prediction), threshold)


def cut(levels: NDArray[np.uint8], threshold: float) -> Mask:
    """The mask of what `enlarged` gives, for who cuts the same prediction many times."""
    _, mask = cv2.threshold(levels, lowest_level(threshold) - 1, 1, cv2.THRESH_BINARY)
    return np.asarray(mask, dtype=np.uint8)


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
