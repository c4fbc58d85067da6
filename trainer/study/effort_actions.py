"""What a reviewer who sees every difference could do next, through the window's own tools."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.study.effort_hand import rough_lasso
from trainer.tools import brush, holes, merge, pick, smooth, snap, split
from trainer.tools.scene import Point, Scene
from trainer.tools.unit_at import Unit
from trainer.tools.window import widened

_WHEEL = (-2, -1, 1, 2)
"""Steps of the wheel that are tried at a place."""

_SMOOTH = (2.0, 5.0)
"""Radii that are tried, in pixels."""

_REACHES = (1.3, 2.5)
"""Of the smart brush: times the radius of the largest disc in a difference."""

_SLIGHT = 1 / 500
"""Of the reference: a smaller difference is not worth an action of its own."""

_RIM = 1 / 400
"""Of the longer side: half the width of a difference that no lasso is drawn around."""

_MARGIN = 24
"""Pixels around a unit within which a change may alter what its tools do."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One thing that could be done.

    Attributes
    ----------
    key
        Alike for the same gesture at the same place.
    site
        While the mask stays as it is here, so does what the gesture does.
    cost
        Actions: 1 for a click, a stroke or a lasso, and 1 for each step of the wheel.
    act
        Does it: scene to edit.
    """

    key: Hashable
    site: Box
    cost: int
    act: Callable[[Scene], Edit | None]


def proposals(scene: Scene, reference: list[Unit], truth: Mask) -> Iterator[Proposal]:
    """Everything worth trying with the tools at the differences that are left.

    Parameters
    ----------
    scene
        As it is.
    reference
        The reference's units.
    truth
        The reference.
    """
    slight = max(4.0, _SLIGHT * sum(unit.area for unit in reference))
    units = units_of(scene.mask)
    for unit in reference:
        yield from _of_reference(scene, unit, slight)
    for unit in units:
        yield from _of_unit(scene.mask.shape, unit, reference, truth, slight)
    for erase, differs in ((False, truth & (1 - scene.mask)), (True, scene.mask & (1 - truth))):
        yield from _drawing_around(differs, slight, erase)
    for unit in reference:
        yield from _merging(scene.mask.shape, unit, units, slight)
    yield from _everywhere(scene)


def units_of(mask: Mask) -> list[Unit]:
    """Every unit of a mask."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    found: list[Unit] = []
    for number in range(1, count):
        left, top, width, height = (int(one) for one in stats[number, :4])
        box = Box(top, left, top + height, left + width)
        inside = (numbers[top : top + height, left : left + width] == number).astype(np.uint8)
        found.append(Unit(box, inside))
    return found


def is_near(one: Box, other: Box, margin: int = 0) -> bool:
    """Whether two boxes overlap, or are less than a margin apart."""
    rows = one.top < other.bottom + margin and other.top < one.bottom + margin
    return rows and one.left < other.right + margin and other.left < one.right + margin


def deepest(inside: Mask, box: Box) -> tuple[Point, float]:
    """The pixel of a shape that is farthest from its outline, and how far that is."""
    padded = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return Point(box.top + int(row), box.left + int(column)), float(depth[row, column])


def _of_reference(scene: Scene, unit: Unit, slight: float) -> Iterator[Proposal]:
    """What brings one unit of the reference onto the mask."""
    lacking = unit.inside & (1 - unit.box.of(scene.mask))
    there = unit.inside & unit.box.of(scene.mask)
    site = widened(unit.box, _margin(unit), scene.mask.shape)
    own = cv2.countNonZero(unit.inside)
    surplus = _surplus(scene.mask, unit, site)
    if cv2.countNonZero(lacking) + surplus < slight:
        return
    lasso = rough_lasso(unit)
    yield Proposal(("snap", tuple(lasso)), site, 1, lambda scene: snap.snap(scene, lasso))
    for inside in (lacking, there):
        if cv2.countNonZero(inside) >= slight or 4 * cv2.countNonZero(inside) >= own:
            point, depth = deepest(inside, unit.box)
            yield from _picking(point, site)
            if inside is lacking:
                yield from _brushing(inside, unit.box, point, depth, site, erase=False)


def _surplus(mask: Mask, unit: Unit, site: Box) -> int:
    """Pixels of the mask about a unit that are not the unit's."""
    return cv2.countNonZero(site.of(mask) & (1 - unit.onto(site)))


def _margin(unit: Unit) -> int:
    return _MARGIN + round(0.4 * math.sqrt(unit.area))


def _picking(point: Point, site: Box) -> Iterator[Proposal]:
    """A click, and the wheel."""

    def turned(scene: Scene, steps: int) -> Edit | None:
        if scene.mask[int(point.row), int(point.column)]:
            grown = pick.grow(scene, point, None, steps)
        else:
            added = pick.add(scene, point)
            grown = added and pick.grow(scene, point, added.level, steps)
        return None if grown is None else grown.edit

    def clicked(scene: Scene) -> Edit | None:
        found = pick.add(scene, point)
        return None if found is None else found.edit

    yield Proposal(("add", point), site, 1, clicked)
    for steps in _WHEEL:
        yield Proposal(
            ("wheel", point, steps), site, 1 + abs(steps), lambda scene, n=steps: turned(scene, n)
        )


