"""Many signals in a row, one answer to them."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

PAUSE = 150
"""Milliseconds in which signals are gathered: longer than a stroke takes to be drawn."""


class Soon:
    """Has a widget follow soon after it was asked to, however often, while it is seen.

    Parameters
    ----------
    widget
        Asks anew when it is shown, if it wants to be up to date then.
    follow
        Brings it up to date.
    """

    def __init__(self, widget: QWidget, follow: Callable[[], None]) -> None:
        self._widget, self._follow = widget, follow
        self._timer = QTimer(widget)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(self._go)

    def __call__(self, *_: object) -> None:
        """Ask for it; what a signal tells is not looked at."""
        if not self._timer.isActive():
            self._timer.start()

    def _go(self) -> None:
        if self._widget.isVisible():
            self._follow()
