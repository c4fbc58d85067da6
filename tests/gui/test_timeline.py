"""A case through time: looked at, compared, restored; and what a killed window had drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from crashed import as_after_a_crash
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from cohorts import TRAIN
from gui.conftest import Window
from gui.test_curate import STROKE, kept
from hubmap_viewer import timeline


@pytest.fixture
def saves_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every save is a moment of its own."""
    monkeypatch.setattr(timeline, "SITTING", timeline.SITTING * 0)


def choose(window: Window, row: int) -> None:
    view = window.viewer.window.dock_widgets["Timeline (hubmap-viewer)"].list
    spot = view.visualItemRect(view.item(row)).center()
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(view.viewport(), left, none, spot)


def test_an_older_state_is_looked_at_beside_the_mask_and_restored(
    window: Window, cohort_folder: Path, saves_apart: None
) -> None:
    dock = window.viewer.window.dock_widgets["Timeline (hubmap-viewer)"]
    assert "Nothing of this case is saved yet" in dock.words.text()
    window.press("A")
    window.wait(lambda: kept(cohort_folder, "11") is not None)
    window.press("P")
    window.drag(STROKE)
    drawn = np.array(window.desk.layers.curated.data)
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), drawn))
    window.show(dock)
    window.wait(lambda: dock.list.count() == 2)
    assert "● truth" in dock.list.item(0).text()
    assert "◐ paint" in dock.list.item(1).text()

    choose(window, 0)
    window.wait(lambda: "preview" in window.viewer.layers)
    assert "Dice with the mask now" in dock.words.text()
    assert np.array_equal(window.desk.layers.curated.data, drawn)
    window.press("S")
    window.desk.side_by_side.choose(window.desk.side_by_side.pairs[-1])
    assert window.viewer.layers["preview"].visible
    window.press("S")

    window.click(dock.restore)
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), TRAIN[0].mask))
    assert "preview" not in window.viewer.layers
    window.wait(lambda: dock.list.count() == 3)
    assert "restore" in dock.list.item(2).text()
    window.press("Ctrl+Z")
    assert np.array_equal(window.desk.layers.curated.data, drawn)


def test_lost_strokes_are_offered_shown_and_recovered(
    open_window: Callable[[Path], Window], cohort_folder: Path
) -> None:
    drawn = as_after_a_crash(cohort_folder)
    window = open_window(cohort_folder)
    window.wait(lambda: window.open_id == "11")
    bar = window.review.recovery_bar
    window.wait(bar.recover.isVisible)
    assert "2 strokes" in bar.words.text()
    window.wait(lambda: "preview" in window.viewer.layers)
    before = np.array(window.desk.layers.curated.data)
    assert not window.desk.layers.curated.editable
    window.press("P")
    window.drag(STROKE)
    assert np.array_equal(window.desk.layers.curated.data, before)

    window.click(bar.recover)
    assert np.array_equal(window.desk.layers.curated.data, drawn)
    window.wait(lambda: not bar.isVisible())
    assert window.desk.layers.curated.editable
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), drawn))


def test_the_second_window_says_who_has_the_cohort_and_draws_nothing(
    open_window: Callable[[Path], Window], cohort_folder: Path
) -> None:
    first = open_window(cohort_folder)
    first.wait(lambda: first.open_id == "11")
    second = open_window(cohort_folder)
    second.wait(lambda: second.open_id == "11")
    assert "only to look at" in second.case.kept.text()
    assert any("can only look" in words for words in second.told())
    before = np.array(second.desk.layers.curated.data)
    second.press("P")
    second.drag(STROKE)
    second.press("A")
    assert np.array_equal(second.desk.layers.curated.data, before)
    assert kept(cohort_folder, "11") is None
