"""Brushes: a plain disc, and one that paints only what looks like the place it started at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.tools.scene import Point, Scene
from trainer.tools.unit_at import flood
from trainer.tools.window import around, edit, pixel, within

_SAMPLE = 1 / 3
"""Of the radius: the disc under the centre that says what a pixel must look like."""

_DEVIATIONS = 3.0
"""Within which a pixel's colour agrees, of the sample's own."""

_LEAST_DEVIATION = 5.0
"""Of a channel of Lab in 8 bits, so that a flat sample does not refuse its own tissue."""

_LIKELY = 40.0
"""Of 255: how far a pixel's probability may be from the sample's."""

_STEP = 0.5
"""Of the radius, between the places of a stroke where the image is looked at."""


def disc(scene: Scene, point: Point, radius: float, *, erase: bool = False) -> Edit | None:
    """Paint or erase all pixels within a radius, in pixels, of a point."""
    box = around([point], radius, scene.mask.shape)
    inside = covered(point, radius, box)
    told = {"row": float(point.row), "column": float(point.column), "radius": float(radius)}
    return _put(scene, box, inside, erase, "brush", told)


def paint(
    scene: Scene, stroke: Sequence[Point], radius: float, *, erase: bool = False
) -> Edit | None:
    """Paint or erase what looks like the tissue under the stroke's beginning.

    Of the pixels within the radius of the stroke those count whose colour (in Lab) and
    probability agree with a small disc under the first point, and that are connected with it;
    small gaps among them are closed.

    Parameters
    ----------
    scene
        What is edited.
    stroke
        From where the button was pressed; one point is a click.
    radius
        In pixels.
    erase
        Whether such pixels go instead.
    """
    if not stroke or (seed := pixel(stroke[0], scene.mask.shape)) is None:
        return None
    sample = _Sample.at(scene, stroke[0], radius)
    box = around(list(stroke), radius, scene.mask.shape)
    swept = np.zeros((box.bottom - box.top, box.right - box.left), np.uint8)
    for place in _places(stroke, radius * _STEP):
        here = around([place], radius, scene.mask.shape)
        if covered(place, radius, here).any():
            swept[within(here, box)] |= covered(place, radius, here) & sample.agrees(scene, here)
    start = (seed[0] - box.top, seed[1] - box.left)
    swept[start] = 1
    inside = flood(swept, start, 1).inside
    told = {
        "stroke": [[round(float(one), 2) for one in place] for place in stroke],
        "radius": float(radius),
    }
    return _put(scene, box, np.ascontiguousarray(inside), erase, "smart brush", told)


def covered(point: Point, radius: float, box: Box) -> Mask:
    """Pixels of a box within a radius of a point, uint8 0 or 1."""
    rows = np.arange(box.top, box.bottom)[:, None] - point.row
    columns = np.arange(box.left, box.right)[None, :] - point.column
    return (rows**2 + columns**2 <= radius**2).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Sample:
    """What the tissue under a stroke's beginning looks like.

    Attributes
    ----------
    mean, deviation
        Of the channels of Lab, in 8 bits.
    level
        Mean probability, of 255; None without a prediction.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    level: float | None

    @classmethod
    def at(cls, scene: Scene, point: Point, radius: float) -> _Sample:
        reach = max(1.0, radius * _SAMPLE)
        box = around([point], reach, scene.mask.shape)
        inside = covered(point, reach, box) > 0
        colours = _lab(scene, box)[inside].astype(np.float32)
        if not len(colours):
            colours = np.zeros((1, 3), np.float32)
        level = None if scene.levels is None else float(box.of(scene.levels)[inside].mean())
        spread = np.maximum(colours.std(axis=0), _LEAST_DEVIATION)
        return cls(colours.mean(axis=0), spread, level)

    def agrees(self, scene: Scene, box: Box) -> Mask:
        """The pixels of a box that look alike, small gaps closed."""
        low, high = (self.mean + sign * _DEVIATIONS * self.deviation for sign in (-1, 1))
        alike = cv2.inRange(_lab(scene, box), np.floor(low), np.ceil(high))
        if self.level is not None and scene.levels is not None:
            likely = cv2.inRange(
                box.of(scene.levels), np.array(self.level - _LIKELY), np.array(self.level + _LIKELY)
            )
            alike = cv2.bitwise_and(alike, likely)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
        opened = cv2.morphologyEx(alike, cv2.MORPH_OPEN, kernel)
        return np.asarray(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel) > 0, np.uint8)


def _lab(scene: Scene, box: Box) -> NDArray[np.uint8]:
    """Colours of a box without its grain."""
    part = np.ascontiguousarray(scene.image[box.top : box.bottom, box.left : box.right])
    lab = cv2.cvtColor(part, cv2.COLOR_RGB2LAB)
    return np.asarray(cv2.blur(lab, (5, 5)), np.uint8)


def _places(stroke: Sequence[Point], step: float) -> list[Point]:
    """Points along a stroke, no farther apart than a step."""
    places = [stroke[0]]
    for start, end in pairwise(stroke):
        length = math.hypot(end.row - start.row, end.column - start.column)
        count = max(1, math.ceil(length / max(step, 1.0)))
        for number in range(1, count + 1):
            share = number / count
            row = start.row + share * (end.row - start.row)
            places.append(Point(row, start.column + share * (end.column - start.column)))
    return places


def _put(
    scene: Scene, box: Box, inside: Mask, erase: bool, tool: str, told: Mapping[str, object]
) -> Edit | None:
    before = box.of(scene.mask)
    after = before & (1 - inside) if erase else before | inside
    return edit(scene, box, after, tool, {**told, "erase": erase})
