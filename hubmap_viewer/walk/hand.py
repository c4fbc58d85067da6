"""A user's hand and eye: clicks, keys and strokes on the real window, and pictures of it."""

# QTest's static methods are methods of an instance in PyQt5's stubs.
# pyright: reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTabBar,
    QTableView,
    QWidget,
)

Position = tuple[float, float]
"""Row and column of a mask, in pixels."""

_LEFT = Qt.MouseButton.LeftButton
_NONE = Qt.MouseButton.NoButton
_DockT = TypeVar("_DockT", bound=QWidget)


class StepError(Exception):
    """The window did not do what a user would have expected."""


class Hand:
    """Works a napari window as a user would.

    Parameters
    ----------
    pictures
        The folder where pictures of the window are kept.
    """

    def __init__(self, viewer: Viewer, pictures: Path) -> None:
        self.viewer = viewer
        self.pictures = pictures
        self.taken: list[Path] = []

    def dock(self, kind: type[_DockT]) -> _DockT:
        """The dock of this kind, brought to the front by a click on its tab."""
        docked: list[object] = list(self.viewer.window.dock_widgets.values())
        dock = next((widget for widget in docked if isinstance(widget, kind)), None)
        if dock is None:
            raise StepError(f"there is no {kind.__name__}")
        holder, window = dock.parentWidget(), dock.window()
        assert holder is not None
        assert window is not None
        for tabs in window.findChildren(QTabBar):
            for number in range(tabs.count()):
                if tabs.isVisible() and tabs.tabText(number) == holder.windowTitle():
                    QTest.mouseClick(tabs, _LEFT, pos=tabs.tabRect(number).center())
        self.until(dock.isVisible, f"the tab {holder.windowTitle()} to open")
        return dock

    def until(self, condition: Callable[[], object], what: str, seconds: float = 30) -> None:
        """Let the window live until the condition holds."""
        ends = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > ends:
                raise StepError(f"waited {seconds:.0f} s for {what}")
            QTest.qWait(10)

    def click(self, widget: QWidget | None) -> None:
        """Click a button that can be clicked."""
        assert widget is not None
        if not widget.isEnabled():
            raise StepError(f"{widget.objectName() or 'a button'} is disabled: {widget.toolTip()}")
        QTest.mouseClick(widget, _LEFT)

    def choose(self, box: QComboBox, text: str) -> None:
        """Choose an entry by typing its name."""
        # What is typed within this time would be one name with what was typed before.
        QTest.qWait(QApplication.keyboardInputInterval() + 50)
        box.setFocus()
        QTest.keyClicks(box, text)
        if not box.currentText().startswith(text):
            raise StepError(f"there is no `{text}` to choose, only `{box.currentText()}`")

    def write(self, field: QLineEdit, text: str) -> None:
        """Replace what a field says."""
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, text)

    def sort_by(self, table: QTableView, column: int) -> None:
        """Click a column's title."""
        header = table.horizontalHeader()
        assert isinstance(header, QHeaderView)
        place = QPoint(header.sectionViewportPosition(column) + 10, header.height() // 2)
        QTest.mouseClick(header.viewport(), _LEFT, pos=place)

    def open_row(self, table: QTableView, row: int) -> None:
        """Double-click a row of a table."""
        model = table.model()
        assert model is not None
        place = table.visualRect(model.index(row, 0)).center()
        QTest.mouseClick(table.viewport(), _LEFT, pos=place)
        QTest.mouseDClick(table.viewport(), _LEFT, pos=place)

    def dismiss_notifications(self) -> None:
        """Click away what napari has told, such as that PyQt5 is old."""
        for widget in QApplication.allWidgets():
            if type(widget).__name__ == "NapariQtNotification" and widget.isVisible():
                button = widget.findChild(QPushButton, "close_button")
                if button is not None:
                    self.click(button)

    # -- the canvas -----------------------------------------------------------------------

    @property
    def canvas(self) -> QWidget:
        """The widget that the layers are drawn on."""
        for widget in QApplication.allWidgets():
            if type(widget).__name__ == "CanvasBackendDesktop" and widget.isVisible():
                return widget
        raise StepError("there is no canvas")

    def press(self, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
        """Press a key with the canvas in focus."""
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= modifier
        self.canvas.setFocus()
        QTest.keyClick(self.canvas, key, held)

    def stroke(self, through: list[Position]) -> float:
        """Draw with the left button held, through these pixels of the open case.

        Returns
        -------
        float
            When the button was let go, by ``time.monotonic``.
        """
        places = [self._on_screen(position) for position in through]
        self._mouse(QEvent.Type.MouseMove, places[0], _NONE, _NONE)
        self._mouse(QEvent.Type.MouseButtonPress, places[0], _LEFT, _LEFT)
        for place in places[1:]:
            self._mouse(QEvent.Type.MouseMove, place, _NONE, _LEFT)
        self._mouse(QEvent.Type.MouseMove, places[-1], _NONE, _LEFT)
        released = time.monotonic()
        self._mouse(QEvent.Type.MouseButtonRelease, places[-1], _LEFT, _NONE)
        return released

    def _on_screen(self, position: Position) -> QPointF:
        camera, layer = self.viewer.scene.camera, self.viewer.layers["curated"]
        row, column = (
            (at * scale - centre) * camera.zoom
            for at, scale, centre in zip(position, layer.scale, camera.center[-2:], strict=True)
        )
        return QPointF(self.canvas.width() / 2 + column, self.canvas.height() / 2 + row)

    def _mouse(
        self, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, held: Qt.MouseButton
    ) -> None:
        canvas = self.canvas
        world = QPointF(canvas.mapToGlobal(at.toPoint()))
        event = QMouseEvent(kind, at, world, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas, event)
        QTest.qWait(15)

    # -- the eye --------------------------------------------------------------------------

    def picture(self, shows: str) -> None:
        """Keep a picture of the whole window; its name says what it shows."""
        QTest.qWait(300)
        path = self.pictures / f"{len(self.taken) + 1:02d}-{shows}.png"
        self.viewer.screenshot(str(path), canvas_only=False, flash=False)
        self.taken.append(path)
