"""What every tool in the user's hand can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from hubmap_viewer.session import Session
from trainer.data.edits import Edit
from trainer.tools.scene import Point, Scene


class Tool:
    """A tool of one session.

    Attributes
    ----------
    name
        Of the key that takes it into the hand.
    title
        In a word, for its button.
    hint
        What it does, in a line for the status bar.
    cursor
        Shape of the mouse, as napari names it.
    draws
        Whether the pressed left button draws a line, and does not move the view.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    hint: ClassVar[str]
    cursor: ClassVar[str] = "cross"
    draws: ClassVar[bool] = False

    def __init__(self, session: Session) -> None:
        self.session = session

    def click(self, at: Point) -> None:
        """The left button was pressed and let go at a place."""

    def alt_click(self, at: Point) -> None:
        """As `click`, with Alt held; for a tool that has another side as well."""
        self.click(at)

    def draw(self, points: Sequence[Point]) -> None:
        """A line is being drawn; its points so far."""

    def stroke(self, points: Sequence[Point]) -> None:
        """A line has been drawn."""

    def erase(self, points: Sequence[Point]) -> None:
        """A line has been drawn with Alt held; for a tool that takes away as well."""
        self.stroke(points)

    def wheel(self, by: int) -> bool:
        """The wheel was turned by notches, or a key pressed in its place; False: not for it."""
        return False

    def hover(self, at: Point) -> str:
        """What a click at a place would do."""
        return self.hint

    def put_away(self) -> None:
        """Another tool, another case, or Escape: a gesture half made is forgotten."""

    def scene(self) -> Scene | None:
        """The open case under the cursor; None where it may not be changed."""
        return self.session.drawing.scene()

    def make(self, edit: Edit | None, otherwise: str) -> bool:
        """Make an edit, or say why there is none."""
        if edit is None:
            self.session.told.emit(otherwise)
            return False
        self.session.drawing.apply(edit)
        return True
