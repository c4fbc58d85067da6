"""Merging units by the smallest bridge that looks like tissue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.tools.scene import Point, Scene
from trainer.tools.strokes import drawn, pixels_along
from trainer.tools.unit_at import Unit, unit_at
from trainer.tools.window import Pixel, around, edit, pixel, widened, within

_REACH = 256
"""Pixels around the narrowest place in which a gap is closed."""

_SLACK = 0.25
"""Of the gap: how much longer than the shortest way across a bridged pixel's may be."""

_SLACKS = (2.0, 8.0)
"""The least, so that the gap that a split has left closes wholly, and the greatest, in pixels."""


def merge(scene: Scene, first: Point, second: Point) -> Edit | None:
    """Join the units under two points.

    The bridge is the ground that lies on the shortest ways from one unit to the other, or on
    ways little longer: a whole slit between facing edges, a neck between round units.

    Returns
    -------
    None where the points are not in two units.
    """
    places = [pixel(one, scene.mask.shape) for one in (first, second)]
    return _joined(scene, [one for one in places if one is not None and scene.mask[one]])


def along(scene: Scene, stroke: Sequence[Point]) -> Edit | None:
    """Join the units that a stroke runs over, each with the next; `merge` says how."""
    return _joined(
        scene, [one for one in pixels_along(stroke, scene.mask.shape) if scene.mask[one]]
    )


def _joined(scene: Scene, places: list[Pixel]) -> Edit | None:
    """Join the units that hold the places, which are in units, in their order."""
    units: list[Unit] = []
    points: list[Pixel] = []
    for place in places:
        unit = None if units and units[-1].holds(place) else unit_at(scene.mask, place)
        if unit is not None:
            units.append(unit)
            points.append(place)
    if len(units) < 2:
        return None
    bridges = [_bridge(one, other, scene.mask.shape) for one, other in pairwise(units)]
    box = reduce(Box.union, (here for here, _ in bridges))
    after = box.of(scene.mask).copy()
    for here, bridge in bridges:
        after[within(here, box)] |= bridge
    return edit(scene, box, after, "merge", {"points": [list(one) for one in points]})


def _bridge(one: Unit, other: Unit, shape: tuple[int, ...]) -> tuple[Box, Mask]:
    """Ground between two units that joins them: where, and its pixels there."""
    here, there = _nearest(one, other)
    gap = float(np.hypot(*(here - there)))
    slack = float(np.clip(_SLACK * gap, *_SLACKS))
    line = [Point(*here.tolist()), Point(*there.tolist())]
    if gap > _REACH:
        # as wide as the ways from one pixel to another reach at their middle
        width = math.sqrt(2 * gap * slack)
        box = around(line, width, shape)
        return box, drawn(line, width, box)
    # further from one of the units, every way is longer
    near = math.ceil(gap + slack)
    box = reduce(
        Box.intersection,
        (widened(unit.box, near, shape) for unit in (one, other)),
        around(line, _REACH, shape),
    )
    ways = _distance(one.onto(box)) + _distance(other.onto(box))
    return box, (ways <= gap + slack).astype(np.uint8)


def _nearest(one: Unit, other: Unit) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each unit the pixel that is nearest to the other unit."""
    edges = [_outline(unit) for unit in (one, other)]
    gaps, nearest = KDTree(edges[1]).query(edges[0])
    first = int(np.argmin(gaps))
    return edges[0][first], edges[1][int(np.asarray(nearest)[first])]


def _outline(unit: Unit) -> NDArray[np.int64]:
    """The unit's pixels on its outer outline, (N, 2) as row and column on the image."""
    contours, _ = cv2.findContours(unit.inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = np.concatenate([one[:, 0] for one in contours]).astype(np.int64)
    return points[:, ::-1] + (unit.box.top, unit.box.left)


def _distance(inside: Mask) -> NDArray[np.float32]:
    found = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)
