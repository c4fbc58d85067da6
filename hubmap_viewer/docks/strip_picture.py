"""How the strips are drawn: where each dot lies, and the picture of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap

from hubmap_viewer import colours
from hubmap_viewer.organ_figures import ALL, Strip

CROWD = 400
"""Cases of an organ from which dots are drawn small."""

FIGURE = 30
"""Width in pixels of the medians' figures, right of the axis: over dots they would hide some."""

GAP = 8
"""Pixels around a word, and at an axis' ends."""

_TICKS = {0.0: "0", 0.25: ".25", 0.5: ".5", 0.75: ".75", 1.0: "1"}
_TICK = 5
"""Height in pixels of another mask's Dice."""

_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
_ABOVE_RIGHT = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight
_ABOVE = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter


@dataclass(frozen=True)
class Grid:
    """Where the strips are, in pixels.

    Attributes
    ----------
    top, row
        Of the first strip, and each one's height.
    left
        Width of the organs' names.
    """

    strips: Sequence[Strip]
    width: int
    top: int
    row: int
    left: int

    @property
    def bottom(self) -> int:
        return self.y(len(self.strips))

    @property
    def height(self) -> int:
        """With the axis' words below."""
        return self.bottom + self.row

    @property
    def right(self) -> int:
        """Where the medians' figures begin."""
        return self.width - FIGURE - GAP // 2

    def x(self, dice: float) -> float:
        return self.left + GAP + dice * (self.right - self.left - 2 * GAP)

    def y(self, number: int) -> int:
        """Upper edge of a strip."""
        return self.top + number * self.row

    def dots(self) -> NDArray[np.float64]:
        """(x, y) of each strip's dots, one strip after another, float64 (n, 2)."""
        places = [np.zeros((0, 2))]
        for number, strip in enumerate(self.strips):
            apart = diameter(strip) + 1
            count = max(1, 2 * int((self.row / 2 - 1 - apart / 2) // apart) + 1)
            x = self.x(0) + strip.dice * (self.x(1) - self.x(0))
            y = self.y(number) + self.row / 2 + apart * np.array(lanes(x, apart, count), float)
            places.append(np.stack((x, y), axis=1))
        return np.concatenate(places)


def diameter(strip: Strip) -> int:
    """Of a strip's dots, in pixels."""
    return 7 if len(strip.ids) < CROWD else 4


def lanes(x: NDArray[np.float64], apart: float, count: int) -> list[int]:
    """Lanes for dots so that none lies upon another as long as there is room.

    Parameters
    ----------
    x
        Where the dots are, in pixels, ascending.
    apart
        Least distance of two dots in a lane, in pixels.
    count
        Lanes there are.

    Returns
    -------
    A lane for each dot, counted from the middle: 0, 1, -1, 2, -2 ... A dot takes the innermost
    lane that is free, else the one that has been left longest.
    """
    ends = [-np.inf] * count
    chosen = []
    for place in x.tolist():
        for lane, end in enumerate(ends):  # noqa: B007  (the lane that the loop stops at)
            if place - end >= apart:
                break
        else:
            lane = ends.index(min(ends))
        ends[lane] = place
        chosen.append((lane + 1) // 2 * (1 if lane % 2 else -1))
    return chosen


@dataclass(frozen=True)
class Look:
    """Colours and letters; `ratio` is of the screen's pixels to Qt's."""

    dots: QColor
    ink: QColor
    font: QFont
    ratio: float
    small: QFont = field(init=False)

    def __post_init__(self) -> None:
        small = QFont(self.font)
        small.setPointSizeF(max(7.0, 0.85 * self.font.pointSizeF()))
        object.__setattr__(self, "small", small)


def draw(grid: Grid, dots: NDArray[np.float64], look: Look) -> QPixmap:
    """The picture of all strips with their names, dots, medians and axis."""
    picture = _blank(QSize(grid.width, grid.height), look.ratio)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_axis(painter, grid, look)
    first = 0
    for number, strip in enumerate(grid.strips):
        _draw_names(painter, grid, number, look)
        _draw_beside(painter, grid, number)
        _draw_dots(painter, strip, dots[first : first + len(strip.ids)], look)
        _draw_median(painter, grid, number, look)
        first += len(strip.ids)
    painter.end()
    return picture


def _draw_axis(painter: QPainter, grid: Grid, look: Look) -> None:
    painter.setFont(look.small)
    for tick in _TICKS:
        x = grid.x(tick)
        painter.setPen(faint(look.ink, 45))
        painter.drawLine(QPointF(x, grid.top), QPointF(x, grid.bottom))
        painter.setPen(faint(look.ink, 190))
        painter.drawText(QRectF(x - 30, grid.bottom + 1, 60, grid.row), _ABOVE, _TICKS[tick])
    painter.drawText(QRectF(grid.right, grid.bottom + 1, FIGURE, grid.row), _ABOVE_RIGHT, "med.")
    painter.setFont(look.font)
    painter.drawText(QRectF(GAP / 2, grid.bottom, grid.left, grid.row), _LEFT, ALL)
    painter.setPen(faint(look.ink, 45))
    for number in range(len(grid.strips) + 1):
        painter.drawLine(QPointF(0, grid.y(number)), QPointF(grid.width, grid.y(number)))


def _draw_names(painter: QPainter, grid: Grid, number: int, look: Look) -> None:
    strip, y = grid.strips[number], grid.y(number)
    painter.setFont(look.font)
    painter.setPen(look.ink)
    painter.drawText(QRectF(GAP / 2, y, grid.left, grid.row), _LEFT, strip.organ)
    if strip.words:
        x = grid.x(0)
        room = int(grid.width - x)
        words = QFontMetrics(look.font).elidedText(strip.words, Qt.TextElideMode.ElideRight, room)
        painter.setPen(faint(look.ink, 190))
        painter.drawText(QRectF(x, y, room, grid.row), _LEFT, words)


def _draw_beside(painter: QPainter, grid: Grid, number: int) -> None:
    """Other masks' Dice as ticks along the strip's lower edge, the median's twice as long."""
    foot = grid.y(number + 1) - 1
    for beside in grid.strips[number].beside:
        painter.setPen(QPen(faint(QColor(colours.SIDE[beside.side]), 190), 1.2))
        for x in {round(grid.x(dice)) for dice in beside.dice.tolist()}:
            painter.drawLine(QPointF(x, foot - _TICK), QPointF(x, foot))
        painter.setPen(QPen(QColor(colours.SIDE[beside.side]), 2))
        x = grid.x(beside.median)
        painter.drawLine(QPointF(x, foot - 2 * _TICK), QPointF(x, foot))


def _draw_dots(painter: QPainter, strip: Strip, dots: NDArray[np.float64], look: Look) -> None:
    size = diameter(strip)
    stamps = {
        (seen, queued): _stamp(size, look, hollow=seen, faded=not queued)
        for seen in (False, True)
        for queued in (False, True)
    }
    # what is in the queue lies above what is not
    order = np.argsort(strip.queued, kind="stable")
    corners = (dots[order] - (size / 2 + 1)).tolist()
    kinds = zip(strip.seen[order].tolist(), strip.queued[order].tolist(), strict=True)
    for (x, y), kind in zip(corners, kinds, strict=True):
        painter.drawPixmap(QPointF(x, y), stamps[kind])


def _stamp(size: int, look: Look, *, hollow: bool, faded: bool) -> QPixmap:
    stamp = _blank(QSize(size + 2, size + 2), look.ratio)
    colour = faint(look.dots, 100 if faded else 235)
    painter = QPainter(stamp)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.4) if hollow else Qt.PenStyle.NoPen)
    painter.setBrush(Qt.BrushStyle.NoBrush if hollow else colour)
    edge = 1.7 if hollow else 1.0
    painter.drawEllipse(QRectF(edge, edge, size + 2 - 2 * edge, size + 2 - 2 * edge))
    painter.end()
    return stamp


def _draw_median(painter: QPainter, grid: Grid, number: int, look: Look) -> None:
    median = grid.strips[number].median
    if median is None:
        return
    x, y = grid.x(median), grid.y(number)
    painter.setPen(QPen(look.ink, 1.5))
    painter.drawLine(QPointF(x, y + 2), QPointF(x, y + grid.row - 2))
    painter.setFont(look.small)
    painter.drawText(QRectF(grid.right, y, FIGURE, grid.row), _RIGHT, f"{median:.2f}")


def _blank(size: QSize, ratio: float) -> QPixmap:
    picture = QPixmap(size * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    return picture


def faint(colour: QColor, alpha: int) -> QColor:
    """The colour at an opacity of 0 to 255."""
    paler = QColor(colour)
    paler.setAlpha(alpha)
    return paler
