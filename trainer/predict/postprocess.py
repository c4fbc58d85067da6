"""Probability and threshold to a mask, without the network."""

from __future__ import annotations

import math

import cv2
import numpy as np

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
    height, width = prediction.shape
    found = prediction.probability
    enlarged = height >= found.shape[0] and width >= found.shape[1]
    if found.shape != (height, width):
        found = cv2.resize(
            found, (width, height), interpolation=cv2.INTER_LINEAR if enlarged else cv2.INTER_AREA
        )
    # the small number keeps a threshold of k/255 at k in spite of rounding
    lowest = math.ceil(threshold * 255 - 1e-6)
    _, mask = cv2.threshold(found, lowest - 1, 1, cv2.THRESH_BINARY)
    return np.asarray(mask, dtype=np.uint8)
