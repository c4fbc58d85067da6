"""How well segmentations agree unit by unit, as the 2015 gland contest measures it [1]_.

The contest measures a set of images as one: a unit counts by its area, in whichever image it
lies [2]_. Of several images that is the sum of their tallies, which a mean over images is not.

References
----------
.. [1] Sirinukunwattana et al., Gland segmentation in colon histology images: the GlaS challenge
   contest, Medical Image Analysis 35, 2017.
.. [2] The contest's page on its evaluation, https://glas.grand-challenge.org/Evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trainer.errors import MaskError
from trainer.metrics import check_sizes

Labels = NDArray[np.int32]
_Pairs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ObjectScores:
    """Of a segmentation against truth.

    Attributes
    ----------
    f1
        Of detection: a found unit is right where it holds more than half of the true unit that
        it shares most pixels with. 1 where neither has a unit.
    dice
        Of each unit and the one that it shares most pixels with, weighed by area, from both
        sides; 1 where neither has a unit, 0 where one has none.
    hausdorff
        In pixels, weighed likewise; a unit that meets none is held against the nearest of its
        image. 0 where neither has a unit, infinite where there is none to hold against.
    found, true
        Numbers of units.
    """

    f1: float
    dice: float
    hausdorff: float
    found: int
    true: int

    @property
    def finite_hausdorff(self) -> float | None:
        """For tables and JSON, which have no infinity: None in its place."""
        return self.hausdorff if math.isfinite(self.hausdorff) else None


@dataclass(frozen=True, slots=True)
class Units:
    """The units of one side, added up.

    Attributes
    ----------
    count, area
        How many, and their pixels.
    dice, distance
        Dice and Hausdorff distance of each to its partner, times its area.
    """

    count: int = 0
    area: int = 0
    dice: float = 0.0
    distance: float = 0.0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.count + other.count,
            self.area + other.area,
            self.dice + other.dice,
            self.distance + other.distance,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """What the measures of one image, or of several as one set, are made of.

    Attributes
    ----------
    right
        How many found units are right.
    """

    found: Units = Units()
    true: Units = Units()
    right: int = 0

    @classmethod
    def of(cls, found: NDArray[np.generic], truth: NDArray[np.generic]) -> Self:
        """Of two masks, whose units are pixels connected at their sides; see `object_scores`."""
        return cls.of_labels(_units(found), _units(truth))

    @classmethod
    def of_labels(cls, found: NDArray[np.integer], truth: NDArray[np.integer]) -> Self:
        """Of two label images, in which units may touch; 0 is ground."""
        check_sizes(found, truth)
        ours, theirs = _Side.of(found), _Side.of(truth)
        if not ours.count or not theirs.count:
            return cls(_alone(ours), _alone(theirs))
        ours, theirs = _matched(ours, theirs), _matched(theirs, ours)
        right = int((2 * ours.common > theirs.areas[ours.partner]).sum())
        return cls(_summed(ours, theirs), _summed(theirs, ours), right)

    def __add__(self, other: Self) -> Self:
        right = self.right + other.right
        return type(self)(self.found + other.found, self.true + other.true, right)

    def scores(self) -> ObjectScores:
        """The measures of it all as one set."""
        counts = self.found.count, self.true.count
        if not any(counts):
            return ObjectScores(1.0, 1.0, 0.0, 0, 0)
        sides = [side for side in (self.found, self.true) if side.area]
        dice = sum(side.dice / side.area for side in sides) / 2
        far = sum(side.distance / side.area for side in sides) / 2
        return ObjectScores(2 * self.right / sum(counts), dice, far, *counts)


def object_scores(found: NDArray[np.generic], truth: NDArray[np.generic]) -> ObjectScores:
    """Measures of two masks, whose units are pixels connected at their sides.

    Parameters
    ----------
    found, truth
        (H, W), any dtype; whatever is not 0 is inside.

    Raises
    ------
    MaskError
        If the masks are of different sizes.
    """
    return Tally.of(found, truth).scores()


def as_one(tallies: Iterable[Tally]) -> ObjectScores:
    """Measures of several images as one set, as the contest has them."""
    return sum(tallies, start=Tally()).scores()


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The units of one label image, numbered from 0; `labels` has them from 1.

    Attributes
    ----------
    boxes
        row0, column0, row1, column1 of each, the last two outside, (n, 4).
    partner
        The other side's unit that each shares most pixels with; 0 where it meets none.
    common
        How many pixels these are, 0 where it meets none, (n,).
    """

    labels: Labels
    areas: _Pairs
    boxes: _Pairs
    partner: _Pairs
    common: _Pairs

    @classmethod
    def of(cls, labels: NDArray[np.integer]) -> _Side:
        names, numbers = np.unique(labels, return_inverse=True)
        dense = numbers.reshape(labels.shape).astype(np.int32) + (0 if 0 in names else 1)
        areas = np.bincount(dense.ravel(), minlength=1)[1:]
        boxes = [
            (rows.start, columns.start, rows.stop, columns.stop)
            for rows, columns in ndimage.find_objects(dense)
        ]
        none = np.zeros(len(areas), np.int64)
        return cls(dense, areas, np.array(boxes, np.int64).reshape(-1, 4), none, none)

    @property
    def count(self) -> int:
        return len(self.areas)


