"""What optics, scanners and files do to a crop; the mask untouched.

Cutout: DeVries and Taylor, "Improved regularization of convolutional neural networks with
Cutout" (2017): what is hidden is to be told from its surroundings.
"""

from __future__ import annotations

import cv2
import numpy as np

from trainer.data.case import Image
from trainer.settings import Changes
from trainer.train.chance import amount, happens


def changed(
    image: Image, changes: Changes, coarser: float | None, rng: np.random.Generator
) -> Image:
    """Coarser, blurred, grained, compressed, a hole cut out: in the order of a picture's making.

    Parameters
    ----------
    image
        RGB uint8 (h, w, 3); left as it is.
    changes
        Its organ's.
    coarser
        Share of its side that another scanner's pixels would leave; None where unknown.
    rng
        All chance.
    """
    wanted = changes.coarser is not None and happens(changes.coarser.probability, rng)
    if wanted and coarser is not None and coarser < 1:
        image = _shrunk(image, coarser)
    image = _shrunk(image, 1 - amount(changes.downscale, rng))
    if sigma := amount(changes.blur, rng):
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    image = _grained(image, amount(changes.noise, rng), rng)
    if loss := amount(changes.jpeg, rng):
        image = _compressed(image, max(1, round(100 * (1 - loss))))
    return _cut_out(image, amount(changes.cutout, rng), rng)


def _shrunk(image: Image, share: float) -> Image:
    """Shrunk to a share of its side, and enlarged again."""
    height, width = image.shape[:2]
    size = (max(1, round(share * width)), max(1, round(share * height)))
    if size == (width, height):
        return image
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _grained(image: Image, deviation: float, rng: np.random.Generator) -> Image:
    if deviation == 0:
        return image
    grain = rng.standard_normal(image.shape, np.float32) * np.float32(255 * deviation)
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U), np.uint8)


def _compressed(image: Image, quality: int) -> Image:
    done, text = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "OpenCV always has a JPEG encoder"
    return np.asarray(cv2.imdecode(text, cv2.IMREAD_COLOR_RGB), np.uint8)


def _cut_out(image: Image, share: float, rng: np.random.Generator) -> Image:
    """A square anywhere, also half outside, in the crop's mean colour."""
    if share == 0:
        return image
    height, width = image.shape[:2]
    half = max(1, round(share * min(height, width) / 2))
    row, column = int(rng.integers(height)), int(rng.integers(width))
    holed = image.copy()
    rows = slice(max(0, row - half), row + half)
    holed[rows, max(0, column - half) : column + half] = np.rint(cv2.mean(image)[:3])
    return holed
