"""Picking a unit: a click adds what is predicted there or removes what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Edit
from trainer.predict.postprocess import lowest_level
from trainer.tools.level_sets import level_after, stable_level
from trainer.tools.scene import Point, Scene
from trainer.tools.unit_at import unit_at
from trainer.tools.window import Pixel, edit, pixel

LOWEST = 8
"""Of 255: a place of less than 3 % probability has no predicted unit."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A predicted unit that lies on the mask until another step of the wheel, or for good.

    Attributes
    ----------
    level
        Of 255: the unit is what is connected with the click at this probability and above.
    edit
        From the mask before the pick to the mask with the unit in it.
    """

    level: int
    edit: Edit


def at(scene: Scene, point: Point) -> Literal["remove", "add", "nothing"]:
    """What a click would do."""
    place = pixel(point, scene.mask.shape)
    if place is None:
        return "nothing"
    if scene.mask[place]:
        return "remove"
    return "add" if scene.levels is not None and scene.levels[place] >= LOWEST else "nothing"


def remove(scene: Scene, point: Point) -> Edit | None:
    """Take away the mask's unit under a point."""
    place = pixel(point, scene.mask.shape)
    unit = None if place is None else unit_at(scene.mask, place)
    if unit is None:
        return None
    return edit(
        scene, unit.box, unit.box.of(scene.mask) & (1 - unit.inside), "remove", _told(point)
    )


def add(scene: Scene, point: Point, level: int | None = None) -> Picked | None:
    """Add the predicted unit under a point, though it may lie under the threshold.

    Parameters
    ----------
    scene
        What is edited.
    point
        Beside the mask's units.
    level
        Of 255, from which a pixel belongs to the unit. If not given, the threshold's where the
        point is above it, else the one at which the unit's outline is most stable.

    Returns
    -------
    None where a unit is already, or nothing is predicted.
    """
    place = pixel(point, scene.mask.shape)
    levels = scene.levels
    if place is None or levels is None or at(scene, point) != "add":
        return None
    if level is None:
        level = lowest_level(scene.threshold)
        if levels[place] < level:
            level = stable_level(levels, place, LOWEST, avoiding=scene.mask)
    return _picked(scene, levels, place, level)


def grow(scene: Scene, point: Point, level: int | None, by: int) -> Picked | None:
    """Grow or shrink the unit under a point along the probability's level sets.

    Parameters
    ----------
    scene
        What is edited, as it was before the pick.
    point
        Where a unit is picked, or one of the mask's units, which is then replaced.
    level
        The unit's now, of 255; that of the threshold if not given.
    by
        Steps outwards, negative ones inwards; each changes the area by a few per cent.

    Returns
    -------
    None where it cannot go farther, or nothing is predicted.
    """
    place = pixel(point, scene.mask.shape)
    levels = scene.levels
    if place is None or levels is None or levels[place] < LOWEST:
        return None
    now = min(lowest_level(scene.threshold) if level is None else level, int(levels[place]))
    wanted = level_after(levels, place, now, by, LOWEST)
    return None if wanted == now else _picked(scene, levels, place, wanted)


def _picked(scene: Scene, levels: NDArray[np.uint8], place: Pixel, level: int) -> Picked | None:
    unit = unit_at(levels, place, level)
    if unit is None:
        return None
    box, before = unit.box, unit_at(scene.mask, place)
    if before is not None:
        box = box.union(before.box)
    after: Mask = box.of(scene.mask) | unit.onto(box)
    if before is not None:
        after &= (1 - before.onto(box)) | unit.onto(box)
    told = {"row": place[0], "column": place[1], "level": level}
    found = edit(scene, box, after, "add" if before is None else "grow", told)
    return None if found is None else Picked(level, found)


def _told(point: Point) -> dict[str, float]:
    return {"row": round(float(point.row), 2), "column": round(float(point.column), 2)}
