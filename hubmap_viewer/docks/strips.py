"""The strips: one row an organ, one dot a case, its place its Dice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from qtpy.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from hubmap_viewer.docks.strip_picture import GAP, Grid, Look, draw, faint
from hubmap_viewer.organ_figures import ALL, Strip

ROW = 24
"""Least height of a strip in pixels: two dots above each other and their median's figure."""

REACH = 9
"""Pixels from a dot within which it is meant."""


class Strips(QWidget):
    """Dots to point at, to click and to walk along.

    Parameters
    ----------
    name
        What is said of a case that is pointed at.

    Attributes
    ----------
    current
        The case that is open; it has a ring.
    pointed
        The case that the keys have come to; it has a dotted ring.
    """

    picked = Signal(str)
    """The id of the case whose dot was clicked, or entered by key."""

    def __init__(self, name: Callable[[str], str]) -> None:
        super().__init__()
        self._name = name
        self._colour = QColor()
        self._picture: QPixmap | None = None
        self._show((), top=0, row=ROW)
        self.current: str | None = None
        self.pointed: str | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(240)
        self.setAccessibleName("Dice of every case, one strip an organ")

    # -- what is shown --------------------------------------------------------------------

    def show_strips(self, strips: Sequence[Strip], colour: str) -> None:
        """Show these strips, their dots in a colour."""
        self._colour = QColor(colour)
        self._show(strips, self._grid.top, self._grid.row)
        if self.pointed not in self._numbers:
            self.pointed = None

    def set_rows(self, top: int, row: int) -> None:
        """Have the strips stand beside rows of a table: the first one's top, and their height."""
        if (top, row) != (self._grid.top, self._grid.row):
            self._show(self._grid.strips, top, row)

    def mark(self, case_id: str | None) -> None:
        """Mark the case that is open."""
        self.current = case_id
        self.update()

    def dot(self, case_id: str | None) -> QPoint | None:
        """Where a case's dot is; None where it has none."""
        if case_id not in self._numbers:
            return None
        x, y = self._dots[self._numbers[case_id]]
        return QPoint(round(x), round(y))

    def case_at(self, place: QPoint) -> str | None:
        """The case whose dot is nearest, if it is within reach."""
        if not len(self._dots):
            return None
        away = np.hypot(*(self._dots - (place.x(), place.y())).T)
        nearest = int(away.argmin())
        return self._ids[nearest] if away[nearest] <= REACH else None

    def _show(self, strips: Sequence[Strip], top: int, row: int) -> None:
        self._ids = tuple(case_id for strip in strips for case_id in strip.ids)
        self._numbers = {case_id: number for number, case_id in enumerate(self._ids)}
        self._ends = np.cumsum([len(strip.ids) for strip in strips])
        names = (ALL, *(strip.organ for strip in strips))
        left = max(self.fontMetrics().horizontalAdvance(name) for name in names) + GAP
        self._grid = Grid(strips, self.width(), top, row, left)
        self._dots = self._grid.dots()
        self._picture = None
        self.setFixedHeight(self._grid.height)
        self.update()

    def resizeEvent(self, a0: QResizeEvent | None) -> None:  # noqa: N802
        super().resizeEvent(a0)
        if self.width() != self._grid.width:
            self._show(self._grid.strips, self._grid.top, self._grid.row)

    def changeEvent(self, a0: QEvent | None) -> None:  # noqa: N802
        """Draw anew in another theme or font."""
        super().changeEvent(a0)
        self._show(self._grid.strips, self._grid.top, self._grid.row)

    # -- painting -------------------------------------------------------------------------

    def paintEvent(self, a0: QPaintEvent | None) -> None:  # noqa: N802
        ink = self.palette().color(self.foregroundRole())
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatioF() != ratio:
            look = Look(self._colour, ink, self.font(), ratio)
            self._picture = draw(self._grid, self._dots, look)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._ring(painter, self.dot(self.current), QPen(ink, 2))
        if self.hasFocus():
            self._ring(painter, self.dot(self.pointed), QPen(ink, 1.5, Qt.PenStyle.DotLine))
            painter.setPen(QPen(faint(ink, 120), 1, Qt.PenStyle.DotLine))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _ring(self, painter: QPainter, place: QPoint | None, pen: QPen) -> None:
        if place is not None:
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(place), 6, 6)

    # -- mouse and keys -------------------------------------------------------------------

    def mouseMoveEvent(self, a0: QMouseEvent | None) -> None:  # noqa: N802
        if a0 is None:
            return
        case_id = self.case_at(a0.pos())
        hand, arrow = Qt.CursorShape.PointingHandCursor, Qt.CursorShape.ArrowCursor
        self.setCursor(arrow if case_id is None else hand)
        words = self._words_at(a0.pos()) if case_id is None else self._name(case_id)
        QToolTip.showText(self.mapToGlobal(a0.pos()), words, self)

    def _words_at(self, place: QPoint) -> str:
        number = (place.y() - self._grid.top) // self._grid.row
        return self._grid.strips[number].words if 0 <= number < len(self._grid.strips) else ""

    def mouseReleaseEvent(self, a0: QMouseEvent | None) -> None:  # noqa: N802
        if a0 is None or a0.button() != Qt.MouseButton.LeftButton:
            return
        case_id = self.case_at(a0.pos())
        if case_id is not None:
            self.pointed = case_id
            self.picked.emit(case_id)

    def focusInEvent(self, a0: QFocusEvent | None) -> None:  # noqa: N802
        super().focusInEvent(a0)
        if self.pointed is None and self._ids:
            self.pointed = self.current if self.current in self._numbers else self._ids[0]
        self.update()

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:  # noqa: N802
        """Left and right go from worst to best, up and down to another organ, Enter opens."""
        if a0 is None or self.pointed is None:
            return
        if a0.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.picked.emit(self.pointed)
            return
        there = self._goal(self._numbers[self.pointed], a0.key())
        if there is None:
            super().keyPressEvent(a0)
            return
        self.pointed = self._ids[there]
        place = self.mapToGlobal(self.dot(self.pointed) or QPoint())
        QToolTip.showText(place, self._name(self.pointed), self)
        self.update()

    def _goal(self, here: int, key: int) -> int | None:
        """Number of the dot that a key leads to; None if it leads to none."""
        strip = int(np.searchsorted(self._ends, here, side="right"))
        first, last = self._ends[strip] - len(self._grid.strips[strip].ids), self._ends[strip] - 1
        along = {
            Qt.Key.Key_Left: max(first, here - 1),
            Qt.Key.Key_Right: min(last, here + 1),
            Qt.Key.Key_Home: first,
            Qt.Key.Key_End: last,
            Qt.Key.Key_Up: self._across(here, range(strip)[::-1]),
            Qt.Key.Key_Down: self._across(here, range(strip + 1, len(self._ends))),
        }
        return along.get(Qt.Key(key))

    def _across(self, here: int, strips: range) -> int:
        """The dot of most nearly the same Dice in the first of these strips that has any."""
        for strip in strips:
            count = len(self._grid.strips[strip].ids)
            if count:
                first = self._ends[strip] - count
                there = self._dots[first : first + count, 0]
                return int(first + abs(there - self._dots[here, 0]).argmin())
        return here
