"""The keys, on one page, under `?`."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QDialog, QGridLayout, QLabel, QWidget

from hubmap_viewer import keys
from hubmap_viewer.docks.base import heading, quiet

_OURS = tuple((key.key, key.does) for key in keys.KEYS)
_NAPARIS = (
    ("P", "brush"),
    ("E", "eraser"),
    ("3", "polygon"),
    ("F", "fill"),
    ("Z", "move and zoom"),
    ("Space", "move and zoom while held"),
    ("[", "smaller brush"),
    ("]", "larger brush"),
    ("Control-R", "show the whole image"),
)


class KeyList(QDialog):
    """A window that stays beside the work until it is closed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setWindowFlag(Qt.WindowType.Tool)
        grid = QGridLayout(self)
        grid.setHorizontalSpacing(18)
        for column, (title, rows) in enumerate(
            (("Review", _OURS), ("napari's tools on the curated mask", _NAPARIS))
        ):
            grid.addWidget(heading(title), 0, 2 * column, 1, 2)
            for row, (key, does) in enumerate(rows, start=1):
                grid.addWidget(QLabel(written(key)), row, 2 * column)
                grid.addWidget(QLabel(does), row, 2 * column + 1)
        grid.addWidget(quiet("A key of the selected layer's own goes first."), 30, 0, 1, 4)


def written(key: str) -> str:
    """A key as this system writes it."""
    sequence = QKeySequence(key.replace("Control", "Ctrl").replace("-", "+"))
    return sequence.toString(QKeySequence.SequenceFormat.NativeText)
