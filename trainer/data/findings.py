"""Two masks to the differences that a person would name.

Dice loses |A△B| / (|A| + |B|), so a loss is a sum over differing pixels. Each of them is in
one unit of one mask, and each unit goes to one finding: nothing is counted twice or lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.units import BOTH, FIRST, Overlay, Runs, Whole

Kind = Literal["missed", "spurious", "merged", "split", "boundary"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Box = tuple[int, int, int, int]
"""row0, col0, row1, col1 in image pixels; the last two are outside."""

SPECK = 1 / 20_000
"""Of the image: 450 pixels of 3000×3000, at 0.4 µm about the area of one cell, and no unit."""

SIZEABLE = 1 / 20
"""Of the greatest piece: a smaller one makes no merger or split. Of a unit: with less of it in
common, it was missed."""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One place where two masks differ.

    Attributes
    ----------
    box
        Of its differing pixels.
    area
        Its differing pixels.
    loss
        Dice that they cost: a case's losses sum to 1 - Dice.
    share
        Of the case's lost Dice: a case's shares sum to 1.
    units
        How many were merged, or how many pieces one was split into; else 1. 0 for the specks
        of a case, which are one finding together.
    border
        Whether a unit involved touches the image's edge.
    confidence
        Mean probability, in 0..1, that the network gives to the second mask's version of the
        differing pixels; None without a prediction.
    region
        The differing pixels within the box, bool (row1 - row0, col1 - col0).
    """

    kind: Kind
    box: Box
    area: int
    loss: float
    share: float
    units: int
    border: bool
    confidence: float | None
    region: NDArray[np.bool_]

    def area_um2(self, pixel_size: float | None) -> float | None:
        """Area in µm², given the side of a pixel in µm; None where that is unknown."""
        return None if pixel_size is None else self.area * pixel_size**2


@dataclass(frozen=True, slots=True)
class Loss:
    """Findings of a kind: how many, and the Dice that they cost together."""

    count: int = 0
    loss: float = 0.0


def tally(findings: Iterable[Finding]) -> dict[Kind, Loss]:
    """Number and lost Dice of each of the five kinds."""
    totals: dict[Kind, Loss] = {kind: Loss() for kind in KINDS}
    for one in findings:
        before = totals[one.kind]
        totals[one.kind] = Loss(before.count + 1, before.loss + one.loss)
    return totals


def find(first: Mask, second: Mask, probability: NDArray[np.uint8] | None = None) -> list[Finding]:
    """The findings between two masks of a case, largest loss first.

    A unit is a connected component (pixels that touch only at a corner do not connect), cut by
    the image's edge or not. Two units match where one holds more than half of the other: the
    greatest overlap and the half of the gland contest [1]_, asked of the smaller unit, so that
    a merger or a split is seen from either side [2]_. Then

    - a unit of the second mask that matches several of the first has *merged* them;
    - a unit of the first mask that matches several of the second is *split*;
      pieces below `SIZEABLE` of the greatest, or of `SPECK`'s area, do not count;
    - of any other pair the rest is *boundary*, a small unit within a large one among them,
      unless less than `SIZEABLE` of the larger is common: that is as good as without a match;
    - a unit without a match is *missed* if in the first mask, *spurious* if in the second.

    Differing pixels go where their unit goes: to its own merger or split, else to that of the
    unit it overlaps most. So of a chain, where a merger takes part of a unit that is split, two
    findings come. Units below `SPECK` that belong to no larger one are one finding together,
    *boundary* with 0 units.

    Exchanging the masks exchanges missed and spurious, merged and split.

    Parameters
    ----------
    first
        The reference, uint8 (H, W).
    second
        What is tested, of the same size.
    probability
        The network's, of being inside, uint8 (h, w) in steps of 1/255 at any resolution.

    Raises
    ------
    MaskError
        If the masks are of different sizes.

    References
    ----------
    .. [1] Sirinukunwattana et al., Gland segmentation in colon histology images: the GlaS
       challenge contest, Medical Image Analysis 35, 2017: each object is compared with the
       one it overlaps most; a gland is detected if half of it is covered.
    .. [2] Hoover et al., An experimental comparison of range image segmentation algorithms,
       IEEE TPAMI 18(7), 1996: correct, over- and under-segmented, missed, noise.
    """
    return sorted(_findings(Overlay(first, second), probability), key=_rank)


def _rank(finding: Finding) -> tuple[int, Box]:
    return -finding.area, finding.box


@dataclass(frozen=True, slots=True)
class _Matches:
    """What each unit matches. Units of the second mask are numbered after the first's.

    Attributes
    ----------
    best
        The unit that it overlaps most of those it matches; -1 for none.
    common
        The pixels that it shares with that one.
    degree
        How many of its matches count for a merger or a split.
    """

    best: Whole
    common: Whole
    degree: Whole


