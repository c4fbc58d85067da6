"""A brush that stays within what looks like the place under its centre."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hubmap_viewer.session import Session
from hubmap_viewer.tools.tool import Tool
from trainer.data.edits import Box
from trainer.tools import brush
from trainer.tools.scene import Point


class SmartBrush(Tool):
    """Paints where image and probability agree with what is under the brush's centre.

    Parameters
    ----------
    diameter
        Tells the brush's, in pixels.
    """

    name = "smart_brush"
    title = "Smart brush"
    hint = "Smart brush: paints only what looks like the place under its centre; [ ] size"
    cursor = "circle"
    draws = True

    def __init__(self, session: Session, diameter: Callable[[], float]) -> None:
        super().__init__(session)
        self._diameter = diameter
        self._drawn = 0
        self._box: Box | None = None

    def click(self, at: Point) -> None:
        self.stroke([at])

    def draw(self, points: Sequence[Point]) -> None:
        new = points[max(0, self._drawn - 1) :]
        self._drawn = len(points)
        scene = self.scene()
        edit = None if scene is None else brush.paint(scene, new, self._diameter() / 2)
        if edit is not None:
            self._box = edit.box if self._box is None else self._box.union(edit.box)
            self.session.drawing.sketch(edit)

    def stroke(self, points: Sequence[Point]) -> None:
        self.draw(points)
        self.put_away()

    def put_away(self) -> None:
        """Keep what is drawn of a stroke, done or not."""
        box, self._box, self._drawn = self._box, None, 0
        if box is not None:
            self.session.drawing.painted("smart brush", box, {"radius": self._diameter() / 2})
