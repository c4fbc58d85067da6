"""Findings beside the same rule by scikit-image: equal results, and how much faster."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest
from skimage.measure import label, regionprops

from trainer.data.case import Mask
from trainer.data.findings import SIZEABLE, SPECK, Finding, find

SIDE = 3000
FASTER = 5.0


@dataclass
class Unit:
    """A connected component and the units of the other mask that it matches, by common area."""

    ours: bool
    area: int
    border: bool
    matches: dict[int, int] = field(default_factory=dict)

    @property
    def best(self) -> int | None:
        return max(self.matches, key=lambda one: self.matches[one], default=None)

    def degree(self, speck: float) -> int:
        common = self.matches.values()
        return sum(one >= max(SIZEABLE * max(common), speck) for one in common)


def by_skimage(first: Mask, second: Mask) -> list[tuple[object, ...]]:
    """Facts of the findings, as `find` gives them, by labels and region properties."""
    labels: list[Any] = [label(mask, connectivity=1) for mask in (first, second)]
    regions: list[Any] = [regionprops(one) for one in labels]
    shift = len(regions[0])
    units = {}
    for ours, offset in ((True, 0), (False, shift)):
        for one in regions[0 if ours else 1]:
            border = min(one.bbox[:2]) == 0 or one.bbox[2] == SIDE or one.bbox[3] == SIDE
            units[one.label + offset] = Unit(ours, int(one.area), border)
    for one in regions[0]:
        beneath = labels[1][tuple(one.coords.T)]
        for other, common in zip(*np.unique(beneath[beneath > 0], return_counts=True), strict=True):
            here, there = units[one.label], units[other + shift]
            if 2 * common > min(here.area, there.area):
                here.matches[int(other) + shift] = int(common)
                there.matches[one.label] = int(common)
    names = {number: _name(number, units) for number in units}
    table = np.array([0, *(names[number] for number in sorted(units))])
    found = np.where(
        labels[0] > 0, table[labels[0]], table[np.where(labels[1], labels[1] + shift, 0)]
    )
    found[(first > 0) == (second > 0)] = 0
    return sorted(_facts(region, units, names) for region in regionprops(found))


def _name(number: int, units: dict[int, Unit]) -> int:
    """The unit whose finding a unit's pixels go to."""
    speck = SPECK * SIDE * SIDE
    while True:
        unit = units[number]
        best = unit.best
        if best is None or unit.degree(speck) > 1:
            return number
        if units[best].best == number and units[best].degree(speck) < 2:
            return min(number, best)
        number = best


def _facts(region: Any, units: dict[int, Unit], names: dict[int, int]) -> tuple[object, ...]:
    unit = units[region.label]
    degree = unit.degree(SPECK * SIDE * SIDE)
    other = 0 if unit.best is None else units[unit.best].area
    if degree > 1:
        kind = "split" if unit.ours else "merged"
    elif unit.best is not None and unit.matches[unit.best] >= SIZEABLE * max(unit.area, other):
        kind = "boundary"
    else:
        kind = "missed" if unit.ours == (unit.area > other) else "spurious"
    border = any(units[one].border for one, name in names.items() if name == region.label)
    return kind, region.bbox, int(region.area), max(1, degree), border, region.image.tobytes()


def facts(one: Finding) -> tuple[object, ...]:
    return one.kind, one.box, one.area, one.units, one.border, one.region.tobytes()


def a_hundred_units() -> tuple[Mask, Mask]:
    """Ragged units, some of them missed, invented, joined or cut in the second mask."""
    random = np.random.default_rng(0)
    first, second = np.zeros((2, SIDE, SIDE), np.uint8)
    for number, (row, column) in enumerate(np.ndindex(10, 10)):
        y, x = (150 + 300 * place + random.integers(-40, 40) for place in (row, column))
        turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        for mask, present in ((first, number % 10 != 3), (second, number % 10 != 7)):
            reach = random.uniform(80, 130) + random.uniform(-12, 12, turns.size)
            corners = np.stack((x + reach * np.cos(turns), y + reach * np.sin(turns)), 1)
            if present:
                cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1)
    second[140:160, 100:900] = 1
    second[:, 1640:1660] = 0
    second[2400:2410] = 0
    return first, second


def timed(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


@pytest.mark.benchmark(group="findings of a 3000×3000 pair")
def test_findings_of_a_hundred_units(benchmark: Any):
    first, second = a_hundred_units()
    wanted = by_skimage(first, second)
    assert {str(one[0]) for one in wanted} == {"missed", "spurious", "merged", "split", "boundary"}
    assert sorted(facts(one) for one in find(first, second)) == wanted

    benchmark.pedantic(find, (first, second), rounds=15, warmup_rounds=2)
    # in turn, so that both meet the same moods of the machine
    ratios = [
        timed(lambda: by_skimage(first, second)) / timed(lambda: find(first, second))
        for _ in range(7)
    ]
    before = time.process_time()
    find(first, second)
    benchmark.extra_info["processor ms"] = round(1000 * (time.process_time() - before), 1)
    benchmark.extra_info["times faster than scikit-image"] = statistics.median(ratios)
    assert statistics.median(ratios) >= FASTER


@pytest.mark.benchmark(group="findings of a 3000×3000 pair")
def test_findings_with_the_network_s_confidence(benchmark: Any):
    first, second = a_hundred_units()
    probability = cv2.resize(second * 255, (512, 512), interpolation=cv2.INTER_AREA)
    benchmark.pedantic(find, (first, second, probability), rounds=15, warmup_rounds=2)
