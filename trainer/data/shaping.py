"""Masks without holes, without small units, and with their outlines moved."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.units import runs_of_units

_SMALL = 12
"""Radius of a disc, in pixels, up to which trying its pixels is quicker than distances."""


def without_holes(mask: Mask) -> Mask:
    """The mask with its holes filled, uint8 (H, W) of 0 and 1.

    A hole is ground that is enclosed by units; ground that only a corner connects with the
    outside is not enclosed, as units do not connect at corners.
    """
    ground = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(ground, None, (0, 0), 2, flags=8)
    _, outside = cv2.threshold(ground[1:-1, 1:-1], 1, 1, cv2.THRESH_BINARY_INV)
    return np.asarray(outside, np.uint8)


def without_small(mask: Mask, least: int) -> Mask:
    """The mask without units of fewer pixels than `least`; units do not connect at corners."""
    starts, ends, units = runs_of_units(mask)
    small = np.bincount(units, ends - starts) < least
    return _without(mask, starts, ends, small[units])


def without_faint(mask: Mask, levels: NDArray[np.uint8], least: float) -> Mask:
    """The mask without units whose mean of `levels`, uint8 (H, W), is under `least`."""
    starts, ends, units = runs_of_units(mask)
    bounds = np.stack((starts, ends), axis=1).ravel()
    inner = bounds[bounds < mask.size]
    sums = np.bincount(units, np.add.reduceat(levels.ravel(), inner, dtype=np.int64)[::2])
    faint = sums < least * np.bincount(units, ends - starts) - 1e-6
    return _without(mask, starts, ends, faint[units])


def _without(
    mask: Mask, starts: NDArray[np.int64], ends: NDArray[np.int64], gone: NDArray[np.bool_]
) -> Mask:
    kept = mask.copy(order="C")
    flat = kept.ravel()
    for start, end in zip(starts[gone].tolist(), ends[gone].tolist(), strict=True):
        flat[start:end] = 0
    return kept


def reaching(mask: Mask, seeds: Mask) -> Mask:
    """The units of a mask that hold a pixel of `seeds`: what hysteresis keeps."""
    count, found = cv2.connectedComponents(mask, connectivity=4)
    numbers, seeded = np.asarray(found, np.int32), np.zeros(count, np.uint8)
    seeded[numbers[seeds > 0]] = 1
    seeded[0] = 0
    return seeded[numbers]


def closed(mask: Mask, radius: int) -> Mask:
    """The mask closed by a disc of that radius, in pixels; beyond the image is ground."""
    framed = np.pad(mask, radius)
    grown = _grown(framed, radius)
    shrunk = 1 - _grown(1 - grown, radius)
    inner = slice(radius, -radius)
    return np.ascontiguousarray(shrunk[inner, inner]) if radius else mask.copy()


def opened(mask: Mask, radius: int) -> Mask:
    """The mask opened by a disc of that radius, in pixels; a unit may go on beyond the image."""
    framed = np.pad(mask, radius, "edge")
    opened = _grown(1 - _grown(1 - framed, radius), radius)
    inner = slice(radius, -radius)
    return np.ascontiguousarray(opened[inner, inner]) if radius else mask.copy()


def eroded(mask: Mask, by: int) -> Mask:
    """The mask without what is within `by` pixels of the ground; the image's edge is no ground."""
    return 1 - _grown(1 - mask, by)


def _grown(mask: Mask, radius: int) -> NDArray[np.uint8]:
    """Every pixel within a distance of the mask, as by a disc."""
    if radius == 0 or not mask.any():
        return mask.copy()
    if radius <= _SMALL:
        rows, columns = np.ogrid[-radius : radius + 1, -radius : radius + 1]
        disc = (rows**2 + columns**2 <= radius**2).astype(np.uint8)
        return np.asarray(cv2.dilate(mask, disc), np.uint8)
    away = np.asarray(cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    return (away <= radius).view(np.uint8)
