"""A threshold is moved: `pytest tests/benchmarks/test_what_if.py --benchmark-only`."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from benchmarks.drawing import Drawing
from cohorts import Drawn, write_cohort
from gui.conftest import Window
from hubmap_viewer.session import Session
from hubmap_viewer.what_if import WhatIf
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.metrics import dice
from trainer.predict.postprocess import to_mask
from trainer.review.histograms import Histogram, of

CASES = 351
SIZE = 3000
ORGANS = ("kidney", "largeintestine", "lung", "prostate", "spleen")
DISCS = tuple(
    (row, column, 130) for row in range(150, 3000, 300) for column in range(150, 3000, 300)
)


def blurred(case: Drawn, seen: bool = False) -> Prediction:
    """A prediction at network resolution that is right but for its edges."""
    small = cv2.resize(255 * case.mask, (512, 512), interpolation=cv2.INTER_AREA)
    soft = np.asarray(cv2.GaussianBlur(small, (0, 0), 6), np.uint8)
    return Prediction(case.id, soft, soft // 4, case.shape, seen)


def predicted(folder: Path, cases: list[Drawn]) -> Predictions:
    write_cohort(folder, cases)
    predictions = Predictions.create(folder / "predictions" / "made", {"ensemble": "made"})
    for case in cases:
        predictions.write(blurred(case))
    return predictions


@pytest.mark.benchmark(group="a threshold moves 351 cases")
@pytest.mark.parametrize("peer", ["counts", "masks anew"])
def test_a_cohort_follows_a_slider(benchmark: Any, tmp_path: Path, peer: str) -> None:
    drawn = [
        Drawn(str(n), ORGANS[n % 5], (256, 256), discs=((99, 99, 30 + n % 50),))
        for n in range(CASES)
    ]
    predictions = predicted(tmp_path / "cohort", drawn)
    session = Session()
    session.open_cohort(Cohort.open(tmp_path / "cohort"))
    session.use_predictions(predictions)
    model = WhatIf(session)
    cases = session.sources.cohort.cases
    known = {case.id: (blurred(case), case.mask) for case in drawn}
    counted: list[Histogram] = [of(cases[i], *pair) for i, pair in known.items()]
    model.put(predictions.folder, counted)
    values = cycle((0.3, 0.4, 0.6))

    def move() -> None:
        threshold = next(values)
        if peer == "counts":
            model.move(dict.fromkeys(ORGANS, threshold))
            model.rows()
        else:
            for prediction, truth in known.values():
                dice(to_mask(prediction, threshold), truth)

    benchmark.pedantic(move, rounds=30 if peer == "counts" else 3, warmup_rounds=1)
    if peer == "counts":
        times = np.array(benchmark.stats.stats.data) * 1000
        benchmark.extra_info["p95_ms"] = round(float(np.percentile(times, 95)), 2)
        assert all(session.scores[case.id].prediction is not None for case in drawn)
    session.close()


@pytest.mark.benchmark(group="a threshold moves the open 3000×3000 case")
@pytest.mark.parametrize("zoom", ["whole", "close"])
def test_the_contour_follows_a_slider(
    benchmark: Any, open_window: Callable[[Path], Window], tmp_path: Path, zoom: str
) -> None:
    predicted(tmp_path / "cohort", [Drawn("1", "kidney", (SIZE, SIZE), discs=DISCS)])
    window = open_window(tmp_path / "cohort")
    session = window.desk.session
    window.wait(lambda: session.open is not None and session.open.predicted is not None)
    window.wait(lambda: not window.desk.jobs.running)
    if zoom == "close":
        window.viewer.scene.camera.zoom *= 8
    values = cycle((0.3, 0.4, 0.6, 0.7))

    drawing = Drawing(window.viewer)
    busy: list[float] = []
    made: list[float] = []
    frames: list[float] = []

    def frame() -> None:
        """What the renderer takes for a frame in which nothing is new."""
        QApplication.processEvents()
        start = time.perf_counter()
        drawing.now()
        frames.append(time.perf_counter() - start)

    def move() -> None:
        start, began = time.thread_time(), time.perf_counter()
        session.try_thresholds({"kidney": next(values)})
        made.append(time.perf_counter() - began)
        drawing.now()
        busy.append(time.thread_time() - start)

    benchmark.pedantic(move, setup=frame, rounds=20, warmup_rounds=2)
    QApplication.processEvents()
    for percent in (50, 95):
        worked_out = 1000 * float(np.percentile(made[2:], percent))
        benchmark.extra_info[f"worked_out_p{percent}_ms"] = round(worked_out, 1)
    benchmark.extra_info["frame_alone_p50_ms"] = round(1000 * float(np.median(frames)), 1)
    benchmark.extra_info["processor_p50_ms"] = round(1000 * float(np.median(busy)), 1)
    times = np.array(benchmark.stats.stats.data) * 1000
    for percent in (50, 95):
        benchmark.extra_info[f"p{percent}_ms"] = round(float(np.percentile(times, percent)), 1)
