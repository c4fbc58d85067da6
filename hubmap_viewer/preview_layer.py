"""The mask that is looked at, on napari's canvas."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

from hubmap_viewer import colours
from hubmap_viewer.layers import PREVIEW, CaseLayers, outline_layer
from hubmap_viewer.preview import Preview
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
        pixel = here.loaded.case.pixel_size or 1.0
        active = self._viewer.layers.selection.active
        unit = "µm" if here.loaded.case.pixel_size else "pixel"
        if self._layer is None or self._layer not in self._viewer.layers:
            self._layer = outline_layer(PREVIEW, levels, colours.PREVIEW)
            self._layer.scale, self._layer.units = np.array((pixel, pixel)), (unit, unit)
            self._viewer.add_layer(self._layer)
            self._layers.lend(self._layer)
        else:
            self._layer.data = levels  # type: ignore[assignment]
            self._layer.scale, self._layer.units = np.array((pixel, pixel)), (unit, unit)
        self._viewer.layers.selection.active = active

    def _take_away(self) -> None:
        if self._layer is not None and self._layer in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self._viewer.layers.remove(self._layer)
            if active is not None and active in self._viewer.layers:
                self._viewer.layers.selection.active = active
        self._layer = None
