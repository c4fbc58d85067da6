"""A second canvas beside the first: the same case, another mask, one pan and zoom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from napari.components import ViewerModel
from napari.components.camera import Camera
from napari.qt import QtViewer
from psygnal import Signal

from hubmap_viewer.layers import (
    CURATED,
    IMAGE,
    PREDICTION,
    PREVIEW,
    SECOND,
    TRUTH,
    CaseLayers,
)
from hubmap_viewer.session import Session
from hubmap_viewer.twin import Twin

MASKS = (TRUTH, PREDICTION, SECOND, CURATED)


@dataclass(frozen=True, slots=True)
class Pair:
    """Names of the masks on the left and on the right canvas."""

    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.left} | {self.right}"


PAIRS = (
    Pair(TRUTH, CURATED),
    Pair(TRUTH, PREDICTION),
    Pair(PREDICTION, CURATED),
    Pair(SECOND, PREDICTION),
    Pair(PREVIEW, CURATED),
)


class SideBySide:
    """What the second canvas shows, and what the first one shows meanwhile.

    Attributes
    ----------
    other
        The second canvas's own viewer model.
    pair
        The masks that are compared.
    on
        Whether the second canvas is shown.
    """

    switched = Signal(bool)
    changed = Signal()
    """The pair is another, or whether its masks are there."""

    def __init__(self, viewer: ViewerModel, session: Session, layers: CaseLayers) -> None:
        self.other = ViewerModel(title="side by side")
        self.pairs = PAIRS
        self.pair = PAIRS[0]
        self.on = False
        self._viewer = viewer
        self._session = session
        self._layers = layers
        self._before: dict[str, tuple[bool, float]] = {}
        self._twins: list[Twin] = []
        self._following = False
        self._follow(viewer.scene.camera, self.other.scene.camera)
        self._follow(self.other.scene.camera, viewer.scene.camera)
        session.case_opened.connect(self._on_case)
        session.cohort_opened.connect(self._end_case)
        session.prediction_changed.connect(self.changed.emit)

    def canvas(self) -> QtViewer:
        """A new widget that draws the second canvas."""
        return QtViewer(self.other)

    def switch(self) -> None:
        """Show or hide the second canvas; what the first one showed before comes back."""
        if not self.on and IMAGE not in self._layers:
            self._session.told.emit("Open a case first: then it can be seen side by side.")
            return
        whole = self._sees_whole_case()
        self.on = not self.on
        if self.on:
            self._remember()
            self._show()
        else:
            self._end_case()
        self.switched.emit(self.on)
        if whole:
            self._viewer.reset_view()

    def on_key(self, _: object) -> None:
        """Switch by a key of the canvas."""
        self.switch()

    def choose(self, pair: Pair) -> None:
        """Compare other masks."""
        self.pair = pair
        if self.on:
            self._end_case()
            self._remember()
            self._show()
        self.changed.emit()

    def is_there(self, name: str) -> bool:
        """Whether the open case has this mask."""
        here = self._session.open
        if name == PREVIEW:
            return PREVIEW in self._layers
        return here is not None and here.side("second" if name == SECOND else name) is not None

    # -- both canvases --------------------------------------------------------------------

    def _on_case(self) -> None:
        if self.on and not self._twins:
            self._remember()
            self._show()
        self.changed.emit()

    def _end_case(self) -> None:
        self._drop()
        self._restore()

    def _remember(self) -> None:
        kept = (self._layers[name] for name in MASKS)
        self._before = {layer.name: (layer.visible, layer.opacity) for layer in kept}

    def _restore(self) -> None:
        for name, (visible, opacity) in self._before.items():
            if name in self._layers:
                self._layers[name].visible = visible
                self._layers[name].opacity = opacity
        self._before.clear()

    def _show(self) -> None:
        pair, curated = self.pair, self._layers.curated
        self._twins = [Twin(self._layers[IMAGE]), Twin(self._layers[pair.right])]
        with self._leading():  # the first layer of a viewer resets its camera
            for twin in self._twins:
                self.other.add_layer(twin.layer)
        shown = {pair.left, pair.right} & {pair.left, CURATED}
        for name in MASKS:
            self._layers[name].visible = name in shown
        if pair.right == CURATED:
            # Hidden it could not be painted on: there it is invisible, and on the right it shows.
            curated.opacity = 0
            twin = self._twins[-1]
            twin.share_tools()
            twin.layer.events.paint.connect(self._on_paint)
        camera, there = self._viewer.scene.camera, self.other.scene.camera
        there.zoom, there.center = camera.zoom, camera.center

    def _drop(self) -> None:
        for twin in self._twins:
            twin.end()
        self._twins.clear()
        self.other.layers.clear()

    def _on_paint(self) -> None:
        self._session.drawing.painted(str(self._layers.curated.mode))

    # -- one pan and zoom -----------------------------------------------------------------

    def _follow(self, leader: Camera, follower: Camera) -> None:
        def follow() -> None:
            if self._following or not self.on:
                return
            with self._leading():
                follower.zoom, follower.center = leader.zoom, leader.center

        leader.events.zoom.connect(follow)
        leader.events.center.connect(follow)

    def _sees_whole_case(self) -> bool:
        viewer = self._viewer
        (top, left), (bottom, right) = viewer.layers.extent.world[:, -2:]
        row, column = viewer.scene.camera.center[-2:]
        height, width = np.array(viewer.canvas.size) / viewer.scene.camera.zoom / 2
        rows = row - height <= top and bottom <= row + height
        return bool(rows and column - width <= left and right <= column + width)

    @contextmanager
    def _leading(self) -> Iterator[None]:
        """A camera that follows does not lead back."""
        self._following = True
        try:
            yield
        finally:
            self._following = False
