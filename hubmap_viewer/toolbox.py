"""Which tool is in the user's hand."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from hubmap_viewer.session import Session
from hubmap_viewer.tools.brush import SmartBrush
from hubmap_viewer.tools.pair import Merge, Split
from hubmap_viewer.tools.pick import Pick
from hubmap_viewer.tools.piece import Piece
from hubmap_viewer.tools.shape import Holes, Smooth, Snap
from hubmap_viewer.tools.tool import Tool
from trainer.tools.scene import Point


class Toolbox:
    """The tools of one session, at most one of them in the hand.

    Parameters
    ----------
    diameter
        Tells the brush's, in pixels.

    Attributes
    ----------
    tools
        All there are, in the order of their buttons.
    in_hand
        The one that the next gesture is for; None leaves the mouse to napari.
    """

    changed = Signal()
    """Another tool is in the hand, or none."""
    hinted = Signal(str)
    """What a click would do where the mouse is."""

    def __init__(self, session: Session, diameter: Callable[[], float]) -> None:
        self.smooth = Smooth(session)
        self.tools: tuple[Tool, ...] = (
            Pick(session),
            Piece(session),
            Split(session),
            Merge(session),
            Holes(session),
            self.smooth,
            Snap(session),
            SmartBrush(session, diameter),
        )
        self.in_hand: Tool | None = None
        session.case_opened.connect(self.never_mind)

    def take(self, tool: Tool | None) -> None:
        """Take a tool into the hand; the one that is there already is put away."""
        self.never_mind()
        self.in_hand = None if tool is self.in_hand else tool
        self.changed.emit()

    def never_mind(self) -> None:
        """Forget a gesture that is half made."""
        if self.in_hand is not None:
            self.in_hand.put_away()

    def hover(self, at: Point) -> None:
        """The mouse is over a place of the image."""
        if self.in_hand is not None:
            self.hinted.emit(self.in_hand.hover(at))

    def wheel(self, by: int) -> bool:
        """The wheel was turned; False if it is not for the tool in the hand."""
        return self.in_hand is not None and self.in_hand.wheel(by)
