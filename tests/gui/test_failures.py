"""The failures dock under a user's mouse and keys: strips, table and causes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QTabBar,
    QTableView,
    QToolTip,
    QWidget,
)

from cohorts import TEST, TRAIN, Drawn, write_cohort
from gui.conftest import Window
from hubmap_viewer import colours
from hubmap_viewer.docks.failures import FailuresDock
from hubmap_viewer.docks.organ_table import COLUMNS
from hubmap_viewer.docks.room import grow, share_left
from hubmap_viewer.docks.strip_picture import lanes
from hubmap_viewer.docks.strips import Strips
from hubmap_viewer.jobs import Jobs, post
from hubmap_viewer.reviewing import Reviewing
from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from trainer.data.cohort import Cohort
from trainer.data.findings import Kind, Loss

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
KIDNEYS = tuple(Drawn(str(number), "kidney", (40, 40)) for number in range(41, 46))
DICE = {
    "11": 0.62, "12": 0.9, "41": 0.35, "42": 0.9, "43": 0.9, "44": 0.901, "21": 0.52, "22": 0.8,
}  # fmt: skip


class Desk:
    """The dock by itself, with all that it hears."""

    def __init__(self, folder: Path) -> None:
        self.session, self.jobs = Session(post), Jobs()
        self.review = Reviewing.of(self.session, self.jobs.call, post, post)
        self.dock = FailuresDock(self.session, self.jobs, lambda _path: None, self.review)
        self.session.open_cohort(Cohort.open(folder))
        self.wanted: list[str] = []
        self.session.case_wanted.connect(self.wanted.append)

    @property
    def strips(self) -> Strips:
        return self.dock.strips

    def put(self, **more: Any) -> None:
        scores = {case_id: Scores(prediction=dice, **more) for case_id, dice in DICE.items()}
        self.session.put_many_scores(scores)
        self.dock.overview.refresh()

    def dot(self, case_id: str) -> QPoint:
        place = self.strips.dot(case_id)
        assert place is not None
        return place

    def colour(self, place: QPoint) -> np.ndarray:
        """RGB of what is drawn at a place of the strips."""
        pixel = QColor(self.strips.grab().toImage().pixel(place))
        return np.array((pixel.red(), pixel.green(), pixel.blue()))

    def press(self, key: Qt.Key) -> None:
        QTest.keyClick(self.strips, key)

    def close(self) -> None:
        self.session.close()
        self.jobs.close()


@pytest.fixture
def desk(qtbot: Any, tmp_path: Path) -> Iterator[Desk]:
    """Six kidneys and two lungs are predicted; a spleen has no truth."""
    write_cohort(tmp_path / "cohort", (*TRAIN, *KIDNEYS), TEST)
    desk = Desk(tmp_path / "cohort")
    qtbot.addWidget(desk.dock)
    desk.dock.resize(1000, 240)
    desk.dock.show()
    desk.put()
    yield desk
    desk.close()


def cell(table: QTableView, row: int, column: str) -> str:
    model = table.model()
    assert model is not None
    return model.index(row, COLUMNS.index(column)).data()


def click(table: QTableView, row: int, column: int) -> None:
    model = table.model()
    assert model is not None
    QTest.mouseClick(
        table.viewport(), LEFT, NONE, table.visualRect(model.index(row, column)).center()
    )


def test_a_click_on_any_dot_opens_its_case_even_where_dice_are_equal(desk: Desk) -> None:
    for case_id in DICE:
        QTest.mouseClick(desk.strips, LEFT, NONE, desk.dot(case_id))
    assert desk.wanted == list(DICE)
    places = {(desk.dot(case_id).x(), desk.dot(case_id).y()) for case_id in DICE}
    assert len(places) == len(DICE)


def test_a_click_beside_the_dots_opens_nothing(desk: Desk) -> None:
    QTest.mouseClick(desk.strips, LEFT, NONE, desk.dot("41") - QPoint(30, 0))
    assert desk.wanted == []


def test_a_dots_place_is_its_dice(desk: Desk) -> None:
    x = {case_id: desk.dot(case_id).x() for case_id in DICE}
    scale = (x["12"] - x["41"]) / (0.9 - 0.35)
    assert x["21"] - x["41"] == pytest.approx(scale * 0.17, abs=1.5)
    assert x["12"] == x["42"] == x["43"]


def test_keys_go_from_worst_to_best_and_to_the_next_organ(desk: Desk, qtbot: Any) -> None:
    QApplication.setActiveWindow(desk.dock)
    desk.strips.setFocus()
    qtbot.waitUntil(desk.strips.hasFocus, timeout=20_000)
    assert desk.strips.pointed == "41"
    for key, case_id in (
        (Qt.Key.Key_Left, "41"),
        (Qt.Key.Key_Right, "11"),
        (Qt.Key.Key_Right, "12"),
        (Qt.Key.Key_End, "44"),
        (Qt.Key.Key_Right, "44"),
        (Qt.Key.Key_Down, "22"),
        (Qt.Key.Key_Down, "22"),
        (Qt.Key.Key_Home, "21"),
        (Qt.Key.Key_Up, "11"),
    ):
        desk.press(key)
        assert desk.strips.pointed == case_id
    assert "11 · kidney · Dice 0.620" in QToolTip.text()
    assert desk.wanted == []
    desk.press(Qt.Key.Key_Return)
    assert desk.wanted == ["11"]


def test_a_dot_under_the_mouse_is_named(desk: Desk, qtbot: Any) -> None:
    def hover(place: QPoint) -> None:
        there = QPointF(desk.strips.mapToGlobal(place))
        button = Qt.MouseButton.NoButton
        move = QMouseEvent(QEvent.Type.MouseMove, QPointF(place), there, button, button, NONE)
        QApplication.sendEvent(desk.strips, move)

    hover(desk.dot("21"))
    assert QToolTip.text() == "21 · lung · Dice 0.520 · unreviewed"
    hover(QPoint(desk.dot("21").x(), desk.dot("21").y() + desk.strips.height() // 4))
    assert QToolTip.text() == "no truth for its one case"


def test_the_open_case_has_a_ring(desk: Desk) -> None:
    beside = desk.dot("21") + QPoint(6, 0)
    before = desk.colour(beside)
    desk.session.want("21")
    assert np.abs(desk.colour(beside) - before).max() > 100
    desk.session.fail("21", ValueError("cannot be read"))
    assert np.array_equal(desk.colour(beside), before)


def test_another_masks_dice_is_a_tick_below_the_dots(desk: Desk) -> None:
    desk.put(second=0.25)
    grid = desk.strips._grid
    place = QPoint(round(grid.x(0.25)), grid.y(1) - 3)
    red, _, blue = desk.colour(place)
    assert blue - red > 100, "the second ensemble's colour"
    assert "second ensemble" in desk.dock.words.text()
    desk.put()
    red, _, blue = desk.colour(place)
    assert blue - red < 30


def test_seen_cases_are_hollow_and_what_the_queue_lacks_is_faded(desk: Desk) -> None:
    full = np.array(QColor(colours.PREDICTION).getRgb()[:3])
    place, bare = desk.dot("21"), desk.colour(desk.dot("21") - QPoint(30, 4))
    assert np.abs(desk.colour(place) - full).max() < 40
    desk.session.put_queue(("22",))
    desk.dock.overview.refresh()
    faded = desk.colour(place)
    assert 20 < np.abs(faded - bare).max() < np.abs(full - bare).max() / 2
    desk.session.put_queue(("21", "22"))
    desk.put(in_sample=True)
    assert np.array_equal(desk.colour(place), bare)
    assert "8 seen in training, left out" in desk.dock.words.text()


def test_the_table_says_each_organs_dice_and_losses(desk: Desk) -> None:
    table = desk.dock.table
    assert [cell(table, 1, name) for name in ("n", "mean", "median")] == ["2", "0.660", "0.660"]
    assert cell(table, 1, "missed") == "–"
    losses: dict[Kind, Loss] = {"missed": Loss(3, 0.4), "boundary": Loss(9, 0.1)}
    desk.session.put_scores("21", Scores(prediction=0.5, losses=losses))
    desk.dock.overview.refresh()
    assert cell(table, 1, "missed") == ".400 ×3"
    assert cell(table, 1, "split") == "0"
    assert [cell(table, 3, name) for name in ("n", "worst", "2nd")] == ["8", "41", "21"]


def test_the_worst_cases_open_by_mouse_and_by_key(desk: Desk) -> None:
    table = desk.dock.table
    click(table, 0, COLUMNS.index("worst"))
    click(table, 0, COLUMNS.index("mean"))
    click(table, 1, COLUMNS.index("3rd"))
    assert desk.wanted == ["41"]
    model = table.model()
    assert model is not None
    table.setCurrentIndex(model.index(1, COLUMNS.index("2nd")))
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert desk.wanted == ["41", "22"]


@pytest.mark.parametrize("height", [120, 240, 420])
def test_each_strip_stands_beside_its_row(desk: Desk, height: int) -> None:
    desk.dock.resize(1000, height)
    QApplication.processEvents()
    table = desk.dock.table
    model = table.model()
    assert model is not None
    for row, case_id in ((0, "41"), (1, "22")):
        beside = table.visualRect(model.index(row, 0))
        top = table.viewport().mapToGlobal(beside.topLeft()).y()
        dot = desk.strips.mapToGlobal(desk.dot(case_id)).y()
        assert top < dot < top + beside.height()
        assert abs(dot - top - beside.height() / 2) <= 3


def test_scores_that_arrive_together_are_drawn_together(desk: Desk, qtbot: Any) -> None:
    drawn: list[object] = []
    desk.dock.overview.changed.connect(lambda: drawn.append(desk.dock.overview.strips))
    for _ in range(50):
        for case_id in DICE:
            desk.session.put_scores(case_id, Scores(prediction=0.1))
    assert drawn == []
    qtbot.waitUntil(lambda: bool(drawn), timeout=20_000)
    assert len(drawn) == 1
    assert desk.dock.overview.summaries[0].mean == pytest.approx(0.1)


def test_a_hidden_dock_catches_up_when_it_is_shown(desk: Desk) -> None:
    desk.dock.hide()
    desk.session.put_scores("41", Scores(prediction=0.99))
    desk.dock.show()
    assert cell(desk.dock.table, 0, "worst") == "11"


def test_masks_that_are_not_there_cannot_be_chosen(desk: Desk) -> None:
    model = desk.dock.choice.model()
    assert model is not None
    second = model.index(1, 0)
    assert not model.flags(second) & Qt.ItemFlag.ItemIsEnabled
    assert "No second ensemble" in second.data(Qt.ItemDataRole.ToolTipRole)


def test_causes_are_counted_queued_and_exported(desk: Desk, qtbot: Any, tmp_path: Path) -> None:
    causes = desk.dock.causes
    assert not causes.export.isEnabled()
    for case_id, cause in (("41", "stain"), ("22", "merged"), ("41", "merged")):
        desk.review.tags.add(case_id, cause, note="seen at noon")
    qtbot.waitUntil(lambda: len(desk.review.tags.all()) == 3)
    desk.dock.choice.setCurrentIndex(desk.dock.choice.count() - 1)
    QApplication.processEvents()
    model = causes.model
    assert [model.index(row, 4).data() for row in range(4)] == ["1", "1", "0", "2"]
    assert model.index(3, 7).data() == "3"
    click(causes.table, 3, 4)
    assert desk.session.queue == ("22", "41")
    click(causes.table, 2, 4)
    assert desk.session.queue == ("22", "41"), "a count of none is no queue"
    causes.write(tmp_path / "causes.csv")
    qtbot.waitUntil(lambda: "Wrote 3 tags" in desk.dock.notice.text, timeout=20_000)
    with (tmp_path / "causes.csv").open(newline="", encoding="utf-8") as handle:
        rows = [(row["case"], row["organ"], row["cause"]) for row in csv.DictReader(handle)]
    assert sorted(rows) == [
        ("22", "lung", "merged"), ("41", "kidney", "merged"), ("41", "kidney", "stain"),
    ]  # fmt: skip
    causes.write(tmp_path / "cohort" / "train.csv")
    qtbot.waitUntil(lambda: "belongs to the cohort" in desk.dock.notice.text, timeout=20_000)


def test_dots_keep_apart_while_there_is_room() -> None:
    x = 2.5 * np.arange(150) + np.random.default_rng(0).uniform(0, 2, 150)
    chosen = np.array(lanes(x, 8, 5))
    assert set(chosen) <= {-2, -1, 0, 1, 2}
    for lane in np.unique(chosen):
        assert np.diff(x[chosen == lane]).min() >= 8
    assert lanes(x, 8, 5) == chosen.tolist()
    assert set(lanes(np.zeros(100), 8, 3)) == {-1, 0, 1}


def test_in_the_window_a_dot_opens_its_case(window: Window) -> None:
    dock = window.viewer.window.dock_widgets["Failures (hubmap-viewer)"]
    window.show(dock)
    session = window.desk.session
    session.put_many_scores({"12": Scores(prediction=0.3), "22": Scores(prediction=0.6)})
    window.wait(lambda: dock.strips.dot("22") is not None)
    QTest.mouseClick(dock.strips, LEFT, NONE, dock.strips.dot("22"))
    window.wait(lambda: window.open_id == "22")
    assert dock.strips.current == "22"


@pytest.mark.parametrize(("height", "stacked"), [(620, True), (1000, False)])
def test_in_a_low_window_the_docks_at_the_left_share_one_place(
    qtbot: Any, height: int, stacked: bool
) -> None:
    window = QMainWindow()
    qtbot.addWidget(window)
    window.resize(800, height)
    left, bottom = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea
    docks = []
    for name, area, least in (("controls", left, 260), ("list", left, 200), ("below", bottom, 50)):
        page, dock = QWidget(), QDockWidget(name)
        page.setMinimumHeight(least)
        dock.setWidget(page)
        window.addDockWidget(area, dock)
        docks.append(dock)
    controls, layers, below = docks
    window.setCentralWidget(QWidget())
    window.show()
    qtbot.waitUntil(below.isVisible, timeout=20_000)
    share_left(window, 240)
    grow(window, below, 240)
    qtbot.waitUntil(lambda: below.height() >= 240, timeout=20_000)
    assert (layers in window.tabifiedDockWidgets(controls)) == stacked
    for bar in window.findChildren(QTabBar):
        assert bar.count() == 2 or not bar.isVisible()