def _match(overlay: Overlay, speck: float) -> _Matches:
    overlaps = overlay.overlaps()
    count = len(overlay.first.areas)
    first, second, common = overlaps.first, overlaps.second, overlaps.areas
    matches = 2 * common > np.minimum(overlay.first.areas[first], overlay.second.areas[second])
    common = common[matches]
    ends = np.stack((first[matches], second[matches] + count))
    units = count + len(overlay.second.areas)
    best, greatest = np.full(units, -1), np.zeros(units, np.int64)
    degree = np.zeros(units, np.int64)
    # the greatest is assigned last; of equals the first in raster order
    order = np.lexsort((-np.arange(len(common)), common))
    for here, there in (ends, ends[::-1]):
        best[here[order]] = there[order]
        greatest[here[order]] = common[order]
        counts = common >= np.maximum(SIZEABLE * greatest[here], speck)
        degree += np.bincount(here[counts], minlength=units)
    return _Matches(best, greatest, degree)


def _group(matches: _Matches, areas: Whole, speck: float) -> Whole:
    """The finding of each unit: the number of the unit that names it, -1 for specks."""
    best, numbers = matches.best, np.arange(len(areas))
    hub, alone = matches.degree > 1, matches.best < 0
    # of two that overlap each other most, the first mask's gives the name
    names = ~alone & (best[best] == numbers) & (numbers < best) & ~hub[best]
    group = np.where(hub | alone | names, numbers, best)
    while (group[group] != group).any():
        group = group[group]
    largest = np.zeros(len(areas), np.int64)
    np.maximum.at(largest, group, areas)
    return np.where(largest[group] < speck, -1, group)


def _kind(unit: int, matches: _Matches, areas: Whole, count: int) -> Kind:
    """What the finding is that a unit names; the first mask has `count` units."""
    ours = unit < count
    if matches.degree[unit] > 1:
        return "split" if ours else "merged"
    best = matches.best[unit]
    other = 0 if best < 0 else areas[best]
    if matches.common[unit] >= SIZEABLE * max(areas[unit], other):
        return "boundary"
    return "missed" if ours == (areas[unit] > other) else "spurious"


def _findings(overlay: Overlay, probability: NDArray[np.uint8] | None) -> Iterator[Finding]:
    speck = SPECK * overlay.shape[0] * overlay.shape[1]
    count = len(overlay.first.areas)
    areas = np.concatenate((overlay.first.areas, overlay.second.areas))
    matches = _match(overlay, speck)
    group = _group(matches, areas, speck)
    at_border = set(group[np.concatenate((overlay.first.border, overlay.second.border))].tolist())
    differs = overlay.whose != BOTH
    if not differs.any():
        return
    runs, whose = overlay.runs.of(differs), overlay.whose[differs]
    of_first, of_second = (of[differs] for of in overlay.unit_of)
    names, labels = np.unique(
        group[np.where(whose == FIRST, of_first, of_second + count)], return_inverse=True
    )
    boxes = runs.boxes(labels, len(names)).tolist()
    order = np.argsort(labels, kind="stable")
    members = np.split(order, np.searchsorted(labels[order], np.arange(1, len(names))))
    for name, box, chosen in zip(names.tolist(), boxes, members, strict=True):
        mine = runs.of(chosen)
        area = int(mine.lengths.sum())
        yield Finding(
            kind="boundary" if name < 0 else _kind(name, matches, areas, count),
            box=tuple(box),
            area=area,
            loss=area / int(areas.sum()),
            share=area / int(runs.lengths.sum()),
            units=0 if name < 0 else max(1, int(matches.degree[name])),
            border=name in at_border,
            confidence=_confidence(mine, whose[chosen], probability, overlay.shape),
            region=mine.paint(tuple(box)),
        )


def _confidence(
    runs: Runs,
    whose: NDArray[np.uint8],
    probability: NDArray[np.uint8] | None,
    shape: tuple[int, int],
) -> float | None:
    """Mean probability of the second mask's version of the runs' pixels, by nearest pixel."""
    if probability is None:
        return None
    rows = (2 * runs.rows + 1) * probability.shape[0] // (2 * shape[0])
    first = np.cumsum(runs.lengths) - runs.lengths
    columns = np.arange(runs.lengths.sum()) - np.repeat(first - runs.columns, runs.lengths)
    columns = (2 * columns + 1) * probability.shape[1] // (2 * shape[1])
    levels = probability[np.repeat(rows, runs.lengths), columns]
    said = np.where(np.repeat(whose, runs.lengths) == FIRST, 255 - levels, levels)
    return float(said.mean()) / 255
