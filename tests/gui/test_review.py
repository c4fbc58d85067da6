"""The review dock by clicks and keys: the queue, the findings, their causes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from cohorts import Drawn, write_cohort
from gui.conftest import Window
from hubmap_viewer.case_queue import CaseQueue
from hubmap_viewer.columns import BY_NAME, COLUMNS
from hubmap_viewer.docks.case_table import ICONS, CaseTable
from hubmap_viewer.jobs import post
from hubmap_viewer.session import Session
from hubmap_viewer.thumbnails import Thumbnails
from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions


@pytest.fixture
def predicted(cohort_folder: Path) -> Path:
    """The tiny cohort; of each case but the last a prediction that lacks the first unit."""
    folder = Predictions.create(cohort_folder / "predictions" / "drawn", {"fingerprint": "1"})
    rows, columns = np.ogrid[:300, :400]
    for case_id, disc in (("11", (200, 300, 60)), ("12", (150, 200, 70))):
        row, column, radius = disc
        found = np.where((rows - row) ** 2 + (columns - column) ** 2 < radius**2, 230, 0)
        probability = found.astype(np.uint8)
        folder.write(Prediction(case_id, probability, np.zeros_like(probability), (300, 400)))
    return cohort_folder


@pytest.fixture
def window(opener: Callable[[Path], Window], predicted: Path) -> Window:
    window = opener(predicted)
    window.wait(lambda: window.open_id == "11" and bool(window.desk.review.findings.all))
    window.wait(lambda: window.desk.session.open_findings("12") is not None)
    return window


def texts(window: Window, column: str) -> list[str]:
    """What stands in a column of the case table."""
    model, number = window.cases.model, COLUMNS.index(BY_NAME[column])
    return [model.data(model.index(row, number)) for row in range(model.rowCount())]


def click_header(window: Window, column: str) -> None:
    header = window.cases.table.horizontalHeader()
    place = QPoint(
        header.sectionViewportPosition(COLUMNS.index(BY_NAME[column])) + 10, header.height() // 2
    )
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_a_click_sorts_and_the_queue_follows(window: Window) -> None:
    click_header(window, "prediction")
    assert texts(window, "prediction")[:2] == ["0.742", "1.000"]
    click_header(window, "prediction")
    assert window.desk.session.queue[:2] == ("12", "11")
    assert texts(window, "findings") == ["0", "1", "–", "–", "–"]


def test_the_keyboard_alone_sorts_and_chooses_columns(window: Window) -> None:
    button = window.cases.columns
    assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
    menu = button.menu()

    def choose(title: str) -> None:
        menu.popup(button.mapToGlobal(QPoint()))
        sorting = menu.actions()[0].menu()
        QTest.keyClick(menu, Qt.Key.Key_Down)
        QTest.keyClick(menu, Qt.Key.Key_Right)
        window.wait(sorting.isVisible)
        titles = [action.text() for action in sorting.actions()]
        for _ in range(titles.index(title)):
            QTest.keyClick(sorting, Qt.Key.Key_Down)
        QTest.keyClick(sorting, Qt.Key.Key_Return)

    choose("pred.")
    assert texts(window, "prediction")[:2] == ["0.742", "1.000"]
    choose("pred. ▲")
    assert window.desk.session.queue[:2] == ("12", "11")
    choose("the csv's order")
    assert window.desk.session.queue[0] == "11"
    assert window.cases.table.isColumnHidden(COLUMNS.index(BY_NAME["units"]))
    menu.popup(button.mapToGlobal(QPoint()))
    for _ in menu.actions():
        QTest.keyClick(menu, Qt.Key.Key_Down)
        if menu.activeAction().text().startswith("units:"):
            break
    QTest.keyClick(menu, Qt.Key.Key_Return)
    assert not window.cases.table.isColumnHidden(COLUMNS.index(BY_NAME["units"]))


def test_a_range_of_scores_and_words_narrow_the_queue(window: Window) -> None:
    window.click(window.cases.by_score)
    window.cases.high.setValue(0.9)
    assert window.desk.session.queue == ("11",)
    window.click(window.cases.by_score)
    window.cases.search.setFocus()
    QTest.keyClicks(window.cases.search, "spleen")
    assert window.desk.session.queue == ("31",)
    assert "kidney 0 of 2" in window.cases.progress.text()


def test_the_picture_of_a_case_is_in_its_row(window: Window) -> None:
    model = window.cases.model
    index = model.index(0, 0)
    window.wait(lambda: model.data(index, Qt.ItemDataRole.DecorationRole) is not None)
    icon = model.data(index, Qt.ItemDataRole.DecorationRole)
    colour = icon.pixmap(24, 24).toImage().pixelColor(6, 6)
    assert colour.red() > colour.green()


def test_pictures_of_rows_long_gone_are_not_kept(qtbot: Any, tmp_path: Path) -> None:
    count = ICONS + 10
    write_cohort(tmp_path, [Drawn(str(number), "lung", (48, 48)) for number in range(count)])
    session = Session(post)
    queue, thumbnails = CaseQueue(session), Thumbnails(session, post)
    model = CaseTable(session, queue, thumbnails)
    session.open_cohort(Cohort.open(tmp_path))

    def picture(row: int) -> object:
        return model.data(model.index(row, 0), Qt.ItemDataRole.DecorationRole)

    for row in range(count):
        qtbot.waitUntil(lambda row=row: picture(row) is not None, timeout=20_000)
    assert len(model._icons) == ICONS
    assert picture(0) is not None
    session.close()


def test_a_finding_is_framed_and_ringed(window: Window) -> None:
    camera = window.viewer.scene.camera
    whole = camera.zoom
    window.press("J")
    strengths: list[float] = []
    ring = window.viewer.layers["finding"]
    ring.events.opacity.connect(lambda: strengths.append(ring.opacity))
    finding = window.desk.review.findings.here
    assert finding is not None
    assert finding.kind == "missed"
    assert camera.zoom > whole
    assert np.allclose(camera.center[-2:], (50, 50), atol=1)
    rows, columns = np.nonzero(np.asarray(ring.data))
    middle = ring.data_to_world((rows.mean(), columns.mean()))
    assert np.allclose(middle, (50, 50), atol=1)
    assert window.viewer.layers.selection.active.name == "curated"
    window.wait(lambda: min(strengths, default=1) < 0.5 and ring.opacity == 1)
    window.press("K")
    assert window.viewer.status.startswith("This is the first of 1 findings")


def test_the_ring_goes_with_its_case(window: Window) -> None:
    window.press("J")
    assert "finding" in window.viewer.layers
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "12")
    assert "finding" not in window.viewer.layers


def test_the_next_case_by_key_is_the_only_one_selected(window: Window) -> None:
    window.cases.table.selectRow(0)
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "12")
    assert window.desk.session.selected == ("12",)


def test_another_pair_of_masks_is_compared(window: Window) -> None:
    panel = window.review.findings_panel
    panel.pair.setCurrentText("truth → curated")
    window.wait(lambda: panel.count.text() == "Truth and curated are the same.")
    window.press("C")
    window.wait(lambda: panel.model.rowCount() == 2)
    assert [panel.model.data(panel.model.index(row, 0)) for row in (0, 1)] == ["○ missed"] * 2
    assert panel.count.text() == "2 · cost 1.000 Dice"


def test_a_cause_is_named_kept_and_taken_back(
    window: Window, open_window: Callable[[Path], Window], predicted: Path
) -> None:
    panel = window.review.findings_panel
    assert not panel.tag_finding.isEnabled()
    window.press("J")
    panel.cause.setCurrentText("artefact")
    QTest.keyClicks(panel.note, "a fold")
    window.click(panel.tag_finding)
    window.wait(lambda: panel.model.data(panel.model.index(0, 5)) == "artefact")
    assert window.desk.session.open_findings("11") == 0
    again = open_window(predicted)
    again.wait(lambda: again.desk.session.open_findings("11") is not None)
    assert again.desk.session.open_findings("11") == 0
    again.wait(lambda: bool(again.desk.review.findings.all))
    again.press("J")
    (line,) = [again.review.findings_panel.tags.itemAt(0).widget()]
    again.click(line.layout().itemAt(1).widget())
    again.wait(lambda: again.desk.session.open_findings("11") == 1)


def test_columns_filter_and_case_survive_a_restart(
    window: Window, open_window: Callable[[Path], Window], predicted: Path
) -> None:
    window.cases.organ.setCurrentText("kidney")
    window.cases._show_column(COLUMNS.index(BY_NAME["units"]), True)
    click_header(window, "case")
    click_header(window, "case")
    window.press("Ctrl+Left")
    window.wait(lambda: window.open_id == "12")
    window.viewer.close()
    again = open_window(predicted)
    again.wait(lambda: again.open_id == "12")
    assert again.cases.organ.currentText() == "kidney"
    assert again.desk.session.queue == ("12", "11")
    assert not again.cases.table.isColumnHidden(COLUMNS.index(BY_NAME["units"]))
