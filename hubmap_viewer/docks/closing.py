"""When the window closes: save first, and never lose an edit without a word."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

from hubmap_viewer.session import Session


class ClosingGuard(QObject):
    """Watches a main window: saves when it is asked to close, ends all work when it is gone.

    Parameters
    ----------
    gone
        Called once the window is gone.
    """

    def __init__(self, window: QMainWindow, session: Session, gone: Callable[[], object]) -> None:
        super().__init__(window)
        self._session = session
        window.installEventFilter(self)
        self._gone = gone
        window.destroyed.connect(self._on_gone)

    def _on_gone(self) -> None:
        self._gone()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:  # noqa: N802
        """Refuse to close while edits cannot be saved, unless the user gives them up."""
        if a1 is None or a1.type() != QEvent.Type.Close:
            return False
        if self._session.flush() or self._give_up():
            self._session.leaving.emit()
            return False
        a1.ignore()
        return True

    def _give_up(self) -> bool:
        lost = self._session.unsaved()
        box = QMessageBox(
            QMessageBox.Icon.Warning,
            "Edits are not saved",
            f"The last edits of case {', '.join(lost)} could not be saved.\n"
            "Free some space, or close the program that holds reviews.sqlite, and close again.",
        )
        keep = box.addButton("Keep the window open", QMessageBox.ButtonRole.RejectRole)
        lose = box.addButton("Close and lose these edits", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(keep)
        box.exec()
        return box.clickedButton() is lose


def main_window_of(widget: QWidget) -> QMainWindow | None:
    """The main window that a dock belongs to, though it may float."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent
