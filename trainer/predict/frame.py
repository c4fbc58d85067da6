"""An image's way to a network's input size and back."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.data.case import Image


def fitted(shape: tuple[int, int], longer: int) -> tuple[int, int]:
    """(h, w) of an image of `shape` once its longer side is `longer` pixels."""
    return scaled(shape, longer / max(shape))


def scaled(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """(h, w) of an image of `shape` once it is `scale` times as large; no side vanishes."""
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def fit(image: Image, longer: int) -> Image:
    """The image with its longer side at `longer` pixels: area average, or linear to enlarge."""
    return resized(image, fitted((image.shape[0], image.shape[1]), longer))


def resized(image: Image, shape: tuple[int, int]) -> Image:
    """The image at (h, w): area average where a side shrinks, else linear."""
    height, width = shape
    if (height, width) == image.shape[:2]:
        return image
    shrinks = height < image.shape[0] or width < image.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8)


def pad(image: Image, multiple: int, least: int = 0) -> Image:
    """The image mirrored beyond its lower and right edge up to multiples of `multiple`.

    Sides grow to `least` pixels at the least, itself such a multiple. Not a copy where nothing
    is missing.
    """
    height, width = image.shape[:2]
    below = max(-height % multiple, least - height)
    right = max(-width % multiple, least - width)
    if not (below or right):
        return np.ascontiguousarray(image)
    padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    return np.asarray(padded, dtype=np.uint8)
