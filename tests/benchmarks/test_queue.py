"""A cohort of ten thousand rows: `pytest tests/benchmarks/test_queue.py --benchmark-only`."""

from __future__ import annotations

import csv
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from cohorts import Drawn, write_cohort
from gui.conftest import Window
from hubmap_viewer.columns import BY_NAME, COLUMNS
from hubmap_viewer.scores import Scores
from trainer.data.case import ORGANS
from trainer.data.cohort import Cohort

ROWS = 10_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten thousand rows, every image a link to one; run lengths as long as real ones."""
    folder = tmp_path_factory.mktemp("many") / "cohort"
    chance = np.random.default_rng(0)
    discs = tuple((int(r), int(c), 20) for r, c in chance.integers(30, 480, (30, 2)))
    write_cohort(folder, [Drawn("0", "kidney", (512, 512), discs=discs)])
    with (folder / "train.csv").open(newline="", encoding="utf-8") as handle:
        (first,) = csv.DictReader(handle)
    with (folder / "train.csv").open("w", newline="", encoding="utf-8") as handle:
        table = csv.DictWriter(handle, first)
        table.writeheader()
        for number in range(ROWS):
            name = {"id": str(number), "organ": ORGANS[number % 5]}
            table.writerow(first | name)
            if number:
                os.link(folder / "train_images/0.tiff", folder / f"train_images/{number}.tiff")
    return folder


@pytest.fixture(scope="module")
def scores() -> dict[str, Scores]:
    chance = np.random.default_rng(1)
    return {str(number): Scores(prediction=float(chance.random())) for number in range(0, ROWS, 2)}


def opened(open_window: Callable[[Path], Window], many: Path) -> Window:
    window = open_window(many)
    window.wait(lambda: window.open_id is not None, 60)
    return window


@pytest.mark.benchmark(group="10,000 rows: from the csv's metadata to a table that answers")
@pytest.mark.parametrize("what", ["reading the csv", "window"])
def test_open(
    benchmark: Any, open_window: Callable[[Path], Window], many: Path, tmp_path: Path, what: str
) -> None:
    if what == "reading the csv":
        benchmark.pedantic(lambda: Cohort.open(many), rounds=3)
        assert benchmark.stats.stats.min < 3
        return
    write_cohort(tmp_path / "small", [Drawn("1", "lung", (64, 64))])
    window = open_window(tmp_path / "small")
    window.wait(lambda: window.open_id == "1")
    cohort = Cohort.open(many)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    busy: list[float] = []

    def show() -> None:
        start = time.thread_time()
        window.desk._opened(cohort)
        window.wait(lambda: window.cases.model.rowCount() == ROWS)
        window.cases.table.repaint()
        QApplication.processEvents()
        busy.append(time.thread_time() - start)

    benchmark.pedantic(show, rounds=5)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    benchmark.extra_info["peak memory grew by MB"] = round(grown / 1024, 1)
    benchmark.extra_info["processor_p50_ms"] = round(1000 * float(np.median(busy)))


@pytest.mark.benchmark(group="10,000 rows: one click")
@pytest.mark.parametrize("what", ["sort by Dice", "sort by id", "filter by organ", "type a word"])
def test_one_click(
    benchmark: Any,
    open_window: Callable[[Path], Window],
    many: Path,
    scores: dict[str, Scores],
    what: str,
) -> None:
    window = opened(open_window, many)
    window.desk.session.put_many_scores(scores)
    QApplication.processEvents()
    columns = [BY_NAME["prediction"], BY_NAME["case"]]
    turn = iter(range(1000))

    busy: list[float] = []

    def click() -> None:
        start = time.thread_time()
        number = next(turn)
        if what == "filter by organ":
            window.cases.organ.setCurrentIndex(1 + number % 5)
        elif what == "type a word":
            window.cases.search.setText(str(number % 10))
        else:
            column = COLUMNS.index(columns[what == "sort by id"])
            orders = window.cases.table.horizontalHeader().sortIndicatorOrder().__class__
            window.cases.table.sortByColumn(column, orders(number % 2))
        window.cases.table.viewport().repaint()
        busy.append(time.thread_time() - start)

    benchmark.pedantic(click, rounds=20, warmup_rounds=1)
    benchmark.extra_info["processor_p50_ms"] = round(1000 * float(np.median(busy)), 1)
