"""Room below the canvas in a low window."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabBar

_TABS = 30
"""Height of a row of tabs in pixels."""

_CONTROLS = 380
"""Height in pixels that napari's controls of a mask will ask for, once there is a mask: a
window that has not as much would grow beyond its screen."""


def share_left(window: QMainWindow, wanted: int) -> None:
    """Stack napari's docks at the left as tabs, where they are in the way.

    They reach down to what is below the canvas: where the least height of both leaves less than
    `wanted` pixels for that, no splitter could give it more.
    """
    docks = _docked(window, Qt.DockWidgetArea.LeftDockWidgetArea)
    above = _docked(window, Qt.DockWidgetArea.TopDockWidgetArea)
    bars = (window.menuBar(), window.statusBar(), *above)
    room = window.height() - sum(bar.height() for bar in bars if bar is not None)
    heights = [dock.minimumSizeHint().height() for dock in docks]
    least = sum(heights) + max(0, _CONTROLS - max(heights, default=_CONTROLS))
    if not docks or any(window.tabifiedDockWidgets(dock) for dock in docks):
        return
    if least + wanted + _TABS > room:
        _stack(window, docks)


def grow(window: QMainWindow, dock: QDockWidget, height: int) -> None:
    """Give a dock below the canvas a height in pixels, as far as the window has it."""
    window.resizeDocks([dock], [height], Qt.Orientation.Vertical)
    layout = window.layout()
    if layout is not None:
        layout.activate()
    # Qt leaves an empty row of tabs behind, over the docks, where it has just made tabs
    for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
        if not bar.count():
            bar.hide()


def _docked(window: QMainWindow, area: Qt.DockWidgetArea) -> list[QDockWidget]:
    """The docks that are seen at a side of the window."""
    return [
        dock
        for dock in window.findChildren(QDockWidget)
        if dock.isVisible() and not dock.isFloating() and window.dockWidgetArea(dock) == area
    ]


def _stack(window: QMainWindow, docks: list[QDockWidget]) -> None:
    """Make tabs of docks, the uppermost in front."""
    uppermost = min(docks, key=lambda dock: dock.y())
    for dock in docks:
        if dock is not uppermost:
            window.tabifyDockWidget(uppermost, dock)
    uppermost.raise_()
