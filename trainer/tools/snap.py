"""Snapping a rough lasso to the nearest edge of the probability, or of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.tools.scene import Point, Scene
from trainer.tools.strokes import drawn, filled, resampled
from trainer.tools.window import around, edit

BAND = 0.3
"""Of the radius of a disc of the lasso's area: how far the outline may be from the lasso."""

_BANDS = (3.0, 96.0)
"""The least and the greatest band, in pixels."""

_POINTS = 180
"""Of an outline, at most; a shorter one has one every other pixel."""

_OFFSETS = 20
"""Places on each side of the lasso where the outline may run, at most."""

_DROP = 16.0
"""Of 255: less probability lost across the band is no edge, and the image is asked."""

_BEND = 0.15
"""What a step sideways between neighbours costs, of the strongest edge."""

_AWAY = 0.2
"""What the farthest place of the band costs, of the strongest edge."""

Path = NDArray[np.float64]


def snap(scene: Scene, lasso: Sequence[Point], *, erase: bool = False) -> Edit | None:
    """Make what a lasso surrounds a unit, or ground, whose outline lies on the nearest edge.

    Of all closed outlines within a band around the lasso the one with the most edge under it
    and the fewest bends is taken, by dynamic programming over the normals of the lasso [1]_.
    Edges are where probability falls outwards, or, without a prediction or where it is flat,
    where colour changes. Units that lie mostly within are replaced, others stay. To erase, an
    edge of the probability is also one where it rises outwards.

    Parameters
    ----------
    scene
        What is edited.
    lasso
        Closed by itself; three points or more.
    erase
        Whether it surrounds what is to go.

    Returns
    -------
    None also for a lasso without area on the image.

    References
    ----------
    .. [1] Amini, Weymouth and Jain, Using dynamic programming for solving variational problems
       in vision, IEEE TPAMI 12(9), 1990.
    """
    corners = np.asarray(lasso, float).reshape(-1, 2)
    area = _area(corners) if len(corners) > 2 else 0.0
    if abs(area) < 1:
        return None
    band = float(np.clip(BAND * math.sqrt(abs(area) / math.pi), *_BANDS))
    line = [Point(*place) for place in [*corners.tolist(), corners[0].tolist()]]
    box = around(line, band + 2, scene.mask.shape)
    if not box.of(scene.mask).size:
        return None
    free = drawn(line, 2 * band, box)
    rough = filled(line, box)
    outline = _snapped(scene, box, corners if area > 0 else corners[::-1], band, erase)
    fine = filled([Point(*place) for place in outline.tolist()], box)
    unit = np.where(free > 0, fine, rough)
    before = box.of(scene.mask)
    if erase:
        after = before & (1 - unit)
    else:
        after = _without_enclosed(before, free | rough, box, scene.mask.shape) | unit
    told = {"lasso": [[round(one, 2) for one in place] for place in corners.tolist()]}
    return edit(scene, box, after, "snap", {**told, "erase": erase})


def _area(corners: Path) -> float:
    """Of a polygon; positive where the normals of `_normals` point outwards."""
    after = np.roll(corners, -1, axis=0)
    return float((corners[:, 1] * after[:, 0] - corners[:, 0] * after[:, 1]).sum()) / 2


def _snapped(scene: Scene, box: Box, corners: Path, band: float, erase: bool) -> Path:
    """The best outline within the band, (N, 2) as row and column on the image."""
    length = float(np.hypot(*(np.roll(corners, -1, axis=0) - corners).T).sum())
    count = int(np.clip(length / 2, 8, _POINTS))
    line = _rounded(resampled(corners, count), count / 60)
    side = min(_OFFSETS, math.ceil(band))
    offsets = np.linspace(-band, band, 2 * side + 1)
    places = line[:, None] + offsets[:, None] * _normals(line)[:, None]
    edges = _edges(scene, box, places, erase)
    away = _AWAY * (offsets / band) ** 2
    chosen = _cheapest(away - edges)
    return _rounded(places[np.arange(count), chosen], 0.7)


def _normals(line: Path) -> Path:
    ahead = np.roll(line, -1, axis=0) - np.roll(line, 1, axis=0)
    ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    return np.stack((-ahead[:, 1], ahead[:, 0]), axis=1)


