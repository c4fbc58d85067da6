"""The mouse over the curated layer, for the tool in the hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels, Shapes

from hubmap_viewer.layers import CURATED, CaseLayers
from hubmap_viewer.session import Session
from hubmap_viewer.toolbox import Toolbox
from trainer.tools.scene import Point

NAME = "gesture"

_STILL = 4.0
"""Pixels of the screen that the mouse may move and the press still be a click."""

_FREE = "pan_zoom"
"""The layer's mode in which napari leaves the left button to us."""


class ToolMouse:
    """Turns presses, moves and the wheel into gestures of the tool in the hand."""

    def __init__(
        self, viewer: ViewerModel, session: Session, layers: CaseLayers, toolbox: Toolbox
    ) -> None:
        self._viewer = viewer
        self._layers = layers
        self._toolbox = toolbox
        self._line: Shapes | None = None
        layers.made.connect(self._listen)
        session.case_opened.connect(self._show)
        toolbox.changed.connect(self._show)
        toolbox.hinted.connect(self._tell)

    def _listen(self) -> None:
        layer = self._layers.curated
        layer.mouse_drag_callbacks.append(self._on_press)
        layer.mouse_move_callbacks.append(self._on_move)
        layer.mouse_wheel_callbacks.append(self._on_wheel)
        layer.events.mode.connect(self._on_mode)
        self._show()

    def escape(self) -> None:
        """Forget half a gesture, put the tool away, and do what napari does on Escape."""
        self._toolbox.never_mind()
        self._take_line()
        if self._toolbox.in_hand is not None:
            self._toolbox.take(None)
            return
        layer = self._layers.curated
        for key, act in type(layer).class_keymap.items():
            if str(key) == "Escape" and callable(act):
                act(layer)

    # -- the tool in the hand -------------------------------------------------------------

    def _show(self) -> None:
        """Have the mouse look and behave as the tool wants it."""
        if CURATED not in self._layers:
            return
        layer, tool = self._layers.curated, self._toolbox.in_hand
        self._take_line()
        if tool is None:
            if layer.mode == _FREE:
                layer.mouse_pan, layer.cursor, layer.help = True, "standard", ""
            return
        self._viewer.layers.selection.active = layer
        layer.mode = _FREE
        layer.mouse_pan = not tool.draws
        layer.cursor = tool.cursor
        layer.help = tool.hint

    def _on_mode(self, _: object) -> None:
        """One of napari's own tools was taken: ours is put away."""
        if self._layers.curated.mode != _FREE and self._toolbox.in_hand is not None:
            self._toolbox.take(None)

    def _tell(self, hint: str) -> None:
        self._layers.curated.help = hint

    # -- gestures -------------------------------------------------------------------------

    def _on_press(self, layer: Labels, event: Any) -> Iterator[None]:
        tool = self._toolbox.in_hand
        if tool is None or event.button != 1 or layer.mode != _FREE:
            return
        start, click, stroke = np.asarray(event.pos, float), tool.click, tool.stroke
        if "Alt" in event.modifiers:
            click, stroke = tool.alt_click, tool.erase
        points = [_point(layer, event)]
        moved = False
        yield
        while event.type == "mouse_move":
            moved = moved or bool(np.abs(np.asarray(event.pos) - start).max() > _STILL)
            if moved and tool.draws:
                points.append(_point(layer, event))
                tool.draw(points)
                self._show_line(points)
            yield
        self._take_line()
        if not moved:
            click(points[0])
        elif tool.draws:
            stroke(points)
        self._toolbox.hover(points[-1])

    def _on_move(self, layer: Labels, event: Any) -> None:
        if self._toolbox.in_hand is not None:
            self._toolbox.hover(_point(layer, event))

    def _on_wheel(self, _layer: Labels, event: Any) -> None:
        by = 1 if event.delta[1] > 0 else -1
        if self._toolbox.wheel(by):
            event.handled = True

    # -- the line being drawn -------------------------------------------------------------

    def _show_line(self, points: list[Point]) -> None:
        tool = self._toolbox.in_hand
        if tool is None or tool.cursor == "circle":
            return
        layer, curated = self._line, self._layers.curated
        path = np.asarray(points)
        if layer is None or layer not in self._viewer.layers:
            layer = self._line = Shapes(
                name=NAME, edge_color="white", face_color="transparent", units=curated.units
            )
            self._viewer.add_layer(layer)
            self._viewer.layers.selection.active = curated
        layer.scale = curated.scale
        layer.data = []
        width = 2.0 / (self._viewer.scene.camera.zoom * float(curated.scale[0]))
        layer.add(path, shape_type="path", edge_width=width)

    def _take_line(self) -> None:
        if self._line is not None and self._line in self._viewer.layers:
            self._viewer.layers.remove(self._line)
        self._line = None


def _point(layer: Labels, event: Any) -> Point:
    row, column = layer.world_to_data(event.position)
    return Point(float(row), float(column))