def _units(mask: NDArray[np.generic]) -> Labels:
    if mask.ndim != 2 or not mask.size:
        raise MaskError(f"a mask of {mask.shape} has no pixels in rows and columns")
    return np.asarray(cv2.connectedComponents((mask != 0).view(np.uint8), connectivity=4)[1])


def _matched(side: _Side, other: _Side) -> _Side:
    """The side with its partners; of several that share as much, the first."""
    both = (side.labels > 0) & (other.labels > 0)
    pairs = (side.labels[both].astype(np.int64) - 1) * other.count + other.labels[both] - 1
    keys, counts = np.unique(pairs, return_counts=True)
    order = np.lexsort((keys, -counts))
    own, first = np.unique(keys[order] // other.count, return_index=True)
    partner, common = np.zeros_like(side.partner), np.zeros_like(side.common)
    partner[own], common[own] = keys[order][first] % other.count, counts[order][first]
    return replace(side, partner=partner, common=common)


def _dice(side: _Side, other: _Side) -> NDArray[np.float64]:
    return 2 * side.common / (side.areas + other.areas[side.partner])


def _summed(side: _Side, other: _Side) -> Units:
    dice, distance = _dice(side, other) @ side.areas, _distances(side, other) @ side.areas
    return Units(side.count, int(side.areas.sum()), float(dice), float(distance))


def _alone(side: _Side) -> Units:
    """Units in an image in which the other side has none."""
    return Units(side.count, int(side.areas.sum()), 0.0, math.inf if side.count else 0.0)


def _distances(side: _Side, other: _Side) -> NDArray[np.float64]:
    """Hausdorff distance of each unit to its partner, else to the nearest of the others."""
    found = np.empty(side.count)
    for unit in range(side.count):
        if side.common[unit]:
            found[unit] = _hausdorff(side, unit, other, int(side.partner[unit]))
        else:
            found[unit] = _to_nearest(side, unit, other)
    return found


def _to_nearest(side: _Side, unit: int, other: _Side) -> float:
    # two units are at least as far apart as their boxes' farthest sides are
    least = np.abs(other.boxes - side.boxes[unit]).max(axis=1)
    nearest = math.inf
    for candidate in np.argsort(least, kind="stable").tolist():
        if least[candidate] >= nearest:
            break
        nearest = min(nearest, _hausdorff(side, unit, other, candidate))
    return nearest


def _hausdorff(side: _Side, unit: int, other: _Side, partner: int) -> float:
    """The farthest that a pixel of either unit is from the other unit, in pixels."""
    boxes = np.stack((side.boxes[unit], other.boxes[partner]))
    (top, left), (bottom, right) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    here = slice(top, bottom), slice(left, right)
    one = (side.labels[here] == unit + 1).view(np.uint8)
    two = (other.labels[here] == partner + 1).view(np.uint8)
    return max(_farthest(one, two), _farthest(two, one))


def _farthest(inside: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    away = cv2.distanceTransform(1 - other, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(cv2.minMaxLoc(away, inside)[1])
