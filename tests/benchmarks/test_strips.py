"""Ten thousand dots: `pytest tests/benchmarks/test_strips.py --benchmark-only`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from qtpy.QtGui import QPixmap

from hubmap_viewer.docks.strips import Strips
from hubmap_viewer.organ_figures import Strip
from trainer.data.case import ORGANS

WIDTH, HEIGHT = 600, 200


@pytest.fixture(scope="module")
def strips() -> list[Strip]:
    chance = np.random.default_rng(0)
    made = []
    for organ in ORGANS:
        dice = np.sort(chance.beta(6, 2, 2000))
        ids = tuple(f"{organ}{number}" for number in range(2000))
        seen, queued = chance.random(2000) < 0.05, chance.random(2000) < 0.7
        made.append(Strip(organ, ids, dice, seen, queued, float(np.median(dice)), ""))
    return made


def test_ten_thousand_dots_placed_and_drawn(
    benchmark: Any, qtbot: Any, strips: list[Strip]
) -> None:
    """Against matplotlib's scatter of as many dots into a picture of the same size."""
    widget = Strips(str)
    qtbot.addWidget(widget)
    widget.resize(WIDTH, HEIGHT)
    picture = QPixmap(widget.size())

    def ours() -> None:
        widget.show_strips(strips, "#E69F00")
        widget.render(picture)

    def theirs() -> None:
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
        axes = figure.subplots()
        for number, strip in enumerate(strips):
            axes.scatter(strip.dice, np.full(len(strip.dice), number), s=9)
        FigureCanvasAgg(figure).draw()

    benchmark.pedantic(ours, rounds=10, warmup_rounds=1)
    benchmark.extra_info["matplotlib / ours"] = _best(theirs) / benchmark.stats.stats.min


def _best(work: Callable[[], None]) -> float:
    times = []
    for _ in range(4):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
