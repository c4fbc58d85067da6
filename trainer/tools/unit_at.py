"""The connected unit at a place, found without looking at the rest of the image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box
from trainer.tools.window import Pixel, within

_REACH = 64
"""Pixels on each side of the place that are looked at first."""


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One connected component (pixels that touch only at a corner do not connect).

    Attributes
    ----------
    box
        Its bounding box.
    inside
        Its pixels within the box, uint8 0 or 1.
    """

    box: Box
    inside: Mask

    @property
    def area(self) -> int:
        """In pixels."""
        return cv2.countNonZero(self.inside)

    def holds(self, place: Pixel) -> bool:
        """Whether a pixel is one of the unit's."""
        row, column = place[0] - self.box.top, place[1] - self.box.left
        inside = 0 <= row < self.inside.shape[0] and 0 <= column < self.inside.shape[1]
        return inside and bool(self.inside[row, column])

    def onto(self, box: Box) -> Mask:
        """The unit's pixels within another box, uint8 0 or 1 of that box's size."""
        canvas = np.zeros((box.bottom - box.top, box.right - box.left), np.uint8)
        both = box.intersection(self.box)
        canvas[within(both, box)] = self.inside[within(both, self.box)]
        return canvas


def unit_at(
    image: NDArray[np.uint8], place: Pixel, level: int = 1, *, corners: bool = False
) -> Unit | None:
    """The connected component of ``image >= level`` that holds a pixel.

    The window that is looked at grows until the component fits, so the cost is the
    component's, not the image's.

    Parameters
    ----------
    image
        A mask, or levels of probability, uint8 (H, W).
    place
        On the image.
    level
        From 1.
    corners
        Whether pixels that touch only at a corner connect, as those of the ground do.

    Returns
    -------
    None where the pixel itself is below the level.
    """
    if image[place] < level:
        return None
    row, column = place
    top, left, bottom, right = _clip(
        (row - _REACH, column - _REACH, row + _REACH + 1, column + _REACH + 1), image.shape
    )
    while True:
        found = flood(image[top:bottom, left:right], (row - top, column - left), level, corners)
        reach = max(bottom - top, right - left)
        inner = found.box
        wanted = (
            top - reach * (inner.top == 0),
            left - reach * (inner.left == 0),
            bottom + reach * (inner.bottom == bottom - top),
            right + reach * (inner.right == right - left),
        )
        wider = _clip(wanted, image.shape)
        if wider == (top, left, bottom, right):
            box = Box(top + inner.top, left + inner.left, top + inner.bottom, left + inner.right)
            return Unit(box, np.ascontiguousarray(inner.of(found.inside)))
        top, left, bottom, right = wider


@dataclass(frozen=True, slots=True, eq=False)
class Flood:
    """A component within a window: its pixels there (uint8 0 or 1), its box, its area."""

    inside: Mask
    box: Box
    area: int


def flood(part: NDArray[np.uint8], seed: Pixel, level: int, corners: bool = False) -> Flood:
    """The component of ``part >= level`` that holds a seed, as far as the window goes."""
    _, above = cv2.threshold(part, level - 1, 1, cv2.THRESH_BINARY)
    flooded = np.zeros((above.shape[0] + 2, above.shape[1] + 2), np.uint8)
    flags = (8 if corners else 4) | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    area, _, _, (x, y, width, height) = cv2.floodFill(
        above, flooded, (seed[1], seed[0]), 1, flags=flags
    )
    return Flood(flooded[1:-1, 1:-1], Box(y, x, y + height, x + width), area)


def _clip(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    top, left, bottom, right = box
    return max(top, 0), max(left, 0), min(bottom, shape[0]), min(right, shape[1])