def _rounded(line: Path, deviation: float) -> Path:
    """A closed line blurred along itself, by a Gaussian in points."""
    reach = min(math.ceil(3 * deviation), len(line) // 2)
    steps = np.arange(-reach, reach + 1)
    weights = np.exp(-(steps**2) / (2 * max(deviation, 1e-6) ** 2))
    weights /= weights.sum()
    rolled = [
        weight * np.roll(line, step, axis=0) for weight, step in zip(weights, steps, strict=True)
    ]
    return np.sum(rolled, axis=0)


def _edges(scene: Scene, box: Box, places: Path, erase: bool) -> Path:
    """Strength of the edge at each place, (N, K), 0 to about 1."""
    if scene.levels is not None:
        values = _looked_up(box.of(scene.levels), box, places)
        drops = values[:, 0] - values[:, -1]
        if float(np.median(np.abs(drops) if erase else drops)) >= _DROP:
            falls = -np.gradient(values, axis=1)
            return _scaled(np.abs(falls) if erase else np.maximum(falls, 0))
    part = scene.image[box.top : box.bottom, box.left : box.right]
    lab = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2LAB)
    calm = np.asarray(cv2.GaussianBlur(lab, (0, 0), 2))
    changes = [
        np.abs(np.gradient(_looked_up(calm[..., channel], box, places), axis=1))
        for channel in range(3)
    ]
    return _scaled(np.sum(changes, axis=0))


def _looked_up(part: NDArray[np.generic], box: Box, places: Path) -> Path:
    rows, columns = (places - (box.top, box.left)).astype(np.float32).transpose(2, 0, 1)
    source = np.ascontiguousarray(part, np.float32)
    found = cv2.remap(source, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float64)


def _scaled(strength: Path) -> Path:
    # the strongest of each normal, so that a weak stretch of the outline counts as well
    top = np.maximum(strength.max(axis=1, keepdims=True), 1e-9)
    common = max(float(np.median(top)), 1e-9)
    return strength / np.maximum(top, common / 2)


def _cheapest(costs: Path) -> NDArray[np.intp]:
    """The closed path through the rows, one place each, that costs least."""
    # walked twice round, the middle is free of where it began
    turn = len(costs) // 2
    free = _path(np.roll(costs, turn, axis=0))
    start = int(free[len(costs) - turn])
    tied = costs.copy()
    tied[0] = np.inf
    tied[0, start] = costs[0, start]
    looped = _path(np.concatenate((tied, tied[:1])))
    return looped[:-1]


def _path(costs: Path) -> NDArray[np.intp]:
    """The path from the first row to the last that costs least; neighbours differ by 2 at most."""
    steps = np.arange(-2, 3)
    width = costs.shape[1]
    reached = np.arange(width)[None] + steps[:, None]
    inside = (reached >= 0) & (reached < width)
    reached = reached.clip(0, width - 1)
    bends = np.where(inside, _BEND * np.abs(steps)[:, None], np.inf)
    total, came = costs[0], np.zeros(costs.shape, np.intp)
    every = np.arange(width)
    for row in range(1, len(costs)):
        ways = total[reached] + bends
        best = ways.argmin(axis=0)
        came[row] = reached[best, every]
        total = ways[best, every] + costs[row]
    path = np.empty(len(costs), np.intp)
    path[-1] = int(total.argmin())
    for row in range(len(costs) - 1, 0, -1):
        path[row - 1] = came[row, path[row]]
    return path


def _without_enclosed(before: Mask, around_it: Mask, box: Box, shape: tuple[int, ...]) -> Mask:
    """The mask of a window without the units that lie mostly within a lasso and its band."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(before, connectivity=4)
    within = np.bincount(numbers[around_it > 0], minlength=count)
    goes = 2 * within > stats[:, cv2.CC_STAT_AREA]
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    # a unit that leaves the window is larger than the lasso, unless it ends with the image
    goes &= (left > 0) | (box.left == 0)
    goes &= (top > 0) | (box.top == 0)
    goes &= (right < before.shape[1]) | (box.right == shape[1])
    goes &= (bottom < before.shape[0]) | (box.bottom == shape[0])
    goes[0] = False
    return before & (1 - goes.astype(np.uint8)[numbers])
