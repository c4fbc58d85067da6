"""Units of two masks and where they overlap, worked out on runs instead of pixels.

A unit is a connected component of a mask; pixels that touch only at a corner do not connect
(as in `trainer.data.contours.to_polygons`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trainer.metrics import check_sizes

Whole: TypeAlias = NDArray[np.int64]
"""Whole numbers, (N,)."""

FIRST, SECOND, BOTH = 1, 2, 3
"""Whose pixels a run holds."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of pixels along rows, top to bottom, left to right.

    Attributes
    ----------
    rows, columns
        Of each run's first pixel.
    lengths
        In pixels.
    """

    rows: Whole
    columns: Whole
    lengths: Whole

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Runs:
        """Some of the runs."""
        return Runs(self.rows[chosen], self.columns[chosen], self.lengths[chosen])

    def boxes(self, labels: NDArray[np.integer], count: int) -> Whole:
        """Box of each label's runs: (count, 4) as row0, col0, row1, col1, the last two outside.

        Parameters
        ----------
        labels
            (N,), in 0..count - 1; every label has a run.
        count
            Of labels.
        """
        boxes = np.empty((count, 4), np.int64)
        if count:
            order = np.argsort(labels, kind="stable")
            firsts = np.searchsorted(labels[order], np.arange(count))
            rows, columns = self.rows[order], self.columns[order]
            boxes[:, 0] = np.minimum.reduceat(rows, firsts)
            boxes[:, 1] = np.minimum.reduceat(columns, firsts)
            boxes[:, 2] = np.maximum.reduceat(rows, firsts) + 1
            boxes[:, 3] = np.maximum.reduceat(columns + self.lengths[order], firsts)
        return boxes

    def paint(self, box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
        """The runs' pixels within a box that holds them all, bool (row1 - row0, col1 - col0)."""
        top, left, bottom, right = box
        height, width = bottom - top, right - left
        starts = (self.rows - top) * width + self.columns - left
        edges = np.column_stack((starts, starts + self.lengths)).ravel()
        inside = np.zeros(edges.size + 1, np.bool_)
        inside[1::2] = True
        counts = np.diff(edges, prepend=0, append=height * width)
        return np.repeat(inside, counts).reshape(height, width)


