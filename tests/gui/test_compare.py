"""Two ensembles compared in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from viewer.test_what_if import soft

from cohorts import TRAIN
from gui.conftest import Window
from hubmap_viewer.docks.compare import CompareDock
from trainer.data.predictions import Predictions


def compare(window: Window) -> CompareDock:
    dock: Any = window.viewer.window.dock_widgets["Compare (hubmap-viewer)"]
    window.show(dock)
    return dock


def test_regressions_are_listed_and_opened(
    open_window: Callable[[Path], Window], cohort_folder: Path
) -> None:
    for name, blur in (("older", 9), ("newer", 3)):
        made = Predictions.create(cohort_folder / "predictions" / name, {"ensemble": name})
        for case in TRAIN:
            made.write(soft(case, 14 if (name, case.id) == ("newer", "12") else blur))
    window = open_window(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    dock = compare(window)
    session = window.desk.session
    assert session.predictions is not None
    other = "older" if session.predictions.folder.name == "newer" else "newer"
    dock.before.setCurrentIndex(dock.before.findText(other))
    dock.before.activated.emit(dock.before.currentIndex())
    if other == "newer":
        window.click(dock.swap)
    window.wait(lambda: len(dock.cases.rows) == 3)
    assert (dock.before.currentText(), dock.after.currentText()) == ("older", "newer")
    assert dock.cases.texts(0)[0] == "12"
    assert dock.cases.texts(0)[1].startswith("−")
    assert dock.left_out.text() == "1 case seen in training left out."
    assert "Wilcoxon" in dock.caveat.text()

    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    spot = dock.cases.visualRect(dock.cases.model().index(0, 0)).center()
    viewport: Any = dock.cases.viewport()
    QTest.mouseClick(viewport, left, none, spot)
    window.wait(lambda: window.open_id == "12")
    for name in ("prediction", "second ensemble"):
        assert window.desk.layers[name].data[0].any()

    dock.organ.setCurrentIndex(dock.organ.findText("lung"))
    dock.organ.activated.emit(dock.organ.currentIndex())
    assert [row.case_id for row in dock.cases.rows] == ["21"]


def test_nothing_to_compare_is_said(window: Window) -> None:
    dock = compare(window)
    assert dock.state.text().startswith("There is nothing to compare yet")
    assert not dock.swap.isEnabled()
    assert dock.swap.toolTip() == "Choose two predictions first."
