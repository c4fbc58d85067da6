"""The hand on the open case: edits made, taken back and made again, each kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from hubmap_viewer.keeping import Change
from hubmap_viewer.past import start_of
from hubmap_viewer.permission import why_not
from trainer.data.case import Mask
from trainer.data.edits import Box, Edit, History
from trainer.data.store import Revision
from trainer.tools.scene import Scene

if TYPE_CHECKING:
    from hubmap_viewer.open_case import OpenCase
    from hubmap_viewer.session import Session


class Drawing:
    """All that changes the curated mask of a session's open case."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def may_draw(self) -> bool:
        """Whether the open case's mask may be changed now."""
        session = self._session
        return session.open is not None and why_not(session.open, session.held) is None

    def allowed(self) -> bool:
        """`may_draw`; if not, the user is told why."""
        reason = why_not(self._session.open, self._session.held)
        if reason is not None:
            self._session.told.emit(reason)
        return reason is None

    def scene(self) -> Scene | None:
        """What a tool sees of the open case; None where it may not be changed."""
        here = self._session.open
        return here.scene() if here is not None and self.allowed() else None

    # -- a stroke on the canvas -----------------------------------------------------------

    def painted(
        self, tool: str, box: Box | None = None, parameters: Mapping[str, Any] | None = None
    ) -> None:
        """Take note of what has been painted on ``curated`` inside the box."""
        here = self._session.open
        edit = None if here is None else here.note(tool, box, parameters)
        if edit is not None:
            self._touched(Change("edit", edit))

    def sketch(self, edit: Edit) -> None:
        """Draw a part of a stroke; it is noted by `painted` once the stroke is done."""
        here = self._session.open
        if here is not None:
            edit.apply(here.curated)
            self._session.mask_changed.emit(edit.box)

    def catch_up(self) -> None:
        """Catch what has been drawn without a word, so that nothing drawn is lost."""
        self.painted("paint")

    # -- an edit --------------------------------------------------------------------------

    def take(self, side: str) -> None:
        """Replace the curated mask by ``truth``, by ``prediction``, or by ``nothing``."""
        session, here = self._session, self._session.open
        if here is None or not self.allowed():
            return
        mask = here.side(side)
        if mask is None:
            session.told.emit(f"Case {here.id} has no {side} to start from.")
            return
        self.catch_up()
        edit = here.become(mask, side)
        if side == "prediction" and session.predictions is not None and here.predicted:
            here.started_from = start_of(
                session.predictions, here.predicted.threshold, remixed=here.remixed
            )
        if edit is None:
            session.told.emit(f"The curated mask is {side} already.")
        else:
            self._changed("edit", edit)

    def restore(self, mask: Mask, revision: Revision) -> None:
        """Make an earlier revision's mask the open case's again, as an edit."""
        here = self._session.open
        if here is None or not self.allowed():
            return
        self.catch_up()
        edit = here.become(mask, "restore", {"revision": revision.id})
        if edit is None:
            self._session.told.emit(f"The curated mask is that of revision {revision.id} already.")
        else:
            self._changed("edit", edit)

    def apply(self, edit: Edit) -> None:
        """Make a tool's edit of the open case, and keep it; one of no pixel is kept too."""
        assert self._session.open is not None
        self.catch_up()
        self._session.open.apply(edit)
        self._changed("edit", edit)

    def amend(self, last: Edit, edit: Edit) -> bool:
        """Make an edit in the last one's place; False if that is the last one no more."""
        here = self._session.open
        if here is None or here.history.last is not last:
            return False
        self.undo()
        self.apply(edit)
        return True

    def undo(self) -> None:
        """Take the open case's last edit back."""
        self._travel("undo", History.undo)

    def redo(self) -> None:
        """Make the open case's last undone edit again."""
        self._travel("redo", History.redo)

    def _travel(
        self, way: Literal["undo", "redo"], move: Callable[[History, Mask], Edit | None]
    ) -> None:
        here = self._session.open
        if here is None or not self.allowed():
            return
        self.catch_up()
        edit = here.travel(move, way)
        if edit is None:
            self._session.told.emit(f"Nothing to {way} on case {here.id}.")
        else:
            self._changed(way, edit)
            if not edit.pixels:
                self._session.told.emit(
                    f"{way.capitalize()} of {edit.tool}: the mask is as it was."
                )

    def _changed(self, kind: Literal["edit", "undo", "redo"], edit: Edit) -> None:
        if edit.pixels:
            self._session.mask_changed.emit(edit.box)
        self._touched(Change(kind, edit))

    def _touched(self, change: Change) -> None:
        session, here = self._session, self._session.open
        assert here is not None
        if here.blind:
            session.curated_changed.emit()
            return
        is_as_accepted = here.status == "accepted" and not change.edit.pixels
        if here.status == "accepted" and not is_as_accepted:
            session.told.emit(f"Case {here.id} was changed: it is no longer accepted.")
        if here.status != "needs second opinion" and not is_as_accepted:
            here.status = "in work"
        session.rescore(prediction=False)
        session.keep(change)
        session.curated_changed.emit()
        session.case_updated.emit(here.id)

    # -- strokes that were lost -----------------------------------------------------------

    def recover(self) -> None:
        """Take the strokes over that the open case's last window did not save."""
        session, here, keeper = self._session, self._session.open, self._session.keeper
        if here is None or keeper is None or here.lost is None or not self._decides(here):
            return
        edit = here.recover()
        session.pasts[here.id] = here.past
        keeper.goes_on(here.id)
        if edit is not None:
            session.mask_changed.emit(edit.box)
        here.status = "in work"
        session.rescore()
        session.keep()
        session.curated_changed.emit()
        session.lost_settled.emit(here.id)
        session.case_updated.emit(here.id)

    def discard(self) -> None:
        """Leave the strokes that were not saved; the journal keeps them, and asks no more."""
        session, here, keeper = self._session, self._session.open, self._session.keeper
        if here is None or keeper is None or here.lost is None or not self._decides(here):
            return
        here.lost = None
        session.pasts[here.id] = here.past
        keeper.begin(here)
        session.lost_settled.emit(here.id)

    def _decides(self, here: OpenCase) -> bool:
        """Whether the open case's lost strokes are this window's to decide on."""
        if here.taken is not None:
            self._session.told.emit(why_not(here, self._session.held))
        return here.taken is None
