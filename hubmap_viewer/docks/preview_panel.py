"""What a training would show its network: a case whole, then crops of it, and so on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QResizeEvent
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from hubmap_viewer.docks.base import enable, heading, quiet
from hubmap_viewer.recipe_preview import Drawn, RecipePreview
from trainer.data.case import Image

_CELL = 256
"""Longer side, in pixels, of the largest picture that is drawn."""

_GAP = 4
_ACROSS = 3
"""Crops in a row of a narrow dock: of more, a change of colour or a blur could not be seen."""


class PreviewPanel(QWidget):
    """Draws on demand.

    Parameters
    ----------
    choice
        Tells the recipe's YAML, and whether accepted masks take truth's place.

    Attributes
    ----------
    begin
        Begins with the recipe's own seed; to be placed beside the recipe.
    """

    failed = Signal(str)

    def __init__(self, model: RecipePreview, choice: Callable[[], tuple[Path, bool]]) -> None:
        super().__init__()
        self.model, self._choice = model, choice
        self._seed = 0
        self._failure = ""
        self.begin, self.again = QPushButton("Preview"), QPushButton("Other draws")
        self.cancel, self.state = QPushButton("Cancel"), quiet()
        self.strips: list[CropPictures] = []
        self._build()
        self.begin.clicked.connect(lambda: self._draw(None))
        self.again.clicked.connect(lambda: self._draw(self._seed + 1))
        self.cancel.clicked.connect(model.cancel)
        model.changed.connect(self._show)
        self._show()

    def _build(self) -> None:
        row = QHBoxLayout()
        row.addWidget(heading("What the network will see"), 1)
        row.addWidget(self.again)
        row.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.state)
        self._column = QVBoxLayout()
        self._column.setSpacing(8)
        column.addLayout(self._column)

    def _draw(self, seed: int | None) -> None:
        recipe, curated = self._choice()
        self._seed = 0 if seed is None else seed
        self._failure = ""
        self.model.draw(recipe, curated=curated, seed=seed)

    def _show(self) -> None:
        model = self.model
        running = model.job is not None
        stopping = model.job is not None and model.job.cancelling
        self.setVisible(running or bool(model.words))
        self.state.setText(model.words)
        self.again.setVisible(not running)
        self.cancel.setVisible(running)
        enable(self.cancel, "It is stopping." if stopping else "")
        enable(self.begin, "It is being drawn." if running else "")
        if not running:
            self.begin.setToolTip("Draw what the network will see")
        if [strip.drawn for strip in self.strips] != model.drawn[: len(self.strips)]:
            self._clear()
        for drawn in model.drawn[len(self.strips) :]:
            self._add(drawn)
        if model.problem and model.problem != self._failure:
            self._failure = model.problem
            self.failed.emit(model.problem)

    def _clear(self) -> None:
        for strip in self.strips:
            self._column.removeWidget(strip)
            strip.deleteLater()
        self.strips = []

    def _add(self, drawn: Drawn) -> None:
        strip = CropPictures(drawn, self.model.organ(drawn.case_id))
        self.strips.append(strip)
        self._column.addWidget(strip)


class CropPictures(QWidget):
    """A case whole, with its name, and its crops; as large as the dock's width allows."""

    def __init__(self, drawn: Drawn, organ: str) -> None:
        super().__init__()
        self.drawn = drawn
        self._name = f"{drawn.case_id}\n{organ}"
        self._pictures = [_image(picture) for picture in drawn.pictures]
        self.setAccessibleName(f"case {drawn.case_id}, {organ}: whole, then as a step gets it")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:  # noqa: N802
        """Keep the cells square."""
        super().resizeEvent(a0)
        self.setFixedHeight(max(cell.bottom() for cell in self.cells()) + 1)

    def cells(self) -> list[QRect]:
        """Where the pictures are: the whole case, its name beside it, and the crops below."""
        crops = len(self._pictures) - 1
        across = crops if self.width() >= crops * _CELL // 2 else _ACROSS
        side = min(_CELL, (self.width() + _GAP) // across - _GAP)
        whole = self._pictures[0]
        first = QRect(0, 0, whole.width() * side // _CELL, whole.height() * side // _CELL)
        top, step = first.bottom() + 1 + _GAP, side + _GAP
        places = range(crops)
        below = [QRect(at % across * step, top + at // across * step, side, side) for at in places]
        return [first, *below]

    def paintEvent(self, a0: QPaintEvent | None) -> None:  # noqa: N802
        """Each crop at the upper left of its cell, as large as it is beside the others."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        whole, *below = self.cells()
        painter.drawImage(whole, self._pictures[0])
        for picture, cell in zip(self._pictures[1:], below, strict=True):
            scale = cell.width() / _CELL
            size = QSize(round(picture.width() * scale), round(picture.height() * scale))
            painter.drawImage(QRect(cell.topLeft(), size), picture)
        painter.setPen(self.palette().windowText().color())
        left = whole.right() + 2 * _GAP
        beside = QRect(left, 0, self.width() - left, whole.height())
        painter.drawText(beside, Qt.AlignmentFlag.AlignLeft, self._name)


def _image(picture: Image) -> QImage:
    height, width = picture.shape[:2]
    image = QImage(picture.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()  # that of the bytes does not outlive them
