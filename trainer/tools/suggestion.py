"""What truth and prediction together suggest: truth, but for where the network is sure."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask

AS_SURE = 0.92
"""Of the mean probability where truth and prediction agree: with so much of it, a difference is
the prediction's. Least error on corrupted truths of colon glands and of glomeruli alike."""

_FULL = 255.0
"""Level of a network that is sure; what is asked for where nothing is agreed upon."""


def suggested(truth: Mask, predicted: Mask, levels: NDArray[np.uint8]) -> Mask:
    """Truth, with the prediction's version of each piece of which the network is sure.

    A piece is what is connected of what only one of the two masks holds. The network is sure
    where its mean probability of the prediction's version reaches `AS_SURE` of what it is, in
    this case, where both masks agree, inside and outside apart. That is confident learning [1]_
    by pieces, with levels that a wrong truth does not lower. So a unit that truth dropped comes
    from the prediction, one that it invented goes, and a doubtful rim stays as truth has it.

    Parameters
    ----------
    truth, predicted
        uint8 0 or 1 (H, W).
    levels
        The prediction's probability at the image's size, uint8 (H, W) in steps of 1/255.

    Returns
    -------
    uint8 0 or 1 (H, W); each pixel is one of the two masks'.

    References
    ----------
    .. [1] Northcutt, Jiang and Chuang, Confident learning: estimating uncertainty in dataset
       labels, JAIR 70, 2021.
    """
    both, neither = truth & predicted, 1 - (truth | predicted)
    inside = AS_SURE * (cv2.mean(levels, both)[0] if both.any() else _FULL)
    outside = AS_SURE * (_FULL - cv2.mean(levels, neither)[0] if neither.any() else _FULL)
    after = truth.copy(order="C")
    flat, lacking, extra = after.ravel(), predicted & ~truth, truth & ~predicted
    flat[_sure(lacking, levels, inside)] = 1
    flat[_sure(extra, ~levels, outside)] = 0
    return after


def _sure(pieces: Mask, says: NDArray[np.uint8], least: float) -> NDArray[np.intp]:
    """Flat places of the pieces whose mean level, 0 to 255, is not below `least`."""
    places = np.flatnonzero(pieces.view(bool))
    count, found = cv2.connectedComponents(pieces, connectivity=4)
    piece = np.asarray(found, np.int32).ravel()[places]
    areas = np.bincount(piece, minlength=count)
    means = np.bincount(piece, says.ravel()[places], count) / np.maximum(areas, 1)
    return places[means[piece] >= least]
