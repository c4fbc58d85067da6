"""Two canvases: one case, two masks, one camera; painted on either, left as it was found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QMainWindow, QToolButton

from gui.conftest import Window
from hubmap_viewer.docks.side_by_side import Bar, Cross
from hubmap_viewer.side_by_side import PAIRS, SideBySide

pytestmark = pytest.mark.own_window


@pytest.fixture
def side(window: Window) -> SideBySide:
    """The tiny cohort's first case seen side by side: truth | curated."""
    window.press("S")
    side = window.desk.side_by_side
    assert side.on
    window.wait(lambda: window.point(0, 0).x() >= 0)
    return side


def main_window(window: Window) -> QMainWindow:
    return window.viewer.window._qt_window


def canvases(window: Window) -> tuple[Any, Any]:
    """The left and the right canvas as widgets."""
    left = window.viewer.window._qt_viewer
    found = main_window(window).centralWidget().findChildren(type(left))
    return left, next(view for view in found if view is not left)


def colour_at(view: Any, point: QPoint) -> np.ndarray:
    """RGB of what a canvas really draws at a pixel."""
    QApplication.processEvents()
    return view.screenshot(flash=False)[point.y(), point.x(), :3].astype(int)


def visible(window: Window) -> dict[str, tuple[bool, float]]:
    return {layer.name: (layer.visible, layer.opacity) for layer in window.viewer.layers}


def test_a_key_halves_the_room_and_gives_it_back(window: Window) -> None:
    before, shown = window.canvas.width(), visible(window)
    window.press("S")
    left, right = canvases(window)
    window.wait(lambda: right.canvas.native.width() > 100)
    one, other = left.canvas.native, right.canvas.native
    assert one.height() == other.height()
    assert abs(one.width() - other.width()) <= 1, "an odd pixel goes to one of them"
    assert left.mapToGlobal(QPoint()).x() < right.mapToGlobal(QPoint()).x()
    assert left.mapToGlobal(QPoint()).y() == right.mapToGlobal(QPoint()).y()
    window.wait(lambda: window.point(0, 0).x() >= 0)
    assert window.point(0, 399).x() < left.canvas.native.width(), "still seen whole"
    window.press("S")
    window.wait(lambda: window.canvas.width() == before)
    assert not right.isVisible()
    assert visible(window) == shown


def test_what_was_zoomed_in_on_stays(window: Window) -> None:
    camera = window.viewer.scene.camera
    camera.center, camera.zoom = (0, 60, 80), 9.0
    QApplication.processEvents()
    window.press("S")
    for _ in range(5):
        QApplication.processEvents()
    assert camera.center == pytest.approx((0, 60, 80))
    assert camera.zoom == pytest.approx(9)
    other = window.desk.side_by_side.other.scene.camera
    assert other.center == pytest.approx((0, 60, 80))


def test_each_canvas_draws_its_own_mask_of_one_image(window: Window, side: SideBySide) -> None:
    left, right = canvases(window)
    inside = window.point(100, 100)
    assert np.ptp(colour_at(left, inside)) > 0
    blue_left, blue_right = (colour_at(view, inside)[1] for view in (left, right))
    assert blue_right > blue_left + 15, "curated is filled on the right, not on the left"
    shown = [layer.name for layer in window.viewer.layers if layer.visible and layer.opacity]
    assert shown == ["image", "truth"]
    assert [layer.name for layer in side.other.layers] == ["image", "curated"]

    ours = window.desk.session.open
    assert ours is not None
    for level, theirs in zip(ours.loaded.image, side.other.layers["image"].data, strict=True):
        assert theirs is level or np.shares_memory(theirs, level)
    assert side.other.layers["curated"].data is ours.curated


