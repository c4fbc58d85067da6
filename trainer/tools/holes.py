"""Filling the holes of one unit, or of all."""

from __future__ import annotations

from trainer.data.edits import Box, Edit
from trainer.data.shaping import without_holes
from trainer.tools.scene import Point, Scene
from trainer.tools.unit_at import unit_at
from trainer.tools.window import edit, pixel


def fill(scene: Scene, point: Point | None = None) -> Edit | None:
    """Fill every hole of the unit under a point, or of all units.

    A hole is ground that is enclosed by units; ground that only a corner connects with the
    outside is not enclosed, as units do not connect at corners.

    Parameters
    ----------
    scene
        What is edited.
    point
        In a unit, whose holes are then filled, or in a hole, which alone is; else everywhere.
    """
    if point is None:
        return edit(scene, Box.whole(scene.mask), without_holes(scene.mask), "fill holes")
    place = pixel(point, scene.mask.shape)
    if place is None:
        return None
    told = {"row": place[0], "column": place[1]}
    if scene.mask[place] == 0:
        hole = unit_at(1 - scene.mask, place, corners=True)
        if hole is None or _is_open(hole.box, scene.mask.shape):
            return None
        return edit(scene, hole.box, hole.box.of(scene.mask) | hole.inside, "fill holes", told)
    unit = unit_at(scene.mask, place)
    if unit is None:
        return None
    after = unit.box.of(scene.mask) | without_holes(unit.inside)
    return edit(scene, unit.box, after, "fill holes", told)


def _is_open(box: Box, shape: tuple[int, ...]) -> bool:
    """Whether ground with this box reaches the image's edge, and is no hole."""
    return box.top == 0 or box.left == 0 or box.bottom == shape[0] or box.right == shape[1]