@dataclass(frozen=True, slots=True)
class Units:
    """Connected components of one mask, numbered from 0 in raster order of their first pixel.

    Attributes
    ----------
    areas
        In pixels, (N,).
    border
        Whether a unit touches the image's edge, bool (N,).
    """

    areas: Whole
    border: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Pairs of units that share pixels, in raster order of their first common pixel.

    Attributes
    ----------
    first, second
        Numbers of the units, (N,).
    areas
        Common pixels, (N,).
    """

    first: Whole
    second: Whole
    areas: Whole


class Overlay:
    """Two masks of one image laid over each other.

    Parameters
    ----------
    first, second
        (H, W), any dtype; whatever is not 0 is inside.

    Attributes
    ----------
    runs
        Of pixels that are in the same masks.
    whose
        `FIRST`, `SECOND` or `BOTH`, uint8 (N,) by run.
    first, second
        The masks' units.
    unit_of
        Number of the unit of the first and of the second mask that a run is in, -1 for none:
        two arrays by run.

    Raises
    ------
    MaskError
        If the masks are of different sizes.
    """

    def __init__(self, first: NDArray[np.generic], second: NDArray[np.generic]) -> None:
        check_sizes(first, second)
        self.shape: tuple[int, int] = (first.shape[0], first.shape[1])
        # a column of nothing at the end of each row keeps runs within their row
        stride = self.shape[1] + 1
        starts, ends, self.whose = _runs(first, second)
        self.runs = Runs(starts // stride, starts % stride, ends - starts)
        self.first, of_first = self._units(starts, ends, FIRST)
        self.second, of_second = self._units(starts, ends, SECOND)
        self.unit_of: tuple[Whole, Whole] = (of_first, of_second)

    def overlaps(self) -> Overlaps:
        """Which units share pixels, and how many."""
        both = self.whose == BOTH
        first, second = (of[both] for of in self.unit_of)
        count = max(1, len(self.second.areas))
        keys, firsts, pairs = np.unique(
            first * count + second, return_index=True, return_inverse=True
        )
        areas = np.bincount(pairs, self.runs.lengths[both], len(keys)).astype(np.int64)
        order = np.argsort(firsts)
        return Overlaps(keys[order] // count, keys[order] % count, areas[order])

    def _units(self, starts: Whole, ends: Whole, mask: int) -> tuple[Units, Whole]:
        """Units of one of the masks, and the unit of each run."""
        inside = (self.whose & mask) > 0
        starts, ends = starts[inside], ends[inside]
        opens = np.ones(len(starts), np.bool_)
        opens[1:] = starts[1:] != ends[:-1]
        run = np.cumsum(opens) - 1
        closes = np.roll(opens, -1)
        count, label = _connect(starts[opens], ends[closes], self.shape[1] + 1)
        unit_of = np.full(len(inside), -1, np.int64)
        unit_of[inside] = label[run]
        runs, (height, width) = self.runs.of(inside), self.shape
        areas = np.bincount(label[run], runs.lengths, count).astype(np.int64)
        edge = (runs.rows == 0) | (runs.rows == height - 1)
        edge |= (runs.columns == 0) | (runs.columns + runs.lengths == width)
        border = np.zeros(count, np.bool_)
        border[label[run][edge]] = True
        return Units(areas, border), unit_of


def runs_of_units(mask: NDArray[np.uint8]) -> tuple[Whole, Whole, NDArray[np.int32]]:
    """Where runs of one mask start and end in the flattened image, and which unit each is of.

    Parameters
    ----------
    mask
        uint8 0 or 1, (H, W), each row after the other in memory.

    Returns
    -------
    starts, ends, units
        (N,) by run; the end is outside, units count from 0.
    """
    flat, width = mask.ravel(), mask.shape[1]
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    # a run ends where its row does
    turns = np.arange(width, flat.size, width)
    turns = turns[(flat[turns] & flat[turns - 1]) > 0]
    ends = [side for side, inside in ((0, flat[:1]), (flat.size, flat[-1:])) if inside.any()]
    edges = np.sort(np.concatenate((edges, turns, turns, np.array(ends, np.int64))))
    starts, stops = edges[::2], edges[1::2]
    return starts, stops, _connect(starts, stops, width)[1]


def _runs(
    first: NDArray[np.generic], second: NDArray[np.generic]
) -> tuple[Whole, Whole, NDArray[np.uint8]]:
    """Starts, ends and owners of runs, in an image with an empty column at its right."""
    height, width = first.shape
    owners = np.zeros((height, width + 1), np.uint8)
    np.multiply(second != 0, np.uint8(SECOND), out=owners[:, :-1])
    owners[:, :-1] |= first != 0
    flat = owners.ravel()
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    if flat.size and flat[0]:
        edges = np.concatenate(([0], edges))
    whose = flat[edges]
    inside = np.flatnonzero(whose)
    return edges[inside], edges[inside + 1], whose[inside]


def _connect(starts: Whole, ends: Whole, stride: int) -> tuple[int, NDArray[np.int32]]:
    """Number of components, and the component of each run."""
    count = len(starts)
    if not count:
        return 0, np.empty(0, np.int32)
    # the runs below a run that share a column with it follow each other
    below = np.searchsorted(ends, starts + stride, "right")
    number = np.maximum(np.searchsorted(starts, ends + stride, "left") - below, 0)
    upper = np.repeat(np.arange(count), number)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(number) - number, number)
    lower += np.repeat(below, number)
    graph = coo_array((np.ones(len(upper), np.bool_), (upper, lower)), shape=(count, count))
    components, labels = connected_components(graph, directed=False)
    return int(components), labels