def _brushing(
    inside: Mask, box: Box, point: Point, depth: float, site: Box, *, erase: bool
) -> Iterator[Proposal]:
    """Touches and strokes of the smart brush over a difference."""
    far = _farthest(inside, box, point)
    for reach in _REACHES:
        radius = max(2.0, depth * reach)
        for stroke in ((point,), (point, far)):
            yield Proposal(
                ("smart brush", stroke, radius, erase),
                site,
                1,
                lambda scene, s=stroke, r=radius: brush.paint(scene, s, r, erase=erase),
            )


def _farthest(inside: Mask, box: Box, point: Point) -> Point:
    rows, columns = np.nonzero(inside)
    away = np.hypot(rows + box.top - point.row, columns + box.left - point.column)
    there = int(away.argmax())
    return Point(box.top + int(rows[there]), box.left + int(columns[there]))


def _of_unit(
    shape: tuple[int, ...], unit: Unit, reference: list[Unit], truth: Mask, slight: float
) -> Iterator[Proposal]:
    """What can be done to one unit of the mask."""
    surplus = unit.inside & (1 - unit.box.of(truth))
    site = widened(unit.box, _MARGIN, shape)
    point, _ = deepest(unit.inside, unit.box)
    if cv2.countNonZero(surplus) >= slight:
        yield Proposal(("remove", point), site, 1, lambda scene: pick.remove(scene, point))
        blob, depth = deepest(surplus, unit.box)
        yield from _brushing(surplus, unit.box, blob, depth, site, erase=True)
    elif unit.area < slight:
        return
    yield Proposal(("fill holes", point), site, 1, lambda scene: holes.fill(scene, point))
    for radius in _SMOOTH:
        yield Proposal(
            ("smooth", point, radius),
            site,
            1,
            lambda scene, r=radius: smooth.smooth(scene, point, r * (scene.pixel_size or 1.0)),
        )
    yield from _splitting(unit, reference, site, slight)


def _splitting(unit: Unit, reference: list[Unit], site: Box, slight: float) -> Iterator[Proposal]:
    """Two clicks or a stroke between parts of a unit that are two of the reference."""
    held = [part for other in reference if (part := _common(unit, other)) is not None]
    held = [part for part in held if part.area >= slight]
    for one, other in combinations(sorted(held, key=lambda part: -part.area)[:3], 2):
        if not is_near(one.box, other.box, _MARGIN):
            continue
        points = tuple(deepest(part.inside, part.box)[0] for part in (one, other))
        yield Proposal(("split", points), site, 1, lambda scene, p=points: split.between(scene, *p))
        stroke = _across(*points)
        yield Proposal(("cut", stroke), site, 1, lambda scene, s=stroke: split.along(scene, s))


def _common(unit: Unit, other: Unit) -> Unit | None:
    box = unit.box.intersection(other.box)
    inside = unit.onto(box) & other.onto(box)
    return Unit(box, inside) if inside.any() else None


def _across(first: Point, second: Point) -> tuple[Point, Point]:
    """A short stroke half way between two points, square to the way from one to the other."""
    middle = (first.row + second.row) / 2, (first.column + second.column) / 2
    rows, columns = second.row - first.row, second.column - first.column
    length = max(math.hypot(rows, columns), 1.0)
    half = length / 4
    aside = (-columns / length * half, rows / length * half)
    return (
        Point(middle[0] - aside[0], middle[1] - aside[1]),
        Point(middle[0] + aside[0], middle[1] + aside[1]),
    )


def _drawing_around(differs: Mask, slight: float, erase: bool) -> Iterator[Proposal]:
    """A lasso around each difference that is no mere rim."""
    side = 2 * max(1, round(_RIM * max(differs.shape))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    for blob in units_of(np.asarray(cv2.morphologyEx(differs, cv2.MORPH_OPEN, kernel), np.uint8)):
        if blob.area >= slight:
            lasso = rough_lasso(blob)
            yield Proposal(
                ("snap", tuple(lasso), erase),
                widened(blob.box, _margin(blob), differs.shape),
                1,
                lambda scene, line=lasso: snap.snap(scene, line, erase=erase),
            )


def _merging(
    shape: tuple[int, ...], unit: Unit, units: list[Unit], slight: float
) -> Iterator[Proposal]:
    """Joining the pieces of the mask that one unit of the reference holds."""
    pieces = [part for one in units if (part := _common(one, unit)) is not None]
    pieces = sorted((one for one in pieces if one.area >= slight), key=lambda one: -one.area)[:4]
    site = widened(unit.box, _MARGIN, shape)
    for one, other in combinations(pieces, 2):
        points = tuple(deepest(part.inside, part.box)[0] for part in (one, other))
        yield Proposal(("merge", points), site, 1, lambda scene, p=points: merge.merge(scene, *p))


def _everywhere(scene: Scene) -> Iterator[Proposal]:
    whole = Box.whole(scene.mask)
    yield Proposal(("fill holes",), whole, 1, holes.fill)
    for radius in _SMOOTH:
        yield Proposal(
            ("smooth", radius),
            whole,
            1,
            lambda scene, r=radius: smooth.smooth(scene, None, r * (scene.pixel_size or 1.0)),
        )
