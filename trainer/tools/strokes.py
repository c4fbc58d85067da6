"""Lines that a hand has drawn."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box
from trainer.tools.scene import Point
from trainer.tools.window import Pixel

_FINE = 4
"""Binary places of a pixel that lines are drawn with."""


_THIN = 5
"""Lines up to here are widened by hand: OpenCV draws one of 3 pixels 5 pixels wide."""


def drawn(stroke: Sequence[Point], width: float, box: Box) -> Mask:
    """Pixels of a box that a line of a width covers, with round ends, uint8 0 or 1."""
    canvas = np.zeros((box.bottom - box.top, box.right - box.left), np.uint8)
    points, thickness = _fine(stroke, box), max(1, round(width))
    is_fine = thickness <= _THIN
    drawn_as = 1 if is_fine else thickness
    cv2.polylines(canvas, [points], isClosed=False, color=1, thickness=drawn_as, shift=_FINE)
    if is_fine and thickness > 1:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thickness, thickness))
        return np.asarray(cv2.dilate(canvas, kernel), np.uint8)
    return canvas


def filled(lasso: Sequence[Point], box: Box) -> Mask:
    """Pixels of a box inside a closed line and on it, uint8 0 or 1."""
    canvas = np.zeros((box.bottom - box.top, box.right - box.left), np.uint8)
    cv2.fillPoly(canvas, [_fine(lasso, box)], 1, shift=_FINE)
    return canvas


def pixels_along(stroke: Sequence[Point], shape: tuple[int, ...]) -> list[Pixel]:
    """The pixels that a line passes over, in its order, those on the image only."""
    places = np.asarray(stroke, float).reshape(-1, 2)
    steps = np.diff(places, axis=0)
    pieces = [places[:1]]
    for start, step in zip(places, steps, strict=False):
        count = max(1, int(np.ceil(2 * np.abs(step).max())))
        pieces.append(start + step * np.arange(1, count + 1)[:, None] / count)
    rounded = np.floor(np.concatenate(pieces) + 0.5).astype(int)
    inside = ((rounded >= 0) & (rounded < shape[:2])).all(axis=1)
    rounded = rounded[inside]
    if not len(rounded):
        return []
    moves = np.concatenate(([True], (np.diff(rounded, axis=0) != 0).any(axis=1)))
    return [(row, column) for row, column in rounded[moves].tolist()]


def resampled(closed: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """As many points at equal steps along a closed line, (count, 2)."""
    ring = np.concatenate((closed, closed[:1]))
    lengths = np.hypot(*np.diff(ring, axis=0).T)
    along = np.concatenate(([0.0], np.cumsum(lengths)))
    wanted = np.arange(count) * along[-1] / count
    return np.stack([np.interp(wanted, along, ring[:, axis]) for axis in (0, 1)], axis=1)


def _fine(points: Sequence[Point], box: Box) -> NDArray[np.int32]:
    places = np.asarray(points, float).reshape(-1, 2) - (box.top, box.left)
    return np.rint(places[:, ::-1] * 2**_FINE).astype(np.int32)
