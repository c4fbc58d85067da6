"""An image's way to a network's input size and back."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.data.case import Image


def fitted(shape: tuple[int, int], longer: int) -> tuple[int, int]:
    """(h, w) of an image of `shape` once its longer side is `longer` pixels."""
    scale = longer / max(shape)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def fit(image: Image, longer: int) -> Image:
    """The image with its longer side at `longer` pixels: area average, or linear to enlarge."""
    height, width = fitted((image.shape[0], image.shape[1]), longer)
    if (height, width) == image.shape[:2]:
        return image
    shrinks = height < image.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8)


def pad(image: Image, multiple: int) -> Image:
    """The image mirrored beyond its lower and right edge up to multiples of `multiple`."""
    height, width = image.shape[:2]
    padded = cv2.copyMakeBorder(
        image, 0, -height % multiple, 0, -width % multiple, cv2.BORDER_REFLECT_101
    )
    return np.asarray(padded, dtype=np.uint8)
