"""One finding on the canvas: framed by the camera, ringed by an outline."""

from __future__ import annotations

import cv2
import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.colormaps import DirectLabelColormap

from hubmap_viewer import colours
from hubmap_viewer.replacing import measure_in, put, replace
from hubmap_viewer.session import Session
from trainer.data.findings import Box, Finding

NAME = "finding"

_RING = 3.0
"""Width of the outline on the screen, in pixels."""

_ROOM = 2.2
"""How much wider than a finding the canvas shows, so that its surroundings can be judged."""

_LEAST = 160
"""Of the image, in pixels, that a frame shows in width and height."""


class FindingLayer:
    """Takes the camera to a place of the open case, and rings a finding there."""

    def __init__(self, viewer: ViewerModel, session: Session) -> None:
        self._viewer = viewer
        self._session = session
        self._layer: Labels | None = None
        self._kind = ""
        session.framed.connect(self.frame)
        session.cohort_opened.connect(self.clear)

    def show(self, finding: Finding | None) -> None:
        """Frame a finding and ring it; None takes the ring away."""
        if finding is None:
            self.clear()
            return
        self.frame(finding.box)
        pixel = self._pixel()
        width = max(1, round(_RING / (self._viewer.scene.camera.zoom * pixel)))
        layer = self._made()
        row, column = finding.box[:2]
        put(layer, "scale", (pixel, pixel))
        put(layer, "translate", ((row - width) * pixel, (column - width) * pixel))
        replace(layer, ring(finding.region, width))
        if finding.kind != self._kind:
            self._kind = finding.kind
            layer.colormap = DirectLabelColormap(
                color_dict={0: "transparent", 1: colours.KIND[finding.kind], None: "transparent"}
            )
        put(layer, "opacity", 1.0)
        put(layer, "visible", True)

    def clear(self) -> None:
        """Take the ring away."""
        if self._layer is not None and self._layer in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self._viewer.layers.remove(self._layer)
            if active is not None and active in self._viewer.layers:
                self._viewer.layers.selection.active = active
        self._layer = None

    def fade(self, strength: float) -> None:
        """Draw the ring as strongly as this, 0 to 1."""
        if self._layer is not None:
            self._layer.opacity = strength

    def frame(self, box: Box) -> None:
        """Have the canvas show a box of the image and some of what is around it."""
        pixel = self._pixel()
        rows, columns = (max(_LEAST, _ROOM * (box[k + 2] - box[k])) * pixel for k in (0, 1))
        height, width = self._viewer.canvas.size
        camera = self._viewer.scene.camera
        camera.zoom = min(height / rows, width / columns)
        middle = ((box[0] + box[2] - 1) / 2 * pixel, (box[1] + box[3] - 1) / 2 * pixel)
        camera.center = (0.0, *middle)

    def _pixel(self) -> float:
        here = self._session.open
        return 1.0 if here is None else here.pixel

    def _made(self) -> Labels:
        """The layer, put back if the user has taken it away; it is never the active one."""
        if self._layer is None or self._layer not in self._viewer.layers:
            active = self._viewer.layers.selection.active
            self._layer = Labels(np.zeros((2, 2), np.uint8), name=NAME)
            self._kind = ""
            self._measure(self._layer)
            self._viewer.add_layer(self._layer)
            self._layer.editable = False
            self._viewer.layers.selection.active = active
        self._measure(self._layer)
        return self._layer

    def _measure(self, layer: Labels) -> None:
        here = self._session.open
        measure_in(layer, "pixel" if here is None else here.unit)


def ring(region: np.ndarray, width: int) -> np.ndarray:
    """The pixels around a region, uint8, `width` wider on each side than the region is."""
    padded = np.pad(region.astype(np.uint8), width)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    return cv2.dilate(padded, kernel).astype(np.uint8) - padded
