"""The leader board in a real window, and a run's way into force and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from gui.conftest import Window
from hubmap_viewer.docks.runs import RunsDock
from runs import write_run
from trainer.data.cohort import Cohort
from trainer.review.promotion import PROMOTED, history


@pytest.fixture
def two(cohort_folder: Path) -> list[Path]:
    """Two runs: the second is better, but for case 12."""
    cohort = Cohort.open(cohort_folder)
    first = write_run(cohort, "first", 1, {"11": 0.45, "21": 0.5, "22": 0.5})
    return [first, write_run(cohort, "second", 2, {"12": 0.5})]


def runs(window: Window) -> RunsDock:
    dock: Any = window.viewer.window.dock_widgets["Runs (hubmap-viewer)"]
    window.show(dock)
    return dock


def click_row(table: Any, number: int) -> None:
    spot = table.visualRect(table.model().index(number, 0)).center()
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(table.viewport(), left, none, spot)


def test_no_run_is_said(window: Window) -> None:
    dock = runs(window)
    window.wait(lambda: dock.board.model.known is not None)
    assert dock.board.state.isVisible()
    assert dock.board.state.text() == "There is no run yet: train one in Train, and it stands here."
    assert not dock.board.table.isVisible()
    assert dock.board.in_force.text() == "No run is in force."


def test_runs_stand_side_by_side_and_a_score_is_kept(two: list[Path], window: Window) -> None:
    dock = runs(window)
    board = dock.board
    window.wait(lambda: len(board.table.rows) == 2)
    assert board.table.texts(0)[0] == "second · trusted"
    assert board.table.model().headerData(2, Qt.Orientation.Horizontal) == "kidney"
    assert "±" in board.table.texts(0)[1]
    assert board.advice.text().startswith("Trust second: cross-validated Dice")
    assert "Kendall" in board.advice.toolTip()

    click_row(board.table, 1)
    assert board.name.text() == "first"
    assert board.details.text() == "The first run of the cohort."
    click_row(board.table, 0)
    assert board.details.text() == "Since first: size: 512 → 768"

    click_row(board.table, 1)
    board.score.setFocus()
    QTest.keyClicks(board.score, "0.99")
    window.click(board.keep)
    window.wait(lambda: board.table.texts(1)[4] == "0.99")
    assert json.loads((two[0] / "run.json").read_text())["public_score"] == 0.99
    assert "first has the better public score (0.99)" in board.advice.text()
    board.score.clear()
    QTest.keyClicks(board.score, "good")
    window.click(board.keep)
    assert "“good” is no score" in dock.notice.text
    assert json.loads((two[0] / "run.json").read_text())["public_score"] == 0.99


def test_two_runs_are_put_beside_each_other_and_one_is_chosen_to_predict(
    open_window: Callable[[Path], Window], cohort_folder: Path, two: list[Path]
) -> None:
    window = open_window(cohort_folder)
    dock = runs(window)
    board = dock.board
    window.wait(lambda: len(board.table.rows) == 2)
    click_row(board.table, 0)
    window.click(board.compare)
    session = window.desk.session
    assert session.predictions is not None
    assert session.second is not None
    assert (session.second.folder, session.predictions.folder) == (two[0] / "oof", two[1] / "oof")
    compare = window.viewer.window.dock_widgets["Compare (hubmap-viewer)"]
    window.wait(compare.isVisible)

    runs(window)
    window.click(board.predict)
    window.wait(window.ensemble.isVisible)
    assert window.ensemble.ensembles.currentText() == "run second"


def test_a_run_takes_over_by_an_explicit_act_and_goes_by_one_click(
    two: list[Path], window: Window, cohort_folder: Path
) -> None:
    dock = runs(window)
    board, page = dock.board, dock.promotion
    window.wait(lambda: len(board.table.rows) == 2)
    click_row(board.table, 1)
    window.click(board.promote)
    window.wait(lambda: page.model.candidate is not None)
    assert "nothing is in force to compare it with" in page.words.text()
    assert not (cohort_folder / PROMOTED).exists()
    assert page.promote.text() == "Put first in force"
    window.click(page.promote)
    window.wait(lambda: "In force: first" in board.in_force.text())
    assert board.isVisible()

    click_row(board.table, 0)
    window.click(board.promote)
    window.wait(lambda: page.model.candidate is not None)
    assert page.words.text().startswith("second against runs/first, on 4 cases")
    gains = {row[0]: row for row in map(page.gains.texts, range(len(page.gains.rows)))}
    assert set(gains) == {"all organs", "kidney", "lung"}
    assert gains["lung"][2].startswith("+")
    assert "…" in gains["lung"][3]
    assert page.count.text().startswith("1 case got worse")
    assert page.worse.texts(0)[0] == "12"
    click_row(page.worse, 0)
    window.wait(lambda: window.open_id == "12")
    assert "first" in (cohort_folder / PROMOTED).read_text()

    window.click(page.promote)
    window.wait(lambda: "In force: second" in board.in_force.text())
    assert "second" in (cohort_folder / PROMOTED).read_text()
    assert "in force" in board.table.texts(0)[0]
    assert not board.promote.isEnabled()
    assert board.promote.toolTip() == "It is in force already."
    names = [
        window.ensemble.ensembles.itemText(i) for i in range(window.ensemble.ensembles.count())
    ]
    assert "promoted" in names

    assert board.back.text() == "Back to first"
    window.click(board.back)
    window.wait(lambda: "In force: first" in board.in_force.text())
    assert "first is in force again." in dock.notice.text
    window.click(board.back)
    window.wait(lambda: board.in_force.text() == "No run is in force.")
    assert not (cohort_folder / PROMOTED).exists()
    assert [one.act for one in history(cohort_folder)] == ["promoted", "promoted", "back", "back"]


def test_a_comparison_is_left_and_nothing_takes_over(
    two: list[Path], window: Window, cohort_folder: Path
) -> None:
    dock = runs(window)
    board, page = dock.board, dock.promotion
    window.wait(lambda: len(board.table.rows) == 2)
    window.click(board.promote)
    window.click(page.cancel)
    assert board.isVisible()
    assert page.model.row is None
    window.wait(lambda: not window.desk.jobs.running)
    assert not (cohort_folder / PROMOTED).exists()

    (cohort_folder / "development.csv").write_text("id,organ\n")
    window.click(board.promote)
    window.wait(lambda: "the column rle is missing" in dock.notice.text)
    assert board.isVisible()
