"""Mean Dice against the threshold, small: where an organ stands and where it could."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from hubmap_viewer import colours

_ROOM = (34, 6, 6, 16)
"""Left, top, right and bottom of the frame, in pixels: for the numbers."""

_LEAST_SPAN = 0.1
"""Of Dice: a flat curve shall look flat."""


class ThresholdCurve(QWidget):
    """One organ's mean Dice at every threshold, with its own and its tried one marked."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(84, 84)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._curve: NDArray[np.float64] | None = None
        self._own = self._now = 0.5
        self._low, self._high = 0.0, 1.0
        self._organ = ""

    def show_curve(self, organ: str, curve: NDArray[np.float64], own: float, now: float) -> None:
        """Draw an organ's curve of 256 levels and the two thresholds."""
        self._organ = organ
        known = np.isfinite(curve).all()
        self._curve = curve if known else None
        self._own, self._now = own, now
        if known:
            high = float(curve[1:].max())
            low = min(float(np.percentile(curve[1:], 20)), high - _LEAST_SPAN)
            self._low, self._high = max(0.0, low), min(1.0, high + 0.02)
        self.setAccessibleName(self._words())
        self.setToolTip(self._words())
        self.update()

    def _words(self) -> str:
        if self._curve is None:
            return "No case counts."
        level = int(np.argmax(self._curve[1:])) + 1
        return (
            f"Mean Dice of {self._organ} by threshold: {self._at(self._own):.3f} at the ensemble's"
            f" {self._own:.2f}, {self._at(self._now):.3f} at {self._now:.2f};"
            f" highest {self._curve[level]:.3f} at {level / 255:.2f}"
        )

    def _at(self, threshold: float) -> float:
        assert self._curve is not None
        return float(self._curve[min(255, int(np.ceil(threshold * 255 - 1e-6)))])

    def paintEvent(self, a0: QPaintEvent | None) -> None:  # noqa: N802
        """Frame, numbers, curve, marks."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, top, right, bottom = _ROOM
        frame = QRectF(self.rect()).adjusted(left, top, -right, -bottom)
        ink = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(ink)
        faint.setAlpha(110)
        self._paint_frame(painter, frame, ink, faint)
        if self._curve is None:
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, "no case counts")
            return
        self._paint_mark(painter, frame, self._own, QPen(faint, 1, Qt.PenStyle.DashLine))
        tried = QPen(QColor(colours.PREDICTION), 2)
        self._paint_mark(painter, frame, self._now, tried)
        painter.setPen(QPen(ink, 1.5))
        painter.setClipRect(frame)
        points = enumerate(self._curve[1:], start=1)
        painter.drawPolyline(
            QPolygonF([self._point(frame, level / 255, value) for level, value in points])
        )
        painter.setBrush(QColor(colours.PREDICTION))
        painter.setPen(tried)
        painter.drawEllipse(self._point(frame, self._now, self._at(self._now)), 3.5, 3.5)

    def _paint_frame(self, painter: QPainter, frame: QRectF, ink: QColor, faint: QColor) -> None:
        painter.setPen(faint)
        painter.drawRect(frame)
        font = painter.font()
        font.setPointSizeF(max(7.0, 0.8 * font.pointSizeF()))
        painter.setFont(font)
        painter.setPen(ink)
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for value, y in ((self._high, frame.top() + 5), (self._low, frame.bottom() - 5)):
            painter.drawText(QRectF(0, y - 8, frame.left() - 4, 16), flags, f"{value:.2f}")
        for share, align in ((0.0, "Left"), (0.5, "HCenter"), (1.0, "Right")):
            place = QRectF(frame.left(), frame.bottom() + 1, frame.width(), 15)
            painter.drawText(place, getattr(Qt.AlignmentFlag, f"Align{align}"), f"{share:g}")

    def _paint_mark(self, painter: QPainter, frame: QRectF, threshold: float, pen: QPen) -> None:
        painter.setPen(pen)
        x = frame.left() + threshold * frame.width()
        painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))

    def _point(self, frame: QRectF, threshold: float, value: float) -> QPointF:
        share = (value - self._low) / (self._high - self._low)
        return QPointF(
            frame.left() + threshold * frame.width(), frame.bottom() - share * frame.height()
        )