def test_either_camera_leads_and_the_cursor_is_echoed(window: Window, side: SideBySide) -> None:
    here, there = window.viewer.scene.camera, side.other.scene.camera
    heard: list[object] = []
    here.center, here.zoom = (0, 40, 50), 3.0
    QApplication.processEvents()
    assert (there.center, there.zoom) == (here.center, here.zoom)
    there.events.center.connect(heard.append)
    there.center, there.zoom = (0, 70, 60), 5.0
    for _ in range(5):
        QApplication.processEvents()
    assert here.center == pytest.approx((0, 70, 60))
    assert here.zoom == pytest.approx(5)
    assert len(heard) == 1, "the one that leads is not moved by the one that follows"
    left, right = canvases(window)
    cross = right.canvas.native.findChild(Cross)
    assert not cross.isVisible()
    QTest.mouseMove(left.canvas.native, QPoint(120, 140))
    window.wait(cross.isVisible)
    assert cross.geometry().center() == QPoint(120, 140)


@pytest.mark.parametrize("painted", ["left", "right"])
def test_paint_shows_on_the_right_from_either_canvas(
    window: Window, side: SideBySide, painted: str
) -> None:
    left, right = canvases(window)
    place = window.point(250, 50)
    before = colour_at(right, place)
    window.press("P")
    native = (left if painted == "left" else right).canvas.native
    QTest.mouseMove(native, place)
    QTest.mouseClick(native, Qt.MouseButton.LeftButton, pos=place)
    QApplication.processEvents()
    here = window.desk.session.open
    assert here is not None
    assert here.curated[250, 50] == 1
    assert here.scores.curated is not None
    assert here.scores.curated < 1, "the session has heard it"
    assert colour_at(right, place)[0] < before[0] - 15, "the fill is blue"
    QTest.keyClick(right.canvas.native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QApplication.processEvents()
    assert here.curated[250, 50] == 0, "a key pressed on the right canvas undoes"
    assert np.abs(colour_at(right, place) - before).max() < 6


def test_the_next_case_comes_on_both(window: Window, side: SideBySide) -> None:
    window.press("Ctrl+Right")
    window.wait(lambda: window.open_id == "12")
    ours = window.desk.session.open
    assert ours is not None
    assert side.other.layers["curated"].data is ours.curated
    assert side.other.layers["image"].data[0] is ours.loaded.image[0]
    window.go("22")  # another size, and no µm
    assert side.other.layers["image"].data[0].shape == (513, 333, 3)
    for name in ("image", "curated"):
        assert tuple(side.other.layers[name].scale) == (1, 1)
    assert side.other.scene.camera.center == window.viewer.scene.camera.center


def test_a_pair_is_chosen_in_the_bar_and_says_what_is_missing(
    window: Window, side: SideBySide
) -> None:
    bar = main_window(window).findChild(Bar)
    pairs = bar.findChild(QComboBox)
    pairs.setCurrentIndex(1)
    pairs.activated.emit(1)
    assert side.pair == PAIRS[1]
    assert "truth" in bar.left.text()
    assert bar.right.text() == "no prediction"
    assert not window.desk.layers["curated"].visible
    assert [layer.name for layer in side.other.layers] == ["image", "prediction"]
    bar.findChild(QToolButton).click()
    assert not side.on
    assert visible(window)["curated"] == (True, 0.4)


def test_another_cohort_is_shown_side_by_side_too(
    window: Window, side: SideBySide, cohort_folder: Any
) -> None:
    opened: list[str] = []
    window.desk.session.case_opened.connect(lambda: opened.append("again"))
    window.desk.open(cohort_folder)
    window.wait(lambda: bool(opened))
    assert side.other.layers["curated"].data is window.desk.layers["curated"].data
    window.press("S")
    assert visible(window)["curated"] == (True, 0.4)


def test_without_a_case_it_says_what_to_do(make_napari_viewer: Any) -> None:
    from hubmap_viewer.plugin import desk_for

    desk = desk_for(make_napari_viewer())
    told: list[object] = []
    desk.session.told.connect(told.append)
    desk.side_by_side.switch()
    assert told == ["Open a case first: then it can be seen side by side."]
    assert not desk.side_by_side.on
    desk.close()
