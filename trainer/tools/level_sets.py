"""How the predicted unit at a place grows as the level of probability falls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.tools.unit_at import flood
from trainer.tools.window import Pixel

GROWTH = 1.08
"""What a step of the wheel makes of a unit's area, at least."""

_REACH = 96
"""Samples on each side of the place; where a unit reaches farther, they are taken wider apart."""

_STEP = 4
"""Between the levels that are compared for stability, of 255."""

_DELTA = 2
"""Steps up and down between which a stable unit hardly grows."""


class _Sampled:
    """Areas of the component at a place, on as few samples as tell them.

    The window is anchored at the place; it doubles, and so do the gaps between samples,
    whenever a component reaches its edge, so a unit of any size costs about the same.
    """

    def __init__(self, levels: NDArray[np.uint8], place: Pixel, taken: Mask | None = None) -> None:
        self._levels, self._place, self._taken = levels, place, taken
        self._gap = 1
        self._cut()

    def area(self, level: int) -> _Area:
        """Of the component at a level."""
        while True:
            found = flood(self._part, self._seed, level)
            if not (self._open & (np.array(found.box) == self._edges)).any():
                beside = self._beside
                touches = beside is not None and bool((found.inside & beside).any())
                return _Area(level, found.area * self._gap**2, touches)
            self._gap *= 2
            self._cut()

    def _cut(self) -> None:
        """Samples of the window at the present gap."""
        gap, (height, width) = self._gap, self._levels.shape
        sides: list[slice] = []
        self._seed: Pixel = (0, 0)
        before: list[int] = []
        still_open: list[bool] = []
        for place, size in zip(self._place, (height, width), strict=True):
            low = min(_REACH, place // gap)
            high = min(_REACH, (size - 1 - place) // gap)
            sides.append(slice(place - low * gap, place + high * gap + 1, gap))
            before.append(low)
            still_open += [low == _REACH and place // gap > _REACH]
            still_open += [high == _REACH and (size - 1 - place) // gap > _REACH]
        self._seed = (before[0], before[1])
        self._part = np.ascontiguousarray(self._levels[sides[0], sides[1]])
        # rows first, then columns, as a box is written: top, left, bottom, right
        self._open = np.array([still_open[0], still_open[2], still_open[1], still_open[3]])
        self._edges = np.array((0, 0, *self._part.shape))
        taken = None if self._taken is None else self._taken[sides[0], sides[1]]
        self._beside = None if taken is None else np.ascontiguousarray(taken)


@dataclass(frozen=True, slots=True)
class _Area:
    level: int
    pixels: int
    touches: bool
    """Whether the component runs into a unit that the mask has already."""


def stable_level(levels: NDArray[np.uint8], place: Pixel, lowest: int, avoiding: Mask) -> int:
    """The level at which the component at a place grows least as the level falls.

    The component tree's branch of the place is followed down, and the level with the least
    (area two steps below - area two steps above) / area is taken: a maximally stable extremal
    region [1]_. Levels at which the component runs into a unit of the mask come second.

    Parameters
    ----------
    levels
        Probability, uint8 (H, W) in steps of 1/255.
    place
        Where.
    lowest
        Level that is not gone below.
    avoiding
        The mask as it is, uint8 (H, W).

    References
    ----------
    .. [1] Matas et al., Robust wide baseline stereo from maximally stable extremal regions,
       BMVC 2002.
    """
    sampled = _Sampled(levels, place, avoiding)
    areas = [sampled.area(level) for level in range(int(levels[place]), lowest - 1, -_STEP)]
    apart = [one for one in areas if not one.touches] or areas
    if len(apart) <= 2 * _DELTA:
        return apart[-1].level
    grown = {
        here.level: (below.pixels - above.pixels) / here.pixels
        for above, here, below in _thrice(apart)
    }
    # of equals the lowest: the unit with its rim
    return min(grown, key=lambda level: (grown[level], level))


def _thrice(areas: list[_Area]) -> Iterator[tuple[_Area, _Area, _Area]]:
    return zip(areas, areas[_DELTA:], areas[2 * _DELTA :], strict=False)


def level_after(
    levels: NDArray[np.uint8], place: Pixel, level: int, steps: int, lowest: int
) -> int:
    """The level some steps of growth away, as far as there are any.

    Parameters
    ----------
    levels, place, lowest
        As `stable_level` has them.
    level
        From here.
    steps
        Outwards; negative ones inwards. Each changes the component's area by `GROWTH`.
    """
    sampled = _Sampled(levels, place)
    end = lowest if steps > 0 else int(levels[place])
    for _ in range(abs(steps)):
        level = _next(sampled, level, end)
    return level


def _next(sampled: _Sampled, level: int, end: int) -> int:
    """The first level towards `end` at which the area has changed enough; `end` if none is."""
    now, way = sampled.area(level).pixels, 1 if end > level else -1
    far, stride = level, 1
    while far != end:
        near, far = far, level + way * min(stride, abs(end - level))
        if _has_changed(now, sampled.area(far).pixels):
            break
        stride *= 2
    else:
        return end
    while abs(far - near) > 1:
        middle = (near + far) // 2
        if _has_changed(now, sampled.area(middle).pixels):
            far = middle
        else:
            near = middle
    return far


def _has_changed(before: int, after: int) -> bool:
    return max(before, after) >= GROWTH * min(before, after)
