"""Tools that mend the shape of one unit: its holes, its outline, all of it from a lasso."""

from __future__ import annotations

from collections.abc import Sequence

from hubmap_viewer.session import Session
from hubmap_viewer.tools.tool import Tool
from trainer.tools import holes, smooth, snap
from trainer.tools.scene import Point

RADIUS = 4.0
"""Of smoothing when a window opens, in µm: about a cell."""


class Holes(Tool):
    """Fills the holes of the unit that is clicked."""

    name = "holes"
    title = "Holes"
    hint = "Holes: click a unit, or a hole, to fill what it surrounds"
    cursor = "pointing"

    def click(self, at: Point) -> None:
        if (scene := self.scene()) is not None:
            self.make(holes.fill(scene, at), "There is no hole here.")


class Smooth(Tool):
    """Smooths the outline of the unit that is clicked.

    Attributes
    ----------
    radius
        Details smaller than this go, in µm, or in pixels where a pixel's size is unknown.
    """

    name = "smooth"
    title = "Smooth"
    hint = "Smooth: click a unit; bays and spikes smaller than the radius go"
    cursor = "pointing"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.radius = RADIUS

    def click(self, at: Point) -> None:
        if (scene := self.scene()) is not None:
            self.make(smooth.smooth(scene, at, self.radius), "Nothing to smooth here.")


class Snap(Tool):
    """A rough outline becomes a unit whose edge lies on the nearest edge that is seen."""

    name = "snap"
    title = "Snap"
    hint = "Snap: draw roughly around a unit to the nearest edge; with Alt, to take it away"
    draws = True

    def stroke(self, points: Sequence[Point]) -> None:
        if (scene := self.scene()) is not None:
            self.make(snap.snap(scene, points), "The outline encloses nothing new.")

    def erase(self, points: Sequence[Point]) -> None:
        if (scene := self.scene()) is not None:
            self.make(snap.snap(scene, points, erase=True), "The outline encloses nothing.")
