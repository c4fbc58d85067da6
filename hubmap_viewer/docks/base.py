"""What every dock has: a page for when nothing is open, and a place for what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QGuiApplication, QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from hubmap_viewer.docks.closing import ClosingGuard, main_window_of
from hubmap_viewer.session import Session

WIDTH = 400
"""Least width of a dock in pixels: the case table with its scores fits."""

QUIET = "QLabel { color: #9aa0a6; }"
"""Of a line that explains and does not press."""

LOW = 200
"""Height in pixels that a dock below the canvas begins with."""


class Dock(QWidget):
    """A page that is filled once a cohort is open.

    Parameters
    ----------
    open_cohort
        Opens the cohort's folder that the user chose.
    hint
        What this dock will offer, shown while nothing is open.
    """

    window_gone = Signal()
    in_window = Signal(object)
    """The first dock of a main window is shown in it: tells the window."""

    def __init__(self, session: Session, open_cohort: Callable[[Path], None], hint: str) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setMinimumWidth(WIDTH)
        self.session = session
        self._open_cohort = open_cohort
        self.notice = Notice()
        self.body = QVBoxLayout()
        self.body.setContentsMargins(6, 6, 6, 6)
        self.body.setSpacing(6)
        page = QWidget()
        page.setLayout(self.body)
        scroll = QScrollArea()
        scroll.setWidget(page)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._empty_page(hint))
        self.pages.addWidget(scroll)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.notice)
        layout.addWidget(self.pages)
        session.cohort_opened.connect(self._show_page)
        self._show_page()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Low below the canvas; at the right the window's height is what there is."""
        return QSize(WIDTH, LOW)

    def showEvent(self, a0: QShowEvent | None) -> None:  # noqa: N802
        """Once it is in a window, have the window's end watched."""
        super().showEvent(a0)
        window = main_window_of(self)
        if window is not None and window.findChild(ClosingGuard) is None:
            ClosingGuard(window, self.session, self.window_gone.emit)
            # The queue keeps its height; what is below the canvas gives way.
            right = Qt.DockWidgetArea.RightDockWidgetArea
            window.setCorner(Qt.Corner.BottomRightCorner, right)
            self.in_window.emit(window)

    def _show_page(self) -> None:
        self.pages.setCurrentIndex(0 if self.session.cohort is None else 1)

    def _empty_page(self, hint: str) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        words = QLabel(hint)
        words.setWordWrap(True)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        button = QPushButton("Open a cohort…")
        button.setObjectName("open-cohort")
        button.clicked.connect(self._choose_cohort)
        layout.addStretch(1)
        layout.addWidget(words)
        layout.addWidget(button, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(quiet("A folder with train.csv and train_images, or drop it here."))
        layout.addStretch(2)
        return page

    def _choose_cohort(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a cohort's folder")
        if folder:
            self._open_cohort(Path(folder))


class Notice(QFrame):
    """One sentence on what went wrong or what changed, with its details to copy."""

    def __init__(self) -> None:
        super().__init__()
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        copy = QToolButton()
        copy.setText("Copy")
        copy.setToolTip("Copy the details")
        copy.clicked.connect(self._copy)
        close = QToolButton()
        close.setText("✕")
        close.setToolTip("Dismiss")
        close.clicked.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.addWidget(self._words, 1)
        layout.addWidget(copy, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    @property
    def text(self) -> str:
        return self._words.text()

    def tell(self, sentence: str, *, wrong: bool = False) -> None:
        """Show a sentence; marked as an error by a word and a bar, not by colour alone."""
        self._words.setText(f"Problem: {sentence}" if wrong else sentence)
        colour = "#D55E00" if wrong else "#009E73"
        self.setStyleSheet(f"Notice {{ border: none; border-left: 4px solid {colour}; }}")
        self.show()

    def _copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._words.text())


def combo() -> QComboBox:
    """A choice that is as wide as its dock allows, however long its words."""
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(6)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def form() -> QFormLayout:
    """Labels on the left, fields that fill the rest."""
    layout = QFormLayout()
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return layout


def heading(text: str) -> QLabel:
    """A section's title."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def quiet(text: str = "") -> QLabel:
    """A line that explains and does not press."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    label.setStyleSheet(QUIET)
    return label


def primary(text: str) -> QPushButton:
    """The one action of a dock that stands out."""
    button = QPushButton(text)
    button.setMinimumHeight(32)
    button.setStyleSheet(
        "QPushButton { background: #0072B2; color: white; font-weight: bold; padding: 4px 10px; }"
        "QPushButton:disabled { background: #4a4f57; color: #9aa0a6; }"
        "QPushButton:hover:enabled { background: #1888c8; }"
    )
    return button


def enable(button: QWidget, why_not: str = "") -> None:
    """Enable, or disable with the reason as tool tip."""
    button.setEnabled(not why_not)
    button.setToolTip(why_not)


def fill(bar: QProgressBar, share: float | None) -> None:
    """Show the share done, 0 to 1; None: something is being done."""
    bar.setRange(0, 0 if share is None else 1000)
    bar.setValue(round(1000 * (share or 0)))
