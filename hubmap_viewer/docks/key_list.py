"""The keys, on one page, under `?`."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QDialog, QGridLayout, QLabel, QWidget

from hubmap_viewer import keys
from hubmap_viewer.docks.base import heading, quiet

_NAPARIS = (
    ("P", "brush"),
    ("E", "eraser"),
    ("3", "polygon"),
    ("F", "fill"),
    ("Z", "move and zoom"),
    ("Space", "move and zoom while held"),
    ("[", "smaller brush"),
    ("]", "larger brush"),
    ("Ctrl+R", "show the whole image"),
)
_FOOT = (
    "A key of the selected layer's own goes first. Choose other keys in napari's "
    "preferences, under Plugins → HuBMAP; they hold from the next start."
)


class KeyList(QDialog):
    """A window that stays beside the work until it is closed."""

    def __init__(self, parent: QWidget, chosen: keys.Chosen) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setWindowFlag(Qt.WindowType.Tool)
        grid = QGridLayout(self)
        grid.setHorizontalSpacing(18)
        ours = tuple((key, meaning.does) for meaning, key in chosen.items())
        for column, (title, rows) in enumerate(
            (("Review", ours), ("napari's tools on the curated mask", _NAPARIS))
        ):
            grid.addWidget(heading(title), 0, 2 * column, 1, 2)
            for row, (key, does) in enumerate(rows, start=1):
                grid.addWidget(QLabel(written(key)), row, 2 * column)
                grid.addWidget(QLabel(does), row, 2 * column + 1)
        grid.addWidget(quiet(_FOOT), 30, 0, 1, 4)


def written(key: str) -> str:
    """A key as this system writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
