"""Random changes of a crop's colours, the mask untouched."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.data.case import Image
from trainer.settings import Changes
from trainer.train.chance import either, factor

_GREY = np.array([0.299, 0.587, 0.114])
"""What a colour's brightness is made of (ITU-R BT.601)."""


def changed(image: Image, changes: Changes, rng: np.random.Generator) -> Image:
    """Brightness, contrast and saturation as one matrix; then hue, HSV and gamma.

    Parameters
    ----------
    image
        RGB uint8 (h, w, 3); left as it is.
    changes
        Its organ's.
    rng
        All chance.
    """
    brightness, contrast, saturation = (
        1 + either(change, rng)
        for change in (changes.brightness, changes.contrast, changes.saturation)
    )
    image = _mixed(image, brightness, contrast, saturation)
    turn = either(changes.hue, rng)
    hue, saturation, value = (either(changes.hsv, rng) for _ in "hsv")
    image = _in_hsv(image, (hue + turn, saturation, value))
    return _curved(image, factor(changes.gamma, rng))


def _mixed(image: Image, brightness: float, contrast: float, saturation: float) -> Image:
    """As torchvision's three adjustments one after the other, but for the clipping between."""
    if brightness == contrast == saturation == 1:
        return image
    grey = float(np.array(cv2.mean(image)[:3]) @ _GREY)
    mix = saturation * np.eye(3) + (1 - saturation) * np.tile(_GREY, (3, 1))
    rest = np.full((3, 1), (1 - contrast) * brightness * grey)
    matrix = np.column_stack([contrast * brightness * mix, rest])
    return np.asarray(cv2.transform(image, matrix), np.uint8)


def _in_hsv(image: Image, moves: tuple[float, float, float]) -> Image:
    """Hue turned, saturation and value moved, in parts of their range."""
    if not any(moves):
        return image
    levels = np.arange(256)
    turned = (levels + round(256 * moves[0])) % 256
    moved = (np.clip(levels + round(255 * move), 0, 255) for move in moves[1:])
    table = np.stack([turned, *moved], axis=-1).astype(np.uint8)[:, None]
    hsv = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL), table)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL), np.uint8)


def _curved(image: Image, exponent: float) -> Image:
    if exponent == 1:
        return image
    levels = 255 * (np.arange(256) / 255) ** exponent
    return np.asarray(cv2.LUT(image, np.rint(levels).astype(np.uint8)), np.uint8)
