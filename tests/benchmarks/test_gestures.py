"""From a gesture to the mask drawn: `pytest tests/benchmarks/test_gestures.py --benchmark-only`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from benchmarks.drawing import Drawing
from cohorts import Drawn, write_cohort
from gui.conftest import Window
from trainer.data.case import Prediction
from trainer.data.predictions import Predictions
from trainer.tools.scene import Point

SIZE = 3000
DISCS = tuple(
    (row, column, 90) for row in range(200, 2900, 280) for column in range(200, 2900, 280)
)
"""A hundred units."""

LIMIT = 100
"""Milliseconds from gesture to drawn."""


@pytest.fixture(scope="module")
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One case of 3000×3000 with a hundred units and a soft prediction of them."""
    folder = tmp_path_factory.mktemp("large") / "cohort"
    case = Drawn("1", "kidney", (SIZE, SIZE), discs=DISCS)
    write_cohort(folder, [case])
    small = cv2.resize(255 * case.mask, (768, 768), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 4)
    made = Predictions.create(
        folder / "predictions" / "soft", {"ensemble": "soft", "fingerprint": "f", "threshold": 0.5}
    )
    made.write(Prediction("1", soft, np.zeros_like(soft), (SIZE, SIZE)))
    return folder


@pytest.fixture
def large(drawn_once: Path, tmp_path: Path) -> Path:
    """The case as nobody has changed it yet."""
    return Path(shutil.copytree(drawn_once, tmp_path / "cohort"))


def ring(row: float, column: float, radius: float) -> list[Point]:
    angles = np.linspace(0, 2 * np.pi, 40)
    return [Point(row + radius * np.sin(a), column + radius * np.cos(a)) for a in angles]


def line(start: Point, end: Point) -> list[Point]:
    steps = np.linspace(0, 1, 12)
    return [
        Point(start.row + (end.row - start.row) * k, start.column + (end.column - start.column) * k)
        for k in steps
    ]


def gesture(window: Window, name: str) -> Callable[[Point], None]:
    """What the user does with a tool at a unit's centre."""
    tool = next(one for one in window.desk.toolbox.tools if one.name == name)

    def across(at: Point) -> None:
        tool.stroke(line(Point(at.row, at.column - 110), Point(at.row, at.column + 110)))

    def along(at: Point) -> None:
        tool.stroke(line(at, Point(at.row, at.column + 280)))

    def around(at: Point) -> None:
        tool.stroke(ring(at.row, at.column, 100))

    def dab(at: Point) -> None:
        tool.stroke(line(at, Point(at.row + 20, at.column + 20)))

    return {"split": across, "merge": along, "snap": around, "smart_brush": dab}.get(
        name, tool.click
    )


@pytest.mark.benchmark(group="from a gesture to drawn, 3000×3000")
@pytest.mark.parametrize(
    "name",
    [
        "pick",
        "split",
        "merge",
        "holes",
        "smooth",
        "snap",
        "smart_brush",
        "undo",
        "sides",
        "suggested",
    ],
)
def test_from_a_gesture_to_drawn(
    benchmark: Any, open_window: Callable[[Path], Window], large: Path, name: str
) -> None:
    window = open_window(large)
    window.wait(lambda: window.open_id == "1")
    window.wait(lambda: window.desk.session.open.predicted is not None)
    window.wait(lambda: not window.desk.jobs.running)
    window.viewer.scene.camera.zoom = 1.0
    session = window.desk.session
    mask = session.open.curated
    places = iter([Point(row, column) for row, column, _ in DISCS if column < 2700])
    drawing = Drawing(window.viewer)
    at: list[Point] = []

    def prepare() -> None:
        at[:] = [next(places)]
        row, column = (round(value) for value in at[0])
        if name == "holes":
            mask[row - 9 : row + 9, column - 9 : column + 9] = 0
            session.drawing.painted("erase")
        elif name in ("smart_brush", "snap"):
            mask[row - 95 : row + 95, column - 95 : column + 95] = 0
            session.drawing.painted("erase")
        elif name == "smooth":
            mask[row - 4 : row + 4, column : column + 130] = 1
            session.drawing.painted("paint")
        elif name == "undo":
            mask[row - 95 : row + 95, column - 95 : column + 95] ^= 1
            session.drawing.painted("paint")
        elif name == "suggested" and edits:
            session.drawing.undo()
        elif name == "suggested":
            mask[:] = 0
            session.drawing.painted("erase")
        window.viewer.scene.camera.center = (0, row * 0.5, column * 0.5)
        window.wait(lambda: not session.unsaved())
        QApplication.processEvents()

    if name == "undo":
        act: Callable[[Point], None] = lambda _: session.drawing.undo()  # noqa: E731
    elif name == "sides":
        findings = window.desk.review.findings
        window.wait(lambda: bool(findings.all))
        findings.choose(0)
        # goes on to the next finding by itself, as the user does
        act = lambda _: window.desk.review.deciding.take("prediction")  # noqa: E731
    elif name == "suggested":
        window.wait(lambda: not window.desk.review.deciding.suggesting.why_not())
        act = lambda _: window.desk.review.deciding.take_suggested()  # noqa: E731
    else:
        act = gesture(window, name)

    def act_and_draw() -> None:
        act(at[0])
        drawing.now()

    edits = []
    session.curated_changed.connect(lambda: edits.append(session.open.history.last))
    benchmark.pedantic(act_and_draw, setup=prepare, rounds=12, warmup_rounds=2)
    assert len(edits) >= 14, "a gesture changed nothing"
    times = 1000 * np.array(benchmark.stats.stats.data)
    benchmark.extra_info["drawn_p50_ms"] = round(float(np.median(times)), 1)
    benchmark.extra_info["drawn_p90_ms"] = round(float(np.percentile(times, 90)), 1)
    benchmark.extra_info["frame_p50_ms"] = round(median_frame(drawing), 1)


def median_frame(drawing: Drawing) -> float:
    """Milliseconds of a frame in which nothing is new, on this machine in this hour."""
    times = []
    for _ in range(12):
        start = time.perf_counter()
        drawing.now()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))
