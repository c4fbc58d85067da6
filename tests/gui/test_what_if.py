"""Thresholds are tried by hand, in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from viewer.test_what_if import soft

from cohorts import TRAIN
from gui.conftest import Window
from hubmap_viewer.docks.what_if import WhatIfDock
from trainer.data.predictions import Predictions
from trainer.predict.fingerprint import fingerprint
from trainer.settings import Ensemble, read_ensemble, to_yaml


@pytest.fixture
def mine(cohort_folder: Path) -> Path:
    """A cohort's own ensemble, and what it said of the cases."""
    folder = cohort_folder / "ensembles"
    folder.mkdir()
    (folder / "a.safetensors").write_bytes(b"weights")
    (folder / "a.json").write_text("{}")
    made = Ensemble.model_validate({"name": "mine", "members": [{"weights": "a.safetensors"}]})
    (folder / "mine.yaml").write_text(to_yaml(made))
    described = {"ensemble": "mine", "fingerprint": fingerprint(made, folder), "threshold": 0.5}
    predictions = Predictions.create(cohort_folder / "predictions" / "mine", described)
    for case in TRAIN:
        predictions.write(soft(case))
    return folder / "mine.yaml"


def what_if(window: Window) -> WhatIfDock:
    dock: Any = window.viewer.window.dock_widgets["What if (hubmap-viewer)"]
    window.show(dock)
    return dock


def counted(window: Window) -> WhatIfDock:
    dock = what_if(window)
    window.wait(lambda: bool(dock.sliders) and dock.counting.job is None)
    window.wait(lambda: not window.desk.jobs.running)
    return dock


def test_a_threshold_is_tried_by_key_and_written(
    reopen: Callable[[Path], Window], mine: Path, cohort_folder: Path
) -> None:
    window = reopen(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    dock = counted(window)
    session = window.desk.session
    before = session.scores["11"].prediction
    assert not dock.apply.isEnabled()
    assert dock.apply.toolTip() == "No threshold differs from the ensemble's own."

    for _ in range(20):
        slider: Any = dock.sliders["kidney"].slider
        QTest.keyClick(slider, Qt.Key.Key_Right)
    window.wait(lambda: session.thresholds == {"kidney": 0.7})
    assert dock.sliders["kidney"].number.value() == 0.7
    assert session.scores["11"].prediction != before
    assert session.open is not None
    assert session.open.predicted is not None
    assert session.open.predicted.threshold == 0.7
    holder: Any = dock.parentWidget()
    while not holder.windowTitle():
        holder = holder.parentWidget()
    assert holder.windowTitle().endswith("●")

    window.wait(lambda: dock.apply.text() == "Write 1 threshold to mine.yaml")
    window.click(dock.apply)
    assert read_ensemble(mine).thresholds == {"kidney": 0.7}
    assert session.thresholds == {}
    assert session.threshold_for("kidney") == 0.7
    assert "now says kidney 0.70" in dock.notice.text
    assert not holder.windowTitle().endswith("●")


def test_moves_between_two_drawings_are_drawn_once(
    reopen: Callable[[Path], Window], mine: Path, cohort_folder: Path
) -> None:
    window = reopen(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    dock = counted(window)
    drawn: list[float] = []
    session = window.desk.session
    session.thresholds_changed.connect(lambda: drawn.append(session.threshold_for("lung")))
    for value in (55, 60, 65, 70):
        dock.sliders["lung"].slider.setValue(value)
    window.wait(lambda: bool(drawn))
    assert drawn == [0.7]
    window.click(dock.reset)
    assert drawn == [0.7, 0.5]
    assert dock.sliders["lung"].slider.value() == 50


def test_what_is_missing_is_said(window: Window) -> None:
    dock = what_if(window)
    assert dock.state.text().startswith("No predictions are shown")
    assert not dock.apply.isEnabled()
