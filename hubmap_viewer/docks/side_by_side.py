"""The window's middle in two halves: napari's own canvas, a second one, and a bar above both."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from qtpy.QtCore import QEvent, QObject, QPoint, Qt
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import (
    QApplication,
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer import colours

if TYPE_CHECKING:
    from hubmap_viewer.side_by_side import SideBySide

COLOURS = {
    "truth": colours.TRUTH,
    "prediction": colours.PREDICTION,
    "second ensemble": colours.SECOND,
    "curated": colours.CURATED,
    "preview": colours.PREVIEW,
}


class Halves(QObject):
    """Gives a main window's middle to two canvases while they are side by side.

    Napari's canvas is not moved to another parent, which would cost it its OpenGL
    context: it only gets half of the room.
    """

    def __init__(self, window: QMainWindow, side: SideBySide, key: str) -> None:
        super().__init__(window)
        self._window = window
        self._side = side
        self._right: QWidget | None = None
        self.bar = Bar(side)
        self.button = QToolButton()
        self.button.setText("◫ Side by side")
        self.button.setCheckable(True)
        self.button.setToolTip(f"A second canvas with another mask, one pan and zoom ({key})")
        self.button.clicked.connect(self._on_button)
        status = window.statusBar()
        assert status is not None
        status.addPermanentWidget(self.button)
        side.switched.connect(self._on_switched)

    def _on_button(self) -> None:
        self._side.switch()
        self.button.setChecked(self._side.on)

    def _on_switched(self, on: bool) -> None:
        if self._right is None:
            self._build()
        assert self._right is not None
        self.button.setChecked(on)
        self.bar.setVisible(on)
        self._right.setVisible(on)
        # The cameras are fitted to the room next: it is to be known by then.
        middle = self._window.centralWidget()
        layout = None if middle is None else middle.layout()
        if layout is not None:
            layout.activate()

    def _build(self) -> None:
        middle = self._window.centralWidget()
        assert middle is not None
        self._right = right = self._side.canvas()
        left = middle.findChild(type(right))
        outer = cast(QBoxLayout, middle.layout())
        outer.removeWidget(left)
        halves = QHBoxLayout()
        halves.setSpacing(2)
        halves.addWidget(left, 1)
        halves.addWidget(right, 1)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addLayout(halves, 1)
        outer.addLayout(column)
        right.setAcceptDrops(False)
        there, here = right.canvas.native, left.canvas.native
        Relay(here, source=there)
        Cross(here, source=there)
        Cross(there, source=here)


class Bar(QWidget):
    """What is on the left, what is on the right, and the pairs to choose from."""

    def __init__(self, side: SideBySide) -> None:
        super().__init__()
        self._side = side
        self.left, self.right = QLabel(), QLabel()
        self.pairs = QComboBox()
        for pair in side.pairs:
            self.pairs.addItem(str(pair), pair)
        self.pairs.setToolTip("Masks to compare")
        self.pairs.activated.connect(self._choose)
        close = QToolButton()
        close.setText("✕")
        close.setToolTip("One canvas again")
        close.clicked.connect(side.switch)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 2, 2)
        row.addWidget(self.left, 1)
        row.addWidget(self.pairs)
        row.addWidget(self.right, 1)
        row.addWidget(close)
        self.right.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        side.changed.connect(self._tell)
        self._tell()

    def _choose(self, index: int) -> None:
        self._side.choose(self._side.pairs[index])

    def _tell(self) -> None:
        pair = self._side.pair
        self.pairs.setCurrentIndex(self._side.pairs.index(pair))
        for label, name in ((self.left, pair.left), (self.right, pair.right)):
            there = self._side.is_there(name)
            label.setText(words(name, there=there))


def words(name: str, *, there: bool) -> str:
    """A mask's name beside its colour, or that there is none."""
    if not there:
        return f"no {name}"
    shape = "■" if name == "curated" else "□"
    return f'<span style="color: {COLOURS[name]}">{shape}</span> {name}'


class Relay(QObject):
    """Keys pressed on one canvas reach the other, which has the tools and the review's keys."""

    def __init__(self, to: QWidget, source: QWidget) -> None:
        super().__init__(to)
        self._to = to
        source.installEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        """Pass keys on, and leave the rest."""
        if a1 is not None and a1.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            return QApplication.sendEvent(self._to, a1)
        return False


class Cross(QWidget):
    """A small cross on one canvas where the cursor is on the other.

    Both have one size and one camera: a pixel of one is that place on the other.
    """

    ARM = 9

    def __init__(self, canvas: QWidget, source: QWidget) -> None:
        super().__init__(canvas)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(2 * self.ARM + 1, 2 * self.ARM + 1)
        self.hide()
        source.installEventFilter(self)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        """Follow the cursor."""
        if isinstance(a1, QMouseEvent) and a1.type() == QEvent.Type.MouseMove:
            self.move(a1.pos() - QPoint(self.ARM, self.ARM))
            self.show()
        elif a1 is not None and a1.type() == QEvent.Type.Leave:
            self.hide()
        return False

    def paintEvent(self, a0: QPaintEvent | None) -> None:  # noqa: N802
        """Black under white: readable on light and on dark tissue."""
        painter = QPainter(self)
        for colour, width in (("black", 3), ("white", 1)):
            painter.setPen(QPen(QColor(colour), width))
            painter.drawLine(self.ARM, 0, self.ARM, 2 * self.ARM)
            painter.drawLine(0, self.ARM, 2 * self.ARM, self.ARM)
        painter.end()
