"""How a hand draws around a unit: roughly."""

from __future__ import annotations

import math

import cv2
import numpy as np

from trainer.tools.scene import Point
from trainer.tools.unit_at import Unit

_OUTSIDE = 0.05
"""Of the square root of the area: how far outside its outline a unit is drawn around."""

_COARSE = 0.08
"""Likewise: how far a straight stretch of the line may be from the outline."""

_TREMBLE = 0.04
"""Likewise: standard deviation of a corner's place, cut at twice that."""


def rough_lasso(unit: Unit) -> list[Point]:
    """A line around a unit with few corners, a little outside and trembling.

    The same unit is always drawn around in the same way.
    """
    size = math.sqrt(unit.area)
    margin = math.ceil(_OUTSIDE * size) + 1
    padded = cv2.copyMakeBorder(
        unit.inside, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0
    )
    reach = 2 * round(_OUTSIDE * size) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    contours, _ = cv2.findContours(
        cv2.dilate(padded, kernel), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    outline = max(contours, key=len)
    corners = np.asarray(cv2.approxPolyDP(outline, _COARSE * size, closed=True))[:, 0, ::-1]
    chance = np.random.default_rng([unit.box.top, unit.box.left, unit.area])
    tremble = np.clip(chance.standard_normal(corners.shape), -2, 2) * _TREMBLE * size
    places = corners - margin + (unit.box.top, unit.box.left) + tremble
    return [Point(float(row), float(column)) for row, column in places]
