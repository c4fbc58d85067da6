"""A click adds the predicted unit under it, or takes the unit away that is there."""

from __future__ import annotations

from hubmap_viewer.session import Session
from hubmap_viewer.tools.tool import Tool
from trainer.tools import pick
from trainer.tools.pick import Picked
from trainer.tools.scene import Point, Scene

_WOULD = {
    "add": "Pick: a click adds the predicted unit here; the wheel then grows or shrinks it",
    "remove": "Pick: a click takes this unit away",
    "nothing": "Pick: nothing is predicted here",
}


class Pick(Tool):
    """A unit that was just added grows and shrinks along the probability's levels."""

    name = "pick"
    title = "Pick"
    hint = "Pick: click to add the predicted unit, click a unit to take it away"
    cursor = "pointing"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._added: tuple[Scene, Point, Picked] | None = None

    def click(self, at: Point) -> None:
        self.put_away()
        scene = self.scene()
        if scene is None:
            return
        if pick.at(scene, at) == "remove":
            self.make(pick.remove(scene, at), "There is no unit here.")
            return
        before = scene.frozen()
        picked = pick.add(before, at)
        if picked is None:
            self.session.told.emit("Nothing is predicted here: draw it, or predict this case.")
        elif self.make(picked.edit, ""):
            self._added = before, at, picked

    def wheel(self, by: int) -> bool:
        if self._added is None or self.scene() is None:
            return False
        before, at, picked = self._added
        other = pick.grow(before, at, picked.level, by)
        if other is None:
            self.session.told.emit("It grows no further." if by > 0 else "It shrinks no further.")
        elif self.session.drawing.amend(picked.edit, other.edit):
            self._added = before, at, other
        else:
            self._added = None
            return False
        return True

    def hover(self, at: Point) -> str:
        scene = self.scene()
        return self.hint if scene is None else _WOULD[pick.at(scene, at)]

    def put_away(self) -> None:
        self._added = None
