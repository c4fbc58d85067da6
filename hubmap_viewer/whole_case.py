"""The whole case's mask made anew by a rule: looked at first, then kept."""

from __future__ import annotations

from functools import partial

from psygnal import Signal

from hubmap_viewer.finding_list import Call
from hubmap_viewer.preview import Preview
from hubmap_viewer.session import Session
from trainer.data.case import Mask
from trainer.tools import whole
from trainer.tools.whole import Settings

TITLE = "whole case"


class WholeCase:
    """Shows what the settings would make of the open case; the last ones asked for win.

    Attributes
    ----------
    settings
        Those that are looked at.
    """

    asked = Signal()
    """The user wants its settings, or wants them no more."""
    changed = Signal()
    """It is looked at, or no more, or another case is open."""

    def __init__(self, session: Session, call: Call, preview: Preview) -> None:
        self._session = session
        self._call = call
        self._preview = preview
        self._busy = False
        self._again = False
        self.looking = False
        self.settings = Settings()
        session.case_opened.connect(self._on_case)

    def look(self, settings: Settings) -> None:
        """Show what these settings would make of the case."""
        self.looking, self.settings = True, settings
        self._compute()
        self.changed.emit()

    def stop(self) -> None:
        """Look at it no more."""
        if self.looking:
            self.looking = False
            self._preview.hide()
            self.changed.emit()

    def keep(self) -> None:
        """Make it the curated mask."""
        scene = self._session.drawing.scene()
        if scene is None or not self.looking:
            return
        edit = whole.keep(scene, self.settings)
        self.stop()
        if edit is None:
            self._session.told.emit("The curated mask is that already.")
        else:
            self._session.drawing.apply(edit)

    def _on_case(self) -> None:
        if self.looking:
            self._compute()
        here = self._session.open
        if here is not None and not self.looking:
            self.settings = Settings(threshold=here.scene().threshold)
        self.changed.emit()

    def _compute(self) -> None:
        scene = self._session.drawing.scene()
        if scene is None:
            return
        if self._busy:
            self._again = True
            return
        self._busy = True
        here = self._session.open
        assert here is not None
        work = partial(whole.apply, scene.frozen(), self.settings)
        self._call(work, partial(self._put, here.id), self._fail)

    def _put(self, case_id: str, mask: Mask) -> None:
        self._busy = False
        here = self._session.open
        if self._again:
            self._again = False
            if self.looking:
                self._compute()
        elif self.looking and here is not None and here.id == case_id:
            self._preview.show(mask, TITLE)

    def _fail(self, error: BaseException) -> None:
        self._busy = self._again = False
        self._session.told.emit(error)
