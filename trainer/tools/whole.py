"""A whole case's mask from its probability, by a few settings."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.data.shaping import without_holes, without_small
from trainer.predict.postprocess import cut
from trainer.tools.scene import Scene
from trainer.tools.split import shore
from trainer.tools.unit_at import unit_at
from trainer.tools.window import edit

_WAIST = 0.6
"""Of a unit's greatest half-width: where it is narrower between two wide parts, it is two."""

_SIDE = 768
"""Samples along the longer side on which waists are looked for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a mask is made by.

    Attributes
    ----------
    threshold
        Probability from which a pixel is inside, 0 to 1.
    min_area
        Of a unit, in µm²; in pixels where the case's pixel size is unknown. Smaller ones go.
    fill_holes
        Whether enclosed ground is filled.
    split
        Whether a unit is cut at its waist.
    """

    threshold: float = 0.5
    min_area: float = 0.0
    fill_holes: bool = False
    split: bool = False


def apply(scene: Scene, settings: Settings) -> Mask:
    """The mask that settings make of the scene's probability, uint8 (H, W); for a preview.

    Empty without a prediction. Holes are filled first, then units cut, then small ones dropped.
    """
    if scene.levels is None:
        return np.zeros_like(scene.mask)
    mask = cut(scene.levels, settings.threshold)
    if settings.fill_holes:
        mask = without_holes(mask)
    if settings.split:
        mask = _cut_at_waists(mask)
    least = settings.min_area / (scene.pixel_size or 1.0) ** 2
    return without_small(mask, math.ceil(least)) if least > 1 else mask


def keep(scene: Scene, settings: Settings) -> Edit | None:
    """Make the whole mask what the preview shows; None without a prediction."""
    if scene.levels is None:
        return None
    after = apply(scene, settings)
    return edit(scene, Box.whole(after), after, "whole case", asdict(settings))


def _cut_at_waists(mask: Mask) -> Mask:
    """The mask with each unit cut where it is narrow between two wide parts.

    The cores of a unit are where the distance to its outline is `_WAIST` of its greatest or
    more; a unit of several cores is cut at equal distance from them.
    """
    gap = max(1, math.ceil(max(mask.shape) / _SIDE))
    coarse = np.ascontiguousarray(mask[gap // 2 :: gap, gap // 2 :: gap])
    if not coarse.size:
        return mask
    count, units = _numbered(coarse)
    padded = cv2.copyMakeBorder(coarse, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inland = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5))[1:-1, 1:-1]
    inside = coarse > 0
    widest = np.zeros(count, np.float32)
    np.maximum.at(widest, units[inside], inland[inside])
    cores = (inland >= _WAIST * widest[units]) & inside
    number, core_of = _numbered(cores.astype(np.uint8))
    owner = np.zeros(number, np.int64)
    owner[core_of[cores]] = units[cores]
    parted = mask.copy()
    for unit in np.flatnonzero(np.bincount(owner[1:], minlength=count) > 1).tolist():
        _cut_unit(parted, np.where(units == unit, core_of, 0), gap)
    return parted


def _numbered(mask: Mask) -> tuple[int, NDArray[np.int32]]:
    """How many pieces there are with the ground, and the piece of each pixel, 0 the ground."""
    count, numbers = cv2.connectedComponents(mask, connectivity=4)
    return count, np.asarray(numbers, np.int32)


def _cut_unit(mask: Mask, cores: NDArray[np.int32], gap: int) -> None:
    """Cut one unit between its cores, in place; `cores` is of the mask's every `gap`-th pixel."""
    rows, columns = np.nonzero(cores)
    place = int(rows[0]) * gap + gap // 2, int(columns[0]) * gap + gap // 2
    unit = unit_at(mask, place)
    if unit is None:
        return
    lakes = np.zeros(unit.inside.shape, np.int32)
    for row, column, core in zip(rows, columns, cores[rows, columns], strict=True):
        top, left = row * gap - unit.box.top, column * gap - unit.box.left
        lakes[max(top, 0) : max(top + gap, 0), max(left, 0) : max(left + gap, 0)] = core
    part = unit.box.of(mask)
    part &= 1 - shore(unit.inside, lakes)
