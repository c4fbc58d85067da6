"""Truths are ranked in the background, and a click goes to the place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cohorts import TRAIN, Drawn
from gui.conftest import Window
from hubmap_viewer.docks.row_table import RowTable
from hubmap_viewer.docks.suspects import SuspectsDock
from trainer.data.case import Prediction
from trainer.data.predictions import Predictions

EXTRA = (45, 345, 40)
"""A unit that the networks see on case 12, and its truth has not."""


def dock(window: Window) -> SuspectsDock:
    found = window.viewer.window.dock_widgets["Suspects (hubmap-viewer)"]
    window.show(found)
    return found


def predict(folder: Path) -> None:
    told = {"ensemble": "e", "fingerprint": "f", "threshold": 0.5}
    kept = Predictions.create(folder / "predictions" / "e", told)
    for case in TRAIN:
        more = (EXTRA,) if case.id == "12" else ()
        units = Drawn(case.id, case.organ, case.shape, discs=(*case.discs, *more)).mask
        probability = np.where(units > 0, 240, 8).astype(np.uint8)
        spread = np.zeros(case.shape, np.uint8)
        kept.write(Prediction(case.id, probability, spread, case.shape))


def click_row(window: Window, table: RowTable, number: int) -> None:
    model = table.model()
    assert model is not None
    spot = table.visualRect(model.index(number, 0)).center()
    QTest.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot
    )


def test_the_most_suspect_unit_is_one_click_away(
    reopen: Callable[[Path], Window], cohort_folder: Path
) -> None:
    predict(cohort_folder)
    window = reopen(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    truths = dock(window).truths
    window.wait(lambda: truths.search.run.isEnabled())
    assert truths.search.run.text() == "Rank 4 truths"
    window.click(truths.search.run)
    window.wait(lambda: len(truths.cases.rows) == 4)
    assert truths.cases.texts(0)[0] == "12"
    unit = truths.units.rows[0]
    assert truths.units.texts(0)[:3] == ["12", "kidney", "not in truth"]

    framed: list[object] = []
    window.desk.session.framed.connect(framed.append)
    click_row(window, truths.units, 0)
    window.wait(lambda: window.open_id == "12" and bool(framed))
    assert framed == [unit.box]


def test_look_alikes_are_kept_together(window: Window, cohort_folder: Path) -> None:
    images = cohort_folder / "train_images"
    shutil.copy(images / "11.tiff", images / "12.tiff")
    suspects = dock(window)
    window.click(suspects.choice.button(1))
    alike = suspects.alike
    window.click(alike.search.run)
    window.wait(lambda: bool(alike.table.rows) and alike.keep.isEnabled())
    assert {"11", "12"} <= {alike.table.texts(row)[1] for row in range(len(alike.table.rows))}
    window.click(alike.keep)
    assert "11,1" in (cohort_folder / "duplicates.csv").read_text("utf-8")
    assert not alike.keep.isEnabled()
    click_row(window, alike.table, 1)
    window.wait(lambda: window.open_id == alike.table.texts(1)[1])
