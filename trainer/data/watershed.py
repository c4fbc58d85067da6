"""Touching units parted at their necks: a watershed of the distance from the outline.

Pixels are flooded inwards to outwards from the markers, as `skimage.segmentation.watershed`
does of ``-distance`` with ties in raster order, and with equal result. Where that keeps a queue
of pixels, here each pixel points to the neighbour that is flooded first, and chains of pointers
are halved until they end in a marker: a few passes over arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from trainer.data.case import Mask

Labels = NDArray[np.int32]
_Kind = TypeVar("_Kind", bound=np.generic)

_SLACK = 1.05
"""Ratio of two distances as OpenCV estimates them to that of the exact ones, at the most."""

_PLACE = np.int64(1) << 31
"""More than the pixels of any image: what is flooded when, and where, in one number."""


def split(mask: Mask, neck: float, narrowest: float) -> Mask:
    """The mask with a line of ground, one pixel wide, wherever two parts of a unit meet.

    Pieces do not touch at corners either.

    Parameters
    ----------
    mask
        uint8 0 or 1, (H, W).
    neck
        0 to 1: units are parted where the way from one part's widest place to the other's
        gets narrower than this share of the narrower part.
    narrowest
        0 to 1: a part counts from this share of its unit's greatest width on.
    """
    after = mask.copy()
    for unit in _units(mask, neck, narrowest):
        parts = None if unit.basins is None else unit.basins.flood(unit.peaks)
        if parts is not None:
            unit.of(after)[_shores(parts)] = 0
    return after


def watershed(mask: Mask, neck: float, narrowest: float) -> tuple[Labels, Labels]:
    """What `split` cuts along: the part that each pixel belongs to, and the parts' markers.

    Returns
    -------
    labels, markers
        int32 (H, W), 0 the ground. A marker is the place of a part that lies furthest inland;
        a unit that is one part is its own marker.
    """
    labels, markers = np.zeros(mask.shape, np.int32), np.zeros(mask.shape, np.int32)
    count = 0
    for unit in _units(mask, neck, narrowest):
        inside = unit.inside > 0
        if unit.basins is None:
            count += 1
            unit.of(labels)[inside] = unit.of(markers)[inside] = count
            continue
        parts = unit.basins.flood(unit.peaks)
        unit.of(labels)[inside] = parts[inside] + count
        seeds = np.zeros(inside.size, np.int32)
        seeds[unit.basins.places[unit.basins.roots[unit.peaks]]] = np.arange(1, len(unit.peaks) + 1)
        seeds = seeds.reshape(inside.shape)
        unit.of(markers)[seeds > 0] = seeds[seeds > 0] + count
        count += len(unit.peaks)
    return labels, markers


class _Unit(NamedTuple):
    """A connected component within its box; without `basins` where it is one part."""

    rows: slice
    columns: slice
    inside: Mask
    peaks: NDArray[np.int64]
    basins: Basins | None

    def of(self, image: NDArray[_Kind]) -> NDArray[_Kind]:
        """The part of an image within the box."""
        return image[self.rows, self.columns]


def _units(mask: Mask, neck: float, narrowest: float) -> Iterator[_Unit]:
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    inland = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 5), np.float32)
    for number, (left, top, width, height, _) in enumerate(stats[1:].tolist(), start=1):
        # one pixel around a unit is all the ground that its distances depend on
        rows = slice(max(top - 1, 0), top + height + 1)
        columns = slice(max(left - 1, 0), left + width + 1)
        inside = (numbers[rows, columns] == number).view(np.uint8)
        basins, peaks = None, np.empty(0, np.int64)
        if _may_part(inside, inland[rows, columns], neck, narrowest):
            found = Basins.of(inside, _squares(mask[rows, columns]))
            peaks = found.peaks(neck, narrowest)
            basins = found if len(peaks) > 1 else None
        yield _Unit(rows, columns, inside, peaks, basins)


def _may_part(inside: Mask, inland: NDArray[np.float32], neck: float, narrowest: float) -> bool:
    """False of a unit that is surely one part, told from distances as OpenCV estimates them.

    Of the heights at which the unit is cut there is one between any part's summit and its pass.
    """
    _, widest, _, centre = cv2.minMaxLoc(inland, inside)
    step = neck * _SLACK
    if widest * step <= 1:  # no pass is lower than a pixel
        return False
    if step > 0.9:
        return True
    height, least = widest, narrowest * widest / _SLACK
    while height >= max(1.0, least * step):
        count, pieces = _pieces(inside, inland, height)
        for number in range(1, count) if count > 2 else ():
            piece = (pieces == number).view(np.uint8)
            _, summit, _, place = cv2.minMaxLoc(inland, piece)
            if summit >= least and place != centre:
                _, left = _pieces(inside, inland, summit * step)
                own = left[place[1], place[0]].item()
                around = (left == own).view(np.uint8)
                joins = around[centre[1], centre[0]] > 0
                if not joins and cv2.minMaxLoc(inland, around)[1] <= summit * _SLACK:
                    return True
        height *= step
    return False


def _pieces(
    inside: Mask, inland: NDArray[np.float32], height: float
) -> tuple[int, NDArray[np.int32]]:
    """What is left of a unit from a height on: one more than the pieces, and their numbers."""
    high = cv2.bitwise_and((inland >= height).view(np.uint8), inside)
    count, pieces = cv2.connectedComponents(high, connectivity=4)
    return count, np.asarray(pieces, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Basins:
    """A unit's pixels by the summit that the steepest way inland leads to, and their passes.

    Attributes
    ----------
    shape
        (h, w) of the box.
    places
        Of the unit's pixels in the flattened box, (n,); other arrays of n go by this order.
    near
        Places in those arrays of the neighbours above, left, right and below, n for what is
        not of the unit, (4, n).
    order
        int64 (n + 1,): when a pixel is flooded; greater distance first, then in raster order.
    squares
        Squared distance to the ground, (n,).
    roots
        The summits, (b,) of n.
    basin
        Number of each pixel's summit, (n,).
    passes
        int64 (b - 1, 3): summits on both sides and `order` of the pass, ascending by the
        latter; only those that lead between summits that no earlier pass connects.
    """

    shape: tuple[int, int]
    places: NDArray[np.int64]
    near: NDArray[np.int32]
    order: NDArray[np.int64]
    squares: NDArray[np.int32]
    roots: NDArray[np.int64]
    basin: NDArray[np.int32]
    passes: NDArray[np.int64]

    @classmethod
    def of(cls, inside: Mask, squares: NDArray[np.int32]) -> Basins:
        """Of a unit, uint8 (h, w), and the squared distance to the ground."""
        places = np.flatnonzero(inside)
        count = len(places)
        heights = squares.ravel()[places]
        order = np.empty(count + 1, np.int64)
        order[:-1] = (heights.max() - heights.astype(np.int64)) * _PLACE + places
        order[-1] = np.iinfo(np.int64).max
        near = _near(inside, places)
        own = np.arange(count, dtype=np.int32)
        summit = _ends(_first(order, near, own))
        roots = np.flatnonzero(summit == own)
        number = np.zeros(count, np.int32)
        number[roots] = np.arange(len(roots))
        basin = number[summit]
        passes = _passes(order, near, basin, len(roots))
        height, width = inside.shape
        return cls((height, width), places, near, order, heights, roots, basin, passes)

    def peaks(self, neck: float, narrowest: float) -> NDArray[np.int64]:
        """The summits, of b, that are the markers of parts; the highest is one."""
        heights = np.sqrt(self.squares[self.roots].astype(float)).tolist()
        when = self.order[self.roots].tolist()
        top = int(self.squares.max())
        taken, leader = [True] * len(when), list(range(len(when)))
        for one, other, level in self.passes.tolist():
            elder, younger = _leader(leader, one), _leader(leader, other)
            if when[younger] < when[elder]:
                elder, younger = younger, elder
            leader[younger] = elder
            low, high = math.sqrt(top - level // int(_PLACE)), heights[younger]
            taken[younger] = low < neck * high and high >= narrowest * math.sqrt(top)
        return np.flatnonzero(taken)

    def flood(self, peaks: NDArray[np.int64]) -> Labels:
        """The part that each pixel belongs to, 1 and on in the order of peaks; (h, w)."""
        number = np.zeros(len(self.roots), np.int32)
        number[peaks] = np.arange(1, len(peaks) + 1)
        filled = self._filled(number > 0)[self.basin]
        # a lake without a marker is flooded all at once, over its pass
        when = self.order.copy()
        np.maximum(when[:-1], filled, out=when[:-1])
        to = _first(when, self.near, np.arange(len(self.places), dtype=np.int32))
        lake = np.flatnonzero(self.order[:-1] < filled)
        to[lake] = np.searchsorted(self.places, filled[lake] % _PLACE)
        marked = self.roots[peaks]
        to[marked] = marked
        labels = np.zeros(self.shape, np.int32)
        labels.ravel()[self.places] = number[self.basin[_ends(to)]]
        return labels

    def _filled(self, marked: NDArray[np.bool_]) -> NDArray[np.int64]:
        """`order` at which each summit's basin is reached from a marker; -1 of those marked."""
        reached, leader = np.full(len(marked), -1, np.int64), list(range(len(marked)))
        dry = {summit: [summit] for summit in np.flatnonzero(~marked).tolist()}
        for one, other, level in self.passes.tolist():
            one, other = _leader(leader, one), _leader(leader, other)
            members, others = dry.pop(one, None), dry.pop(other, None)
            leader[other] = one
            if members is not None and others is not None:
                longer, shorter = sorted((members, others), key=len, reverse=True)
                longer += shorter
                dry[one] = longer
            elif members is not None or others is not None:
                reached[members or others] = level
        return reached


