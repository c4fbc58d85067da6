"""Stains varied at random, as laboratories vary them.

Tellez, D. et al., "Whole-slide mitosis detection in H&E breast histology using PHH3 as a
reference to train distilled stain-invariant convolutional networks", IEEE Transactions on
Medical Imaging 37 (2018): each stain's amount is stretched and moved.
Ruifrok, A. and Johnston, D., "Quantification of histochemical staining by color deconvolution",
Analytical and Quantitative Cytology and Histology 23 (2001): the stains taken for granted.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image
from trainer.data.stain import Floats

_HED = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], np.float32)
"""Optical density of red, green and blue of haematoxylin, eosin and DAB (Ruifrok)."""

DECADES = 6
"""Of light that an amount of 1 takes: as in scikit-image, black counts as a millionth."""

_DARKEST = 10.0**-DECADES

_SCALE = float(np.log(_DARKEST))
_DENSITY = (np.log(np.maximum(np.arange(256) / 255, _DARKEST)) / _SCALE).astype(np.float32)


def hed(image: Image, stretch: NDArray[np.floating], move: NDArray[np.floating]) -> Image:
    """The image, its haematoxylin, eosin and residual each times `stretch` and plus `move`.

    Parameters
    ----------
    image
        RGB, uint8 (H, W, 3).
    stretch, move
        (3,); ones and zeros change nothing but what no stain explains. Stains are in
        scikit-image's unit: 1 dims light to a millionth.
    """
    amounts = np.maximum(cv2.transform(cv2.LUT(image, _DENSITY), np.linalg.inv(_HED).T), 0)
    changed = amounts * np.float32(stretch) + np.float32(move)
    return _lit(changed, _HED.T)


def own(image: Image, matrix: Floats, turned: Floats, stretch: NDArray[np.floating]) -> Image:
    """The image with its own two stains in other colours and strengths.

    What the two do not explain stays as it is.

    Parameters
    ----------
    image
        RGB, uint8 (H, W, 3).
    matrix
        float32 (2, 3): its stains, as `trainer.data.stain.fit` finds them.
    turned
        float32 (2, 3): what they become.
    stretch
        (2,): factors of their amounts.
    """
    rest = np.cross(matrix[0], matrix[1])
    rest /= max(float(np.linalg.norm(rest)), 1e-6)
    before, after = np.vstack([matrix, rest]), np.vstack([turned, rest])
    change = np.linalg.inv(before) @ np.diag([*stretch, 1.0]) @ after
    return _lit(cv2.LUT(image, _DENSITY), change.T)


def _lit(amounts: cv2.typing.MatLike, matrix: NDArray[np.floating]) -> Image:
    """Light, uint8 (H, W, 3), that amounts leave of which each has its column's density."""
    light = cv2.exp(cv2.transform(amounts, _SCALE * matrix))
    return np.asarray(cv2.convertScaleAbs(light, alpha=255), np.uint8)
