"""One member's own mask, outlined over the open case while it is chosen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hubmap_viewer.finding_list import Call
from hubmap_viewer.hearing import mask_of
from hubmap_viewer.preview import Preview
from trainer.data.case import Mask

if TYPE_CHECKING:
    from hubmap_viewer.members import Members


class MemberLook:
    """Has one of the members outlined, from case to case, until another mask is looked at.

    Attributes
    ----------
    at
        The member whose mask is outlined, by its place; None while none is.
    """

    def __init__(self, members: Members, call: Call, preview: Preview) -> None:
        self._members = members
        self._call = call
        self._preview = preview
        self.at: int | None = None
        preview.changed.connect(self._on_preview)

    def look(self, place: int | None) -> None:
        """Outline one member's mask of the open case; None: of no member."""
        if place is None:
            self.away()
            self._members.changed.emit()
            return
        if place != self.at:
            self.at = place
            self._members.changed.emit()
        here, heard = self._members.session.open, self._members.heard
        levels = None if heard is None else heard.levels.get(place)
        if here is None or here.blind or heard is None or levels is None:
            self._preview.hide()
            return
        case, shape = here.loaded.case, here.loaded.shape
        self._call(
            partial(mask_of, self._members.session.sources, case, shape, levels),
            partial(self._put, place, here.id),
            self._members.fail,
        )

    def again(self) -> None:
        """Outline the same member's mask of what has been heard since."""
        if self.at is not None:
            self.look(self.at)

    def away(self) -> None:
        """Look at no member any more."""
        if self.at is not None:
            self.at = None
            self._preview.hide()

    def _put(self, place: int, case_id: str, mask: Mask) -> None:
        here = self._members.session.open
        still_there = here is not None and here.id == case_id and self._members.found
        if place == self.at and still_there:
            self._preview.show(mask, self._title(place))

    def _on_preview(self) -> None:
        """Another mask took the preview's place: no member is looked at any more."""
        title = self._preview.title
        if title and self.at is not None and title != self._title(self.at):
            self.at = None
            self._members.changed.emit()

    def _title(self, place: int) -> str:
        found = self._members.found
        return "" if found is None else f"member {found.panel.members[place].name}"