def _squares(mask: Mask) -> NDArray[np.int32]:
    """Squared distance to the ground, in pixels, exact; the image's edge is no ground."""
    if mask.all():
        return np.ones(mask.shape, np.int32)
    inland = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    return np.rint(cv2.multiply(inland, inland)).astype(np.int32)


def _near(mask: Mask, places: NDArray[np.int64]) -> NDArray[np.int32]:
    """Neighbours of the mask's pixels above, left, right and below, among themselves."""
    height, width = mask.shape
    count = len(places)
    # a frame of ground keeps neighbours within their row
    where = np.full((height + 2, width + 2), count, np.int32)
    where[1:-1, 1:-1][mask > 0] = np.arange(count)
    flat, stride = where.ravel(), width + 2
    framed = places + 2 * (places // width) + stride + 1
    return np.stack([flat[framed + step] for step in (-stride, -1, 1, stride)])


def _first(
    when: NDArray[np.int64], near: NDArray[np.int32], own: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Of each pixel and its neighbours, the one that is flooded first."""
    first, earliest = own.copy(), when[own]
    for neighbour in near:
        then = when[neighbour]
        sooner = then < earliest
        np.copyto(earliest, then, where=sooner)
        np.copyto(first, neighbour, where=sooner)
    return first


def _ends(to: NDArray[np.int32]) -> NDArray[np.int32]:
    """Where each chain of pointers ends."""
    while True:
        further = to[to]
        if np.array_equal(further, to):
            return to
        to = further


def _passes(
    order: NDArray[np.int64], near: NDArray[np.int32], basin: NDArray[np.int32], count: int
) -> NDArray[np.int64]:
    """The lowest passes that connect all summits of a unit: a spanning tree [1]_.

    References
    ----------
    .. [1] Meyer, Minimum spanning forests for morphological segmentation, Mathematical
       Morphology and its Applications to Image Processing, 1994.
    """
    found = []
    padded = np.append(basin, -1)
    for neighbour in near[2:]:
        other = padded[neighbour]
        there = np.flatnonzero((other != basin) & (other >= 0))
        pair = np.sort(np.stack((basin[there], other[there])), axis=0).astype(np.int64)
        found.append((pair[0] * count + pair[1], np.maximum(order[there], order[neighbour[there]])))
    pairs, levels = (np.concatenate(part) for part in zip(*found, strict=True))
    by_level = np.argsort(levels, kind="stable")
    pairs, levels = pairs[by_level], levels[by_level]
    _, firsts = np.unique(pairs, return_index=True)
    firsts.sort()
    pairs, levels = pairs[firsts], levels[firsts]
    graph = coo_array(
        (np.arange(1.0, len(pairs) + 1), (pairs // count, pairs % count)), shape=(count, count)
    )
    kept = np.sort(minimum_spanning_tree(graph).data).astype(np.int64) - 1
    return np.stack((pairs[kept] // count, pairs[kept] % count, levels[kept]), axis=1)


def _leader(leader: list[int], one: int) -> int:
    """The leader of a set; the way there is shortened for the next who asks."""
    while leader[one] != one:
        leader[one] = leader[leader[one]]
        one = leader[one]
    return one


def _shores(parts: Labels) -> NDArray[np.bool_]:
    """Pixels, bool (h, w), that touch a part of a lower number, at a side or a corner."""
    shore = np.zeros(parts.shape, np.bool_)
    for own, beside in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1), slice(1, None)), (slice(1, None), slice(None, -1))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ((slice(None, -1), slice(None, -1)), (slice(1, None), slice(1, None))),
    ):
        mine, other = parts[own], parts[beside]
        shore[own] |= (mine > other) & (other > 0)
        shore[beside] |= (other > mine) & (mine > 0)
    return shore
