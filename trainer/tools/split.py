"""Splitting a unit: along a drawn stroke, or where it is narrowest between two clicks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.tools.scene import Point, Scene
from trainer.tools.strokes import drawn
from trainer.tools.unit_at import Unit, unit_at
from trainer.tools.window import Pixel, around, clipped, edit, pixel

WIDTH = 3.0
"""Of a cut, in pixels: the least that keeps pieces apart at corners too, however it runs."""

_STRIDE = 5
"""Pixels on each side that a climber looks at, so that grain does not stop him."""


def along(scene: Scene, stroke: Sequence[Point], width: float = WIDTH) -> Edit | None:
    """Cut every unit that a stroke runs over.

    An end that lies within a unit is drawn out straight to the unit's edge, so that a stroke
    across a unit parts it though it falls short.

    Parameters
    ----------
    scene
        What is edited.
    stroke
        Two points or more.
    width
        Of the cut, in pixels, from `WIDTH`.
    """
    places = np.asarray(stroke, float).reshape(-1, 2)
    if len(places) < 2:
        return None
    head, tail = (_end(scene.mask, one) for one in (places[::-1], places))
    line = [Point(*one) for one in np.concatenate(([head], places, [tail])).tolist()]
    box = around(line, width + 1, scene.mask.shape)
    if not box.of(scene.mask).size:
        return None
    cut = drawn(line, max(width, WIDTH), box)
    told = {"stroke": [[round(one, 2) for one in place] for place in places.tolist()]}
    return edit(scene, box, box.of(scene.mask) & (1 - cut), "split", told | {"width": width})


def _end(mask: Mask, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The last of the points, or where the line leaves the unit if it is drawn out."""
    last = places[-1]
    if (seed := pixel(Point(*last), mask.shape)) is None or not mask[seed]:
        return last
    # a hand trembles: the direction is that of the last stretch, not of the last pixel
    away = places[np.hypot(*(places - last).T) > 0]
    if not len(away):
        return last
    far = away[np.hypot(*(away - last).T) >= 8]
    step = last - (far[-1] if len(far) else away[0])
    step /= np.abs(step).max()
    reach = np.arange(1, 2 * max(mask.shape))[:, None]
    ahead = np.floor(last + step * reach + 0.5).astype(int)
    inside = ((ahead >= 0) & (ahead < mask.shape)).all(axis=1)
    ahead = ahead[: int(np.argmin(inside))] if not inside.all() else ahead
    out = np.flatnonzero(mask[ahead[:, 0], ahead[:, 1]] == 0)
    steps = out[0] + 1 if len(out) else len(ahead)
    return last + step * (steps + 1)


def between(scene: Scene, first: Point, second: Point) -> Edit | None:
    """Cut the unit that holds two clicks where it is narrowest between them.

    A watershed of two markers [1]_: the relief is the distance from the outline, times the
    probability where there is one. It is flooded from the clicks; at the pass where the two
    lakes meet runs the cut, on from there at equal distance from both lakes.

    Returns
    -------
    None where the points are not two of one unit.

    References
    ----------
    .. [1] Meyer and Beucher, Morphological segmentation, Journal of Visual Communication and
       Image Representation 1(1), 1990.
    """
    seeds = pixel(first, scene.mask.shape), pixel(second, scene.mask.shape)
    if seeds[0] is None or seeds[1] is None or seeds[0] == seeds[1]:
        return None
    unit = unit_at(scene.mask, seeds[0])
    if unit is None or not unit.holds(seeds[1]):
        return None
    inner = [(row - unit.box.top, column - unit.box.left) for row, column in (seeds[0], seeds[1])]
    lakes = _lakes(_relief(unit, scene.levels), inner[0], inner[1])
    after = unit.box.of(scene.mask) & (1 - shore(unit.inside, lakes))
    told = {"points": [list(one) for one in (seeds[0], seeds[1])]}
    return edit(scene, unit.box, after, "split", told)


def shore(inside: Mask, lakes: NDArray[np.int32]) -> Mask:
    """The cut that gives every pixel of a unit to the nearest lake: uint8 0 or 1.

    Parameters
    ----------
    inside
        The unit, uint8 0 or 1 (h, w).
    lakes
        Number of the lake that a pixel is in, from 1, or 0; int32 (h, w).
    """
    _, nearest = cv2.distanceTransformWithLabels(
        (lakes == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    nearest, wet = np.asarray(nearest, np.int32), lakes > 0
    number = np.zeros(int(nearest.max()) + 1, np.float32)
    number[nearest[wet]] = lakes[wet]
    owner, kernel = number[nearest], np.ones((3, 3), np.uint8)
    # two pixels wide or more: pixels left of two owners are not even neighbours at a corner
    edge = np.asarray(cv2.dilate(owner, kernel)) != np.asarray(cv2.erode(owner, kernel))
    return (edge & (inside > 0)).astype(np.uint8)


def _relief(unit: Unit, levels: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Height inland, 1 to 255 within the unit, 0 outside."""
    padded = cv2.copyMakeBorder(unit.inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    height = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5))[1:-1, 1:-1]
    if levels is not None:
        height = height * unit.box.of(levels)
    top = float(height.max()) or 1.0
    return np.asarray(np.ceil(height * (254 / top)) + 1, np.uint8) * unit.inside


def _lakes(relief: NDArray[np.uint8], first: Pixel, second: Pixel) -> NDArray[np.int32]:
    """The two lakes just before they meet; the clicks themselves where no pass is between."""
    lakes = np.zeros(relief.shape, np.int32)
    lakes[first], lakes[second] = 1, 2
    tops = _uphill(relief, first), _uphill(relief, second)
    joined, apart = 0, int(min(relief[tops[0]], relief[tops[1]])) + 1
    while apart - joined > 1:
        middle = (joined + apart) // 2
        one, other = (unit_at(relief, top, middle) for top in tops)
        if one is None or other is None or one.holds(tops[1]):
            joined = middle
            continue
        apart, box = middle, Box.whole(relief)
        lakes = one.onto(box) + 2 * other.onto(box).astype(np.int32)
    return lakes


def _uphill(relief: NDArray[np.uint8], place: Pixel) -> Pixel:
    """The summit above a click, so that one near the outline means the whole hill."""
    while True:
        box = clipped(Box(place[0] - _STRIDE, place[1] - _STRIDE, place[0] + _STRIDE + 1,
                          place[1] + _STRIDE + 1), relief.shape)  # fmt: skip
        near = box.of(relief)
        row, column = np.unravel_index(int(near.argmax()), near.shape)
        if near[row, column] <= relief[place]:
            return place
        place = box.top + int(row), box.left + int(column)
