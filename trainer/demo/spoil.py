"""Wrong truths, as hurried annotators leave them: a unit missed, two merged, one shifted."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask

Units = NDArray[np.int32]
"""Units numbered from 1, (H, W)."""


def missed(units: Units) -> Mask:
    """The truth without its largest unit."""
    return ((units > 0) & (units != _by_area(units)[-1])).astype(np.uint8)


def merged(units: Units) -> Mask:
    """The truth with two large neighbours joined into one."""
    by_area = _by_area(units)
    centres = {number: _centre(units, number) for number in by_area[len(by_area) // 2 :]}
    pairs = [(a, b) for a in centres for b in centres if a < b]
    first, second = min(pairs, key=lambda pair: np.hypot(*(centres[pair[0]] - centres[pair[1]])))
    both = np.isin(units, (first, second))
    hull = cv2.convexHull(np.argwhere(both)[:, ::-1].astype(np.int32))
    mask = (units > 0).astype(np.uint8)
    cv2.fillConvexPoly(mask, hull, 1)
    return mask


def shifted(units: Units) -> Mask:
    """The truth with its largest unit moved by half its width towards the middle."""
    number = _by_area(units)[-1]
    one = (units == number).astype(np.uint8)
    width = 2 * np.sqrt(one.sum() / np.pi)
    towards = np.array(units.shape[::-1]) / 2 - _centre(units, number)
    step = 0.5 * width * towards / max(float(np.hypot(*towards)), 1e-6)
    move = np.array([[1, 0, step[0]], [0, 1, step[1]]], np.float32)
    moved = cv2.warpAffine(one, move, units.shape[::-1], flags=cv2.INTER_NEAREST)
    return (((units > 0) & (one == 0)) | (moved > 0)).astype(np.uint8)


SPOILERS: dict[str, Callable[[Units], Mask]] = {
    "missed": missed,
    "merged": merged,
    "shifted": shifted,
}


def _by_area(units: Units) -> list[int]:
    areas = np.bincount(units.ravel())
    areas[0] = 0
    return [int(number) for number in np.argsort(areas, kind="stable") if areas[number] > 0]


def _centre(units: Units, number: int) -> NDArray[np.float64]:
    """x, y of the unit's middle in pixels."""
    return np.argwhere(units == number)[:, ::-1].mean(0)
