"""How long a person waits: `pytest tests/benchmarks/test_window.py --benchmark-only`."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from benchmarks.drawing import Drawing
from cohorts import Drawn, write_cohort
from gui.conftest import Window
from gui.test_predict import choose
from trainer.data.store import Store

SIZE = 3000
DISCS = tuple((row, column, 200) for row in (600, 1500, 2400) for column in (600, 1500, 2400))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve cases of 3000×3000."""
    folder = tmp_path_factory.mktemp("large") / "cohort"
    cases = [Drawn(str(n), "kidney", (SIZE, SIZE), discs=DISCS[: n % 5 + 3]) for n in range(12)]
    write_cohort(folder, cases)
    return folder


@contextmanager
def ticking() -> Iterator[list[float]]:
    """Times at which the window's event loop came round, a timer asking every 5 ms."""
    ticks: list[float] = []
    timer = QTimer()
    timer.setInterval(5)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    yield ticks
    timer.stop()


def note_gaps(benchmark: Any, ticks: list[float]) -> None:
    gaps = 1000 * np.diff(ticks)
    for name, value in zip(
        ("p50", "p90", "p99", "max"), np.percentile(gaps, (50, 90, 99, 100)), strict=True
    ):
        benchmark.extra_info[f"gap_{name}_ms"] = round(float(value), 1)
    benchmark.extra_info["gaps"] = len(gaps)


@pytest.mark.benchmark(group="event loop")
@pytest.mark.parametrize("work", ["idle", "predicting"])
def test_gaps_of_the_event_loop(
    benchmark: Any,
    open_window: Callable[[Path], Window],
    large: Path,
    ensemble_file: Path,
    work: str,
) -> None:
    window = open_window(large)
    window.wait(lambda: window.open_id is not None)
    choose(window, ensemble_file)
    window.wait(lambda: window.ensemble.device.currentData() is not None)
    window.wait(lambda: not window.desk.jobs.running)

    def watch() -> None:
        with ticking() as ticks:
            if work == "predicting":
                window.click(window.ensemble.run)
                window.wait(lambda: window.ensemble.job is None, 300)
            else:
                until = time.perf_counter() + 5
                window.wait(lambda: time.perf_counter() > until)
        note_gaps(benchmark, ticks)

    benchmark.pedantic(watch, rounds=1)


@pytest.mark.benchmark(group="open a 3000×3000 case, cold")
def test_from_asking_to_drawn(
    benchmark: Any, open_window: Callable[[Path], Window], large: Path
) -> None:
    """Against bare napari with one image and one mask, just before in the same process."""
    theirs = bare_napari(large)
    window = open_window(large)
    window.wait(lambda: window.open_id == "0")
    drawing = Drawing(window.viewer)
    # Never the next of the queue: that one would be ready.
    names = iter((5, 10, 3, 8, 1, 6, 11, 4, 9))

    def open_next() -> None:
        case_id = str(next(names))
        window.desk.session.want(case_id)
        window.wait(lambda: window.open_id == case_id)
        drawing.now()

    def calm() -> None:
        window.wait(lambda: not window.desk.jobs.running)

    benchmark.pedantic(open_next, setup=calm, rounds=8, warmup_rounds=1)
    ratio = benchmark.stats.stats.median / theirs
    benchmark.extra_info["bare_napari_ms"] = round(1000 * theirs)
    benchmark.extra_info["ours / bare napari"] = round(ratio, 2)
    assert ratio <= 1.3


def bare_napari(folder: Path) -> float:
    """Median seconds from reading an image to its being drawn with a mask, and nothing else."""
    bare = napari.Viewer()
    drawing = Drawing(bare)
    times = []
    for case_id in (5, 10, 3, 8, 1, 6, 11, 4, 9):
        start = time.perf_counter()
        image = tifffile.imread(folder / "train_images" / f"{case_id}.tiff")
        bare.layers.clear()
        bare.add_image(image)
        bare.add_labels(np.zeros(image.shape[:2], np.uint8))
        drawing.now()
        times.append(time.perf_counter() - start)
    bare.close()
    return float(np.median(times[1:]))


@pytest.mark.benchmark(group="open a 3000×3000 case, warm")
@pytest.mark.parametrize("canvases", [1, 2])
def test_the_next_case_when_it_is_ready(
    benchmark: Any, open_window: Callable[[Path], Window], large: Path, canvases: int
) -> None:
    window = open_window(large)
    window.wait(lambda: window.open_id == "0")
    session, ahead = window.desk.session, window.desk.ahead
    if canvases == 2:
        window.desk.side_by_side.switch()

    drawing = Drawing(window.viewer)
    busy: list[float] = []

    def when_ready() -> None:
        window.wait(lambda: ahead.ready is not None)
        window.wait(lambda: not window.desk.jobs.running)
        # the rows' pictures are read once in a cohort's life
        window.wait(lambda: all(one.name != "thumbnails" for one in threading.enumerate()))
        QApplication.processEvents()

    def open_next() -> None:
        start = time.thread_time()
        session.step(1)
        drawing.now()
        busy.append(time.thread_time() - start)

    benchmark.pedantic(open_next, setup=when_ready, rounds=9, warmup_rounds=1)
    times = np.array(benchmark.stats.stats.data) * 1000
    benchmark.extra_info["processor_p50_ms"] = round(1000 * float(np.median(busy[1:])))
    for name, value in zip(("p50", "p90"), np.percentile(times, (50, 90)), strict=True):
        benchmark.extra_info[f"drawn_{name}_ms"] = round(float(value))


