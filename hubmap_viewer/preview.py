"""A mask that is looked at over the open case and is not its curated mask."""

from __future__ import annotations

from functools import partial

from psygnal import Signal

from hubmap_viewer.finding_list import Call
from hubmap_viewer.loading import outline_levels
from hubmap_viewer.session import Session
from trainer.data.case import Mask


class Preview:
    """Outlines one mask at a time: a whole case's before it is kept, an older or a lost state.

    Attributes
    ----------
    title
        What the mask is, in words; empty while none is shown.
    """

    changed = Signal()
    """Another mask is shown, or none: see `levels`."""

    def __init__(self, session: Session, call: Call) -> None:
        self._session = session
        self._call = call
        self._turn = 0
        self.title = ""
        self.levels: list[Mask] | None = None
        session.case_wanted.connect(lambda _: self.hide())
        session.cohort_opened.connect(self.hide)

    def show(self, mask: Mask, title: str) -> None:
        """Show a mask, uint8 (H, W) of the open case's size, as soon as its outline is drawn."""
        self._turn += 1
        self.title = title
        turn = self._turn
        self._call(
            partial(outline_levels, mask),
            lambda levels: self._put(turn, levels),
            self._session.told.emit,
        )

    def hide(self) -> None:
        """Show none."""
        self._turn += 1
        if self.title:
            self.title, self.levels = "", None
            self.changed.emit()

    def _put(self, turn: int, levels: list[Mask]) -> None:
        if turn == self._turn:
            self.levels = levels
            self.changed.emit()
