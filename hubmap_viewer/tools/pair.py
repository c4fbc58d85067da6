"""Tools that take a line drawn from one place to another, or a click on each."""

from __future__ import annotations

from collections.abc import Sequence

from hubmap_viewer.session import Session
from hubmap_viewer.tools.tool import Tool
from trainer.tools import merge, split
from trainer.tools.scene import Point


class _Pair(Tool):
    """Remembers the first of two clicks."""

    draws = True
    second: str

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._first: Point | None = None

    def click(self, at: Point) -> None:
        first, self._first = self._first, None
        if first is None:
            self._first = at
        else:
            self.between(first, at)

    def between(self, first: Point, second: Point) -> None:
        """Do it for two places that were clicked."""
        raise NotImplementedError

    def hover(self, at: Point) -> str:
        return self.hint if self._first is None else self.second

    def put_away(self) -> None:
        self._first = None


class Split(_Pair):
    """Cuts along a drawn line, or between two clicks."""

    name = "split"
    title = "Split"
    hint = "Split: draw a line across a unit, or click its two halves"
    second = "Split: click the other half (Esc: never mind)"

    def stroke(self, points: Sequence[Point]) -> None:
        self.put_away()
        if (scene := self.scene()) is not None:
            self.make(split.along(scene, points), "The line crosses no unit.")

    def between(self, first: Point, second: Point) -> None:
        if (scene := self.scene()) is not None:
            edit = split.between(scene, first, second)
            self.make(edit, "Both clicks must lie in one unit, and apart.")


class Merge(_Pair):
    """Joins two units."""

    name = "merge"
    title = "Merge"
    hint = "Merge: draw from one unit to the other, or click both"
    second = "Merge: click the other unit (Esc: never mind)"

    def stroke(self, points: Sequence[Point]) -> None:
        self.put_away()
        if (scene := self.scene()) is not None:
            self.make(merge.along(scene, points), "The line joins no two units.")

    def between(self, first: Point, second: Point) -> None:
        if (scene := self.scene()) is not None:
            edit = merge.merge(scene, first, second)
            self.make(edit, "Each end must lie in a unit of its own.")