@pytest.mark.benchmark(group="memory while cases go by")
def test_memory_stays(benchmark: Any, open_window: Callable[[Path], Window], large: Path) -> None:
    """Once through twelve cases of 3000×3000, then twice more: no case stays behind."""
    window = open_window(large)
    window.wait(lambda: window.open_id == "0")
    session, drawing = window.desk.session, Drawing(window.viewer)

    def go_through() -> None:
        for _ in range(2):
            for by in (1, -1):
                for _ in range(11):
                    session.step(by)
                    window.wait(lambda: window.open_id == session.wanted)
                    drawing.now()

    go_through()
    before = resident()
    benchmark.pedantic(go_through, rounds=1)
    benchmark.extra_info["grown_mb_over_44_cases"] = round(resident() - before)
    benchmark.extra_info["resident_mb"] = round(resident())
    assert resident() - before < 100


@pytest.mark.benchmark(group="from the mouse let go to the stroke on disk, 3000×3000")
def test_a_stroke_is_on_disk(
    benchmark: Any, open_window: Callable[[Path], Window], large: Path
) -> None:
    window = open_window(large)
    window.wait(lambda: window.open_id == "0")
    window.wait(lambda: not window.desk.jobs.running)
    session = window.desk.session
    window.press("P")
    rows = iter(range(300, 2900, 100))

    def draw() -> None:
        row = float(next(rows))
        window.drag([(row, 1000.0), (row, 1400.0)])
        assert session.unsaved()

    benchmark.pedantic(
        lambda: window.wait(lambda: not session.unsaved()), setup=draw, rounds=20, warmup_rounds=1
    )
    assert benchmark.stats.stats.max < 1.0


@pytest.mark.benchmark(group="cancel while predicting 3000×3000 cases")
def test_cancel_answers(
    benchmark: Any, open_window: Callable[[Path], Window], large: Path, ensemble_file: Path
) -> None:
    window = open_window(large)
    window.wait(lambda: window.open_id is not None)
    choose(window, ensemble_file)
    window.wait(lambda: window.ensemble.device.currentData() is not None)

    def begin() -> None:
        shutil.rmtree(large / "predictions", ignore_errors=True)
        window.click(window.ensemble.run)
        window.wait(lambda: window.ensemble.job is not None and window.ensemble.job.done >= 1, 120)

    def cancel() -> None:
        window.click(window.ensemble.cancel)
        window.wait(lambda: window.ensemble.job is None)

    benchmark.pedantic(cancel, setup=begin, rounds=5)
    assert benchmark.stats.stats.max < 2.0


def resident() -> float:
    """This process's memory in MB, by Linux's account."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.benchmark(group="pan a 3000×3000 case by a frame")
@pytest.mark.parametrize("canvases", [1, 2])
def test_a_frame_of_a_pan(
    benchmark: Any, open_window: Callable[[Path], Window], large: Path, canvases: int
) -> None:
    window = open_window(large)
    window.wait(lambda: window.open_id == "0")
    window.wait(lambda: not window.desk.jobs.running)
    if canvases == 2:
        window.desk.side_by_side.switch()
    camera = window.viewer.scene.camera
    camera.zoom = 1.0
    views = window.viewer.window._qt_window.centralWidget().findChildren(
        type(window.viewer.window._qt_viewer)
    )
    drawn: list[int] = []
    for number, view in enumerate(views):
        view.canvas.events.draw.connect(lambda _, number=number: drawn.append(number))
    turn = iter(range(1, 1000))

    def pan() -> None:
        drawn.clear()
        camera.center = (0, 700 + 8 * next(turn), 700)
        while len(set(drawn)) < canvases:
            QApplication.processEvents()

    benchmark.pedantic(pan, rounds=30, warmup_rounds=3)


@pytest.mark.benchmark(group="autosave of a 3000×3000 mask")
def test_autosave(benchmark: Any, tmp_path: Path) -> None:
    mask = Drawn("1", "kidney", (SIZE, SIZE), discs=DISCS).mask
    store = Store.for_cohort(tmp_path)
    turn = iter(range(1, 1000))

    def save() -> None:
        mask[0, next(turn)] = 1
        store.add("1", mask, tool="paint")

    benchmark.pedantic(save, rounds=20, warmup_rounds=1)
    store.close()
    size = sum(path.stat().st_size for path in tmp_path.glob("reviews.sqlite*"))
    benchmark.extra_info["bytes_a_revision"] = size // 21
