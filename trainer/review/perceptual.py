"""A perceptual hash that knows turned, mirrored, recoloured and slightly cropped copies.

The signs of an image's low spatial frequencies (pHash: Zauner, "Implementation and Benchmarking
of Perceptual Image Hash Functions", 2010, with 0 for the median). Mirroring a square changes the
signs of every second frequency, and turning it over its diagonal exchanges rows and columns, so
the hashes of all eight symmetries follow from one.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image

Hash: TypeAlias = NDArray[np.int8]
"""Signs -1, 0 or 1, int8 (10, 12, 12): of the whole image, then of nine 90 % crops of it."""

FREQUENCIES = 12
"""Kept along each axis; all but the first pair, the mean, are bits of the hash: 143."""

_SIDE = 128
"""The square that an image is reduced to, in pixels."""

_CROP = 0.9
_DCT_SIDE = 64

_GROUND = (0.6, 0.95)
"""Brightness from which ground fades out and at which it is gone, darkest to brightest 0..1."""

_GROUND_WIDTH = 5
"""Of the narrowest ground, in pixels of the reduced image: lumina stay."""


def of(image: Image) -> Hash:
    """An image's hash.

    Bright ground is filled with the rest's mean grey: the round cores on white glass of a
    tissue microarray would all look alike otherwise.

    Parameters
    ----------
    image
        RGB uint8 (H, W, 3), of any size.
    """
    square = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = _without_ground(np.asarray(square, np.uint8))
    side = round(_SIDE * _CROP)
    starts = (0, (_SIDE - side) // 2, _SIDE - side)
    crops = [grey[y : y + side, x : x + side] for y in starts for x in starts]
    return np.stack([_signs(window) for window in (grey, *crops)])


def distances(some: NDArray[np.int8], others: NDArray[np.int8]) -> NDArray[np.float32]:
    """Share of differing bits between whole images and the best window and symmetry of others.

    Parameters
    ----------
    some, others
        Hashes, (n, 10, 12, 12) and (m, 10, 12, 12).

    Returns
    -------
    float32 (n, m), 0 to 1; 0.5 is chance for one comparison.
    """
    bits = FREQUENCIES**2 - 1
    whole = some[:, 0].reshape(len(some), -1)[:, 1:].astype(np.float32)
    nearest = np.full((len(some), len(others)), -bits, np.float32)
    for turned in _symmetries(others):
        for window in range(others.shape[1]):
            other = turned[:, window].reshape(len(others), -1)[:, 1:].astype(np.float32)
            np.maximum(nearest, whole @ other.T, out=nearest)
    return np.asarray((1 - nearest / bits) / 2, np.float32)


def _symmetries(hashes: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    odd = np.where(np.arange(FREQUENCIES) % 2, -1, 1).astype(np.int8)
    upright = (hashes, hashes.swapaxes(-1, -2))
    mirrored = [turned * odd for turned in upright]
    return [one * flip for one in (*upright, *mirrored) for flip in (np.int8(1), odd[:, None])]


def _without_ground(square: Image) -> NDArray[np.float32]:
    """Grey, float32, the bright ground faded to the rest's mean."""
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    light = square.min(2).astype(np.float32)
    darkest, brightest = np.percentile(light, (1, 99))
    light = (light - darkest) / max(brightest - darkest, 1)
    ground = np.clip((light - _GROUND[0]) / (_GROUND[1] - _GROUND[0]), 0, 1)
    ground = cv2.morphologyEx(
        ground, cv2.MORPH_OPEN, np.ones((_GROUND_WIDTH, _GROUND_WIDTH), np.uint8)
    )
    rest = 1 - np.asarray(ground, np.float32)
    mean = float((grey * rest).sum()) / max(float(rest.sum()), 1.0)
    return np.asarray(grey * rest + mean * (1 - rest), np.float32)


def _signs(window: NDArray[np.float32]) -> NDArray[np.int8]:
    even = window - window.mean()
    small = cv2.resize(even, (_DCT_SIDE, _DCT_SIDE), interpolation=cv2.INTER_AREA)
    frequencies = np.asarray(cv2.dct(small))[:FREQUENCIES, :FREQUENCIES]
    # what rounding leaves of a blank image is no content
    return np.where(np.abs(frequencies) < 1e-2, 0, np.sign(frequencies)).astype(np.int8)
