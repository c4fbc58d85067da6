"""A window that outlives its test: making one takes seconds, another folder opens in moments."""

from __future__ import annotations

import gc
from pathlib import Path
from unittest.mock import patch

import napari
from app_model import Application
from napari._qt._qapp_model.qactions import init_qactions
from napari._qt.qt_viewer import QtViewer
from napari._qt.threads.status_checker import StatusChecker
from napari.plugins import _initialize_plugins
from qtpy.QtCore import QCoreApplication, QEvent

from hubmap_viewer.desk import Desk
from hubmap_viewer.layers import CURATED
from hubmap_viewer.plugin import desk_for, open_cohort

APP = "napari"


class LastingWindow:
    """One viewer for a module's tests, made when it is first wanted."""

    def __init__(self) -> None:
        self._viewer: napari.Viewer | None = None

    def open(self, folder: Path) -> napari.Viewer:
        """Show a cohort, with nothing left of what the test before did."""
        if self._viewer is None:
            _forget_actions()
            with patch.object(StatusChecker, "start", lambda _: None):
                self._viewer = napari.Viewer(show=True, show_welcome_screen=False)
            self._viewer.window._qt_window.resize(1400, 900)
            open_cohort(self._viewer, folder)
        else:
            self._viewer.window._qt_window.resize(1400, 900)
            _tidy(desk_for(self._viewer))
            self._viewer.window.dock_widgets["Review (hubmap-viewer)"].parentWidget().raise_()
            desk_for(self._viewer).open(folder)
        return self._viewer

    def close(self) -> None:
        """Close the window; the next `open` makes another."""
        viewer, self._viewer = self._viewer, None
        if viewer is None:
            return
        desk_for(viewer).close()
        with patch.object(viewer.window._qt_window, "_save_current_window_settings"):
            viewer.close()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        _forget_actions()
        del viewer
        gc.collect()
        QtViewer._instances.clear()


def _tidy(desk: Desk) -> None:
    """Put away what a user would: the tool in the hand, the second canvas, what is hidden."""
    if desk.side_by_side.on:
        desk.side_by_side.on_key(desk.viewer)
    if CURATED in desk.layers:
        curated = desk.layers.curated
        curated.mode, curated.brush_size, curated.selected_label = "pan_zoom", 30, 1
        desk.viewer.layers.selection.active = curated
    desk.toolbox.never_mind()
    if desk.toolbox.in_hand is not None:
        desk.toolbox.take(None)
    for layer in desk.viewer.layers:
        layer.visible = layer.name != "probability"


def _forget_actions() -> None:
    """Have napari register its commands anew: tests with a viewer of their own have ended them."""
    if Application.get_app(APP) is not None:
        Application.destroy(APP)
    _initialize_plugins.cache_clear()
    init_qactions.cache_clear()
