"""A click takes a side in one piece where masks differ, of a finding that has several."""

from __future__ import annotations

from hubmap_viewer.tools.tool import Tool
from trainer.tools import sides
from trainer.tools.scene import Point


class Piece(Tool):
    """Truth's version of the piece under the mouse, or with Alt the prediction's."""

    name = "piece"
    title = "Piece"
    hint = "Piece: click where masks differ to take truth's version; with Alt, the prediction's"
    cursor = "pointing"

    def click(self, at: Point) -> None:
        self._take(at, "truth", "take truth")

    def alt_click(self, at: Point) -> None:
        self._take(at, "prediction", "take prediction")

    def _take(self, at: Point, side: str, tool: sides.Side) -> None:
        scene, here = self.scene(), self.session.open
        if scene is None or here is None:
            return
        other = here.side(side)
        if other is None:
            self.session.told.emit(f"Case {here.id} has no {side} to take.")
            return
        edit = sides.take_piece(scene, at, other, tool)
        self.make(edit, f"Nothing differs from {side} here.")
