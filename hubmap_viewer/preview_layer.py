"""The mask that is looked at, on napari's canvas."""

from __future__ import annotations

from napari.components import ViewerModel
from napari.layers import Labels

from hubmap_viewer import colours
from hubmap_viewer.layers import PREVIEW, CaseLayers, outline_layer
from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.preview import Preview
from hubmap_viewer.replacing import measure_in, put, replace
from hubmap_viewer.session import Session


class PreviewLayer:
    """Outlines the preview's mask while there is one."""

    def __init__(
        self, viewer: ViewerModel, session: Session, layers: CaseLayers, preview: Preview
    ) -> None:
        self._viewer = viewer
        self._layers = layers
        self._session = session
        self._preview = preview
        self._layer: Labels | None = None
        preview.changed.connect(self._show)

    def _show(self) -> None:
        here, levels = self._session.open, self._preview.levels
        if here is None or levels is None:
            self._take_away()
            return
        active = self._viewer.layers.selection.active
        if self._layer is None or self._layer not in self._viewer.layers:
            self._layer = outline_layer(PREVIEW, levels, colours.PREVIEW)
            self._place(self._layer, here)
            self._viewer.add_layer(self._layer)
            self._layers.lend(self._layer)
        else:
            replace(self._layer, levels)
            self._place(self._layer, here)
        self._viewer.layers.selection.active = active

    @staticmethod
    def _place(layer: Labels, here: OpenCase) -> None:
        put(layer, "scale", (here.pixel, here.pixel))
        measure_in(layer, here.unit)

    def _take_away(self) -> None:
        if self._layer is not None and self._layer in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self._viewer.layers.remove(self._layer)
            if active is not None and active in self._viewer.layers:
                self._viewer.layers.selection.active = active
        self._layer = None
