"""The window closes: all is saved first, nothing runs on, nothing is lost without a word."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QMessageBox

from gui.conftest import Window
from gui.test_curate import STROKE, kept
from hubmap_viewer import saving

pytestmark = pytest.mark.own_window


def draw(window: Window) -> np.ndarray:
    window.press("P")
    window.drag(STROKE)
    return window.desk.layers.curated.data.copy()


def test_closing_saves_and_ends_the_predicting_process(window: Window, cohort_folder: Path) -> None:
    window.show(window.ensemble)
    window.wait(lambda: window.desk.engine._process is not None)
    process = window.desk.engine._process
    drawn = draw(window)
    window.viewer.close()
    window.wait(lambda: process.poll() is not None)
    assert np.array_equal(kept(cohort_folder, "11"), drawn)


def test_a_dock_that_is_closed_takes_nothing_with_it(window: Window, cohort_folder: Path) -> None:
    window.viewer.window.remove_dock_widget(window.review)
    drawn = draw(window)
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), drawn))


def answer(button: str, seen: list[str]) -> None:
    """Click a button of the question that is on the screen, or ask again soon."""
    box = QApplication.activeModalWidget()
    if not isinstance(box, QMessageBox):
        QTimer.singleShot(50, lambda: answer(button, seen))
        return
    seen.append(box.text())
    next(known for known in box.buttons() if button in known.text()).click()


def test_a_window_with_unsaved_edits_stays_open_and_says_what_would_be_lost(
    window: Window, cohort_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "FLUSH", 0.3)
    other = sqlite3.connect(cohort_folder / "reviews.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    drawn = draw(window)
    seen: list[str] = []
    answer("Keep", seen)
    window.viewer.window._qt_window.close()
    assert "case 11" in seen[0]
    assert window.viewer.window._qt_window.isVisible()

    other.execute("ROLLBACK")
    window.wait(lambda: np.array_equal(kept(cohort_folder, "11"), drawn), 60)
