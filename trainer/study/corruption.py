"""Wrong truths with a known answer: units dropped, merged, shifted, invented."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask

Kind = Literal["dropped", "merged", "shifted", "invented"]
KINDS: tuple[Kind, ...] = get_args(Kind)

UNIT_SHARE = 1 / 3
"""Of a corrupted case's units, at least one."""

_SMALLEST = 0.25
"""Area of a unit that is worth corrupting, as a share of the case's median unit."""

_STEPS = (0.6, 0.5, 0.4, 0.3)
"""How far a unit is shifted, as a share of its width; the first that fits."""

_SIZES = (1.0, 0.75, 0.5)
"""Of an invented unit, as a share of the one it is a copy of; the first that fits."""

_TRIES = 200
"""Places that are tried for an invented unit of each size."""


@dataclass(frozen=True, slots=True)
class Corruption:
    """One unit that was made wrong.

    Attributes
    ----------
    box
        (row0, col0, row1, col1) in pixels: of a dropped unit where it was, of the others what
        the corrupted truth shows.
    """

    kind: Kind
    box: tuple[int, int, int, int]


def corrupt(truth: Mask, chance: np.random.Generator) -> tuple[Mask, list[Corruption]]:
    """Make a third of a mask's units wrong, each in a way drawn by chance.

    A dropped unit is taken away. A merged one is joined with its nearest neighbour, not
    farther than its own width, by their convex hull, which adds no more than their area. A
    shifted one moves by 30 to 60 % of its width and touches no other. An invented one is a
    turned copy of a unit where there was none. Where a way does not fit, the next is tried.

    Parameters
    ----------
    truth
        uint8 (H, W) of 0 and 1.
    chance
        Decides; the same state gives the same corruption.

    Returns
    -------
    mask
        uint8 (H, W), never empty.
    corruptions
        What was done; empty if no way fits.
    """
    work = _Work(truth, chance)
    for number in work.chosen():
        for turn in chance.permutation(len(KINDS)):
            if work.attempt(KINDS[turn], int(number)):
                break
    return work.mask, work.done


class _Work:
    """A truth on its way to a corrupted one."""

    def __init__(self, truth: Mask, chance: np.random.Generator) -> None:
        self.mask = (truth > 0).astype(np.uint8)
        self.done: list[Corruption] = []
        self._chance = chance
        _, self._units, self._stats, _ = cv2.connectedComponentsWithStats(self.mask, connectivity=8)
        self._touched: set[int] = set()
        self._before = self.mask.copy()

    def chosen(self) -> NDArray[np.intp]:
        """Units to corrupt, in an order of chance."""
        areas = self._stats[1:, cv2.CC_STAT_AREA]
        if not areas.size:
            return np.empty(0, np.intp)
        worth = np.flatnonzero(areas >= _SMALLEST * np.median(areas)) + 1
        count = max(1, round(areas.size * UNIT_SHARE))
        return self._chance.permutation(worth)[:count]

    def attempt(self, kind: Kind, number: int) -> bool:
        """Whether the unit could be made wrong in this way."""
        if number in self._touched:
            return False
        ways = {
            "dropped": self._drop,
            "merged": self._merge,
            "shifted": self._shift,
            "invented": self._invent,
        }
        before = self.mask
        shown = ways[kind](number)
        if shown is None or np.array_equal(self.mask, before):
            return False
        self._touched.add(number)
        self.done.append(Corruption(kind, _box(shown)))
        return True

    def _drop(self, number: int) -> Mask | None:
        one = self._unit(number)
        rest = self.mask & (1 - one)
        if not rest.any():
            return None
        self.mask = rest
        return one

    def _merge(self, number: int) -> Mask | None:
        one = self._unit(number)
        distance = cv2.distanceTransform(1 - one, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        others = (self._units > 0) & ~np.isin(self._units, [number, *self._touched])
        if not others.any():
            return None
        nearest = int(np.argmin(np.where(others, distance, np.inf)))
        if distance.ravel()[nearest] > self._width(number):
            return None
        other = int(self._units.ravel()[nearest])
        both = np.isin(self._units, (number, other))
        shown = np.zeros_like(self.mask)
        hull = cv2.convexHull(np.argwhere(both)[:, ::-1].astype(np.int32))
        cv2.fillConvexPoly(shown, hull, 1)
        if shown.sum() > 2 * both.sum():
            return None
        self._touched.add(other)
        self.mask = self.mask | shown
        return shown

    def _shift(self, number: int) -> Mask | None:
        one = self._unit(number)
        rest = self.mask & (1 - one)
        near_others = np.asarray(cv2.dilate(rest, np.ones((3, 3), np.uint8)), np.uint8)
        angles = self._chance.permutation(16) * (math.pi / 8)
        for step, angle in itertools.product(_STEPS, angles):
            along = step * self._width(number)
            move = np.array([[1, 0, along * math.cos(angle)], [0, 1, along * math.sin(angle)]])
            moved = cv2.warpAffine(one, np.rint(move), one.shape[::-1], flags=cv2.INTER_NEAREST)
            shown = np.asarray(moved, np.uint8)
            inside = shown.sum() >= 0.95 * one.sum()
            if inside and not (shown & near_others).any():
                self.mask = rest | shown
                return shown
        return None

    def _invent(self, number: int) -> Mask | None:
        left, top, width, height = self._stats[number, :4]
        piece = self._unit(number)[top : top + height, left : left + width]
        piece = np.rot90(piece, int(self._chance.integers(4)))
        piece = np.ascontiguousarray(piece[:, ::-1] if self._chance.integers(2) else piece)
        taken = np.asarray(
            cv2.dilate(self.mask | self._before, np.ones((3, 3), np.uint8)), np.uint8
        )
        for size in _SIZES:
            if min(piece.shape) * size < 1:
                continue
            smaller = cv2.resize(piece, None, fx=size, fy=size, interpolation=cv2.INTER_NEAREST)
            copy = np.asarray(smaller, np.uint8)
            room = np.array(taken.shape) - copy.shape
            if room.min() < 0:
                continue
            for row, column in self._chance.integers(room + 1, size=(_TRIES, 2)):
                place = np.s_[row : row + copy.shape[0], column : column + copy.shape[1]]
                if not (taken[place] & copy).any():
                    shown = np.zeros_like(self.mask)
                    shown[place] = copy
                    self.mask = self.mask | shown
                    return shown
        return None

    def _unit(self, number: int) -> Mask:
        return (self._units == number).astype(np.uint8)

    def _width(self, number: int) -> float:
        """Diameter of the disc of the unit's area, in pixels."""
        return 2 * math.sqrt(self._stats[number, cv2.CC_STAT_AREA] / math.pi)


def _box(mask: Mask) -> tuple[int, int, int, int]:
    column, row, width, height = cv2.boundingRect(mask)
    return row, column, row + height, column + width
