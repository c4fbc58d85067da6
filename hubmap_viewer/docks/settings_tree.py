"""An ensemble's settings as a tree to read: a line a key, what it means as tool tip."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from hubmap_viewer.ensemble_lines import Line

_HEIGHT = 150
"""Least height in pixels: six lines are there to be read without scrolling."""


class SettingsTree(QTreeWidget):
    """Keys at the left, what is said of them at the right; nothing can be edited."""

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(True)
        self.setIndentation(14)
        self.setUniformRowHeights(True)
        self.setMinimumHeight(_HEIGHT)
        self.setAccessibleName("What the ensemble's file says")
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.header()
        assert header is not None
        header.setStretchLastSection(True)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self._said: tuple[Line, ...] = ()

    def put(self, said: tuple[Line, ...]) -> None:
        """Show these lines; what is open stays so where nothing has changed."""
        if said == self._said:
            return
        self._said = said
        self.clear()
        self.addTopLevelItems(list(_items(said)))
        self.expandAll()
        self.resizeColumnToContents(0)
        self.setColumnWidth(0, min(self.columnWidth(0) + 10, 190))


def _items(said: Iterable[Line]) -> Iterable[QTreeWidgetItem]:
    for line in said:
        item = QTreeWidgetItem([line.title, line.value])
        for column, text in enumerate((line.title, line.value)):
            item.setToolTip(column, f"{text}\n{line.tip}" if line.tip else text)
        item.addChildren(list(_items(line.below)))
        yield item
