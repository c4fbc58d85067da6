"""The one disc that brings a mask nearest to a reference: what a brush alone can do at best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from trainer.data.case import Mask
from trainer.data.edits import Edit
from trainer.study.effort_score import Score
from trainer.tools import brush
from trainer.tools.scene import Point, Scene

_SIDE = 192
"""Samples along the longer side of the grid on which places and radii are looked over."""

_RATIO = 1.35
"""Between a radius and the next."""

_STARTS = 8
"""Discs of the grid that are refined, pixel by pixel."""


@dataclass(frozen=True, slots=True)
class Disc:
    """A touch of the brush: where, how large (both in pixels), and whether it erases."""

    row: float
    column: float
    radius: float
    erase: bool

    def use(self, scene: Scene) -> Edit | None:
        """Touch the mask."""
        point = Point(self.row, self.column)
        return brush.disc(scene, point, self.radius, erase=self.erase)


def best_disc(score: Score) -> Disc | None:
    """The disc, of any place and radius, after which Dice is highest; None where none helps.

    For every place of a grid and a geometric series of radii the gain is summed by Fourier
    transforms; the best few are then moved, widened and narrowed by ever smaller steps as long
    as the exact gain grows.
    """
    counted = _Counted(score)
    best: tuple[float, Disc | None] = (score.dice, None)
    for start in _starts(score):
        found = counted.refined(start, _gap(score.mask.shape))
        if found[0] > best[0] + 1e-12:
            best = found
    return best[1]


class _Counted:
    """Dice after a disc, from sums along rows: a disc costs its height, not its area."""

    def __init__(self, score: Score) -> None:
        self._score = score
        mask, reference = score.mask, score.reference
        self._changed = {False: _sums(1 - mask), True: _sums(mask)}
        self._common = {False: _sums(reference & (1 - mask)), True: _sums(reference & mask)}

    def after(self, disc: Disc) -> float:
        height, width = self._score.mask.shape
        low = max(math.ceil(disc.row - disc.radius), 0)
        high = min(math.floor(disc.row + disc.radius), height - 1)
        rows = np.arange(low, high + 1)
        half = np.sqrt(np.maximum(disc.radius**2 - (rows - disc.row) ** 2, 0))
        left = np.clip(np.ceil(disc.column - half), 0, width).astype(np.intp)
        right = np.clip(np.floor(disc.column + half) + 1, 0, width).astype(np.intp)
        right = np.maximum(left, right)
        sign = -1 if disc.erase else 1
        changed, common = self._changed[disc.erase], self._common[disc.erase]
        return self._score.changed(
            sign * int((changed[rows, right] - changed[rows, left]).sum()),
            sign * int((common[rows, right] - common[rows, left]).sum()),
        )

    def refined(self, disc: Disc, gap: int) -> tuple[float, Disc]:
        """The disc that steps from this one lead to, each of them a gain."""
        best, step = self.after(disc), float(gap)
        while step >= 0.5:
            dice, found = max(
                ((self.after(one), one) for one in _neighbours(disc, step, self._score.mask.shape)),
                key=lambda pair: pair[0],
                default=(0.0, disc),
            )
            if dice > best:
                best, disc = dice, found
            else:
                step /= 2
        return best, disc


def _sums(mask: Mask) -> NDArray[np.int32]:
    """Of the pixels left of each column, (H, W + 1)."""
    sums = np.zeros((mask.shape[0], mask.shape[1] + 1), np.int32)
    np.cumsum(mask, axis=1, out=sums[:, 1:])
    return sums


def _neighbours(disc: Disc, step: float, shape: tuple[int, ...]) -> Iterator[Disc]:
    for rows, columns, wider in (
        (step, 0, 0), (-step, 0, 0), (0, step, 0), (0, -step, 0), (0, 0, step), (0, 0, -step),
        (step, 0, step), (-step, 0, step), (0, step, step), (0, -step, step),
        (step, 0, -step), (-step, 0, -step), (0, step, -step), (0, -step, -step),
    ):  # fmt: skip
        row, column = disc.row + rows, disc.column + columns
        on_image = 0 <= row <= shape[0] - 1 and 0 <= column <= shape[1] - 1
        if on_image and disc.radius + wider >= 0.5:
            yield replace(disc, row=row, column=column, radius=disc.radius + wider)


def _gap(shape: tuple[int, ...]) -> int:
    return math.ceil(max(shape) / _SIDE)


def _starts(score: Score) -> list[Disc]:
    """The best places of the grid, of each radius and way one, the best of them first."""
    found: list[tuple[float, Disc]] = []
    gap = _gap(score.mask.shape)
    last = np.array(score.mask.shape) - 1
    for erase in (False, True):
        changes = score.mask if erase else 1 - score.mask
        coarse = [_coarse(one, gap) for one in (changes, changes & score.reference)]
        sign = -1 if erase else 1
        for radius, changed, common in _summed(*coarse):
            total = np.maximum(score.total + sign * changed, 1e-6)
            dice = 2 * (score.common + sign * common) / total
            row, column = np.unravel_index(int(dice.argmax()), dice.shape)
            centre = np.minimum((np.array((row, column)) + 0.5) * gap - 0.5, last)
            disc = Disc(float(centre[0]), float(centre[1]), radius * gap, erase)
            found.append((float(dice[row, column]), disc))
    found.sort(key=lambda pair: -pair[0])
    return [disc for _, disc in found[:_STARTS]]


def _coarse(mask: Mask, gap: int) -> NDArray[np.float32]:
    """Pixels in squares of `gap`."""
    height, width = (math.ceil(side / gap) for side in mask.shape)
    padded = np.zeros((height * gap, width * gap), np.uint8)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    counts = padded.reshape(height, gap, width, gap).sum(axis=(1, 3), dtype=np.int64)
    return counts.astype(np.float32)


def _summed(
    *coarse: NDArray[np.float32],
) -> Iterator[tuple[float, NDArray[np.float32], NDArray[np.float32]]]:
    """A radius, and two grids' sums over the discs of that radius around every sample."""
    height, width = coarse[0].shape
    reach = math.ceil(max(1, math.hypot(height, width) / 2))
    size = (_fast(height + reach), _fast(width + reach))
    spectra = [np.asarray(fft.rfft2(one, size)) for one in coarse]
    radius = 0.6
    while radius <= reach:
        kernel = np.asarray(fft.rfft2(_around_origin(radius, size)))
        first, second = (
            np.asarray(fft.irfft2(one * kernel, size), np.float32)[:height, :width]
            for one in spectra
        )
        yield radius, first, second
        radius *= _RATIO


def _fast(side: int) -> int:
    """A length that transforms quickly, not below `side`."""
    return int(fft.next_fast_len(side, True) or side)


def _around_origin(radius: float, size: tuple[int, int]) -> NDArray[np.float32]:
    """A disc around the first sample, wrapped at the edges, its rim counted in part."""
    rows, columns = (np.minimum(np.arange(side), side - np.arange(side)) for side in size)
    distance = np.sqrt(rows[:, None] ** 2 + columns[None, :] ** 2)
    return np.asarray(np.clip(radius + 0.5 - distance, 0, 1), np.float32)
