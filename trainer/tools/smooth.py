"""Smoothing outlines, of one unit or of all."""

from __future__ import annotations

import math

import cv2
import numpy as np

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.tools.scene import Point, Scene
from trainer.tools.unit_at import unit_at
from trainer.tools.window import edit, pixel, widened

_FINE = 1.0
"""Samples that a radius needs; of a larger one the mask is blurred at a reduced size."""


def smooth(scene: Scene, point: Point | None, radius_um: float) -> Edit | None:
    """Round off what is smaller than a radius along the outline of a unit, or of all.

    The mask is blurred by a Gaussian of this standard deviation and cut at one half. A unit
    that would vanish stays as it is, and one unit that is smoothed stays apart from the others.

    Parameters
    ----------
    scene
        What is edited.
    point
        In the unit; all units if not given.
    radius_um
        In µm; in pixels where the case's pixel size is unknown.
    """
    radius = radius_um / (scene.pixel_size or 1.0)
    if radius <= 0:
        return None
    told: dict[str, float] = {"radius_um": float(radius_um)}
    if point is None:
        box = Box.whole(scene.mask)
        if not scene.mask.size:
            return None
        return edit(
            scene, box, _with_the_lost(scene.mask, rounded(scene.mask, radius)), "smooth", told
        )
    place = pixel(point, scene.mask.shape)
    unit = None if place is None else unit_at(scene.mask, place)
    if unit is None or place is None:
        return None
    box = widened(unit.box, math.ceil(3 * radius) + 1, scene.mask.shape)
    own, before = unit.onto(box), box.of(scene.mask)
    after = rounded(own, radius)
    if not after.any():
        return None
    others = before & (1 - own)
    grown = cv2.dilate(_larger(others, math.pi * radius**2), np.ones((3, 3), np.uint8))
    near = np.asarray(grown, np.uint8)
    told |= {"row": place[0], "column": place[1]}
    return edit(scene, box, others | (after & (1 - near)) | (after & own), "smooth", told)


def _larger(mask: Mask, least: float) -> Mask:
    """The mask's pieces of an area, or cut by its edge; smaller ones are what is smoothed away."""
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    ends = stats[:, :2] + stats[:, 2:4]
    at_edge = (stats[:, :2] == 0).any(axis=1) | (ends == mask.shape[::-1]).any(axis=1)
    stays = (stats[:, cv2.CC_STAT_AREA] >= least) | at_edge
    stays[0] = False
    return stays.astype(np.uint8)[numbers]


def rounded(mask: Mask, radius: float) -> Mask:
    """The mask with rounded outlines, uint8 0 or 1; `radius` in pixels.

    Beyond the image the mask goes on as it is at the edge.
    """
    gap = max(1, int(radius / _FINE))
    height, width = mask.shape
    size = (math.ceil(width / gap), math.ceil(height / gap))
    coarse = cv2.resize(mask * np.uint8(255), size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(coarse, (0, 0), radius / gap, borderType=cv2.BORDER_REPLICATE)
    fine = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    _, after = cv2.threshold(fine, 127, 1, cv2.THRESH_BINARY)
    return np.asarray(after, np.uint8)


def _with_the_lost(before: Mask, after: Mask) -> Mask:
    """The smoothed mask, with the units of the mask before that have nothing left in it."""
    contours, _ = cv2.findContours(before, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        left, top, width, height = cv2.boundingRect(contour)
        box = Box(top, left, top + height, left + width)
        if not (box.of(before) & box.of(after)).any():
            box.of(after)[:] |= box.of(before)
    return after
