"""Drawing at once what has changed on a canvas, and nothing else."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication


class Drawing:
    """A viewer's canvas, whose frames are counted.

    `now` gives Qt its own request to draw, without timers and other events: what is to
    come after a drawing, as a flight to the next finding, does not get into the time.
    """

    def __init__(self, viewer: Any) -> None:
        self._canvas = viewer.window._qt_viewer.canvas
        self._frames = 0
        self._canvas.events.draw.connect(self._count)

    def now(self) -> None:
        """Draw, and return when it is drawn."""
        before = self._frames
        self._canvas.native.update()
        QApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest)
        while self._frames == before:
            QApplication.processEvents()

    def _count(self, _: object) -> None:
        self._frames += 1
