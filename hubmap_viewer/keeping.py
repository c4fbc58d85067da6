"""What is drawn in one cohort, on its way to the journal and the store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from hubmap_viewer.active_time import ActiveTime
from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.saving import Draft, Note, Saver
from trainer.data.edits import Edit
from trainer.data.store import (
    Claim,
    Held,
    Holding,
    Journal,
    Reason,
    Revision,
    Store,
    Stroke,
    Taken,
    user_name,
)
from trainer.errors import StoreError


@dataclass(frozen=True, slots=True)
class Change:
    """What has just changed the open case's mask."""

    kind: Literal["edit", "undo", "redo"]
    edit: Edit


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer says with a status."""

    note: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class _Writer:
    """What the one window that may write has."""

    holding: Holding | None
    journal: Journal
    saver: Saver


class Keeper:
    """Keeps the strokes, masks and verdicts of one cohort; the first window on it may write.

    Parameters
    ----------
    folder
        The cohort's.
    saved, failed
        Called in a thread of the keeper's.

    Attributes
    ----------
    store
        Revisions and all else that reviewers said.
    held
        Who may write in place of this window; None where this one may. On a shared store it is
        asked case by case, see `claim`.

    Raises
    ------
    StoreError
        If there is no store, and none can be made.
    """

    def __init__(
        self,
        folder: Path,
        saved: Callable[[Revision], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self.store = Store.for_cohort(folder)
        self.held: Held | None = None
        self.active = ActiveTime()
        self._writer: _Writer | None = None
        self._chains: set[str] = set()
        self._claim: Claim | None = None
        taken = None if self.store.shared else Holding.try_take(folder)
        if isinstance(taken, Held):
            self.held = taken
            return
        journal = Journal(folder)
        self._writer = _Writer(taken, journal, Saver(self.store, journal, saved, failed))

    @property
    def journal(self) -> Journal | None:
        """Of the strokes; None where another window writes it."""
        return None if self._writer is None else self._writer.journal

    def keep(
        self,
        here: OpenCase,
        change: Change | None = None,
        verdict: Verdict | None = None,
    ) -> bool:
        """Have the open case's mask and status become a revision; False if that cannot be.

        Parameters
        ----------
        here
            The case as it is now.
        change
            What has just changed its mask.
        verdict
            What the reviewer has just said of it.
        """
        if self._writer is None:
            return False
        seconds = self.active.take()
        note = None if change is None else self._note(here, change, seconds)
        last = here.history.last
        told = last is not None and last.tool == here.tool
        draft = Draft(
            here.id,
            here.curated.copy(),
            here.tool,
            here.status,
            "" if verdict is None else verdict.note,
            urgent=verdict is not None,
            parameters=last.parameters if told and last is not None else {},
            origin=here.origin,
            started_from=here.started_from,
            reason=None if verdict is None else verdict.reason,
            seconds=seconds,
            claim=self._claim,
        )
        self._writer.saver.submit(draft, note)
        return True

    def _note(self, here: OpenCase, change: Change, seconds: float) -> Note:
        """A change as the journal tells it; the first of a chain brings the mask before it."""
        kind, base = change.kind, None
        if here.id not in self._chains:
            kind, base = "edit", here.curated.copy()
            change.edit.apply(base)
            self._chains.add(here.id)
        edit = change.edit if kind == "edit" else None
        stroke = Stroke(kind, edit, seconds=seconds, at=datetime.now(UTC), author=user_name())
        return Note(here.id, stroke, base, _opened_as(here))

    def begin(self, here: OpenCase) -> None:
        """Have the journal go on from the open mask, whatever it ended with."""
        if self._writer is not None:
            self._writer.saver.note(Note(here.id, None, here.curated.copy(), _opened_as(here)))
            self._chains.add(here.id)

    def claim(self, case_id: str) -> Taken | None:
        """Take a case of a shared store in hand, and give the one before back.

        Returns
        -------
        Who has it; None if nobody else does.

        Raises
        ------
        StoreError
            If the store cannot be asked.
        """
        if not self.store.shared or (self._claim is not None and self._claim.case_id == case_id):
            return None
        self._release()
        taken = self.store.claims.take(case_id)
        if isinstance(taken, Taken):
            return taken
        self._claim = taken
        return None

    def goes_on(self, case_id: str) -> None:
        """The case's journal ends with the mask that is open: strokes follow it."""
        self._chains.add(case_id)

    def begins_anew(self, case_id: str) -> None:
        """The case's mask is another than its journal ends with."""
        self._chains.discard(case_id)

    def lose(self, case_id: str) -> None:
        """A case is in another's hand: it has to be claimed, and its journal begun, anew."""
        self.begins_anew(case_id)
        if self._claim is not None and self._claim.case_id == case_id:
            self._claim = None

    def pending(self, case_id: str) -> Draft | None:
        """The case's newest draft that is not in the store yet."""
        return None if self._writer is None else self._writer.saver.pending(case_id)

    def newest(self, case_id: str) -> int:
        """The revision that this window made of a case last; 0 for none."""
        return 0 if self._writer is None else self._writer.saver.newest(case_id)

    def unsaved(self) -> list[str]:
        """Ids of the cases whose newest state is not in the store yet."""
        return [] if self._writer is None else self._writer.saver.unsaved()

    def flush(self) -> bool:
        """Have all that was drawn on disk now; False if that failed."""
        return self._writer is None or self._writer.saver.flush()

    def close(self) -> bool:
        """Save all, and let another window write; False if something could not be saved."""
        done = self._writer is None or self._writer.saver.close()
        if self._writer is not None:
            if self._writer.holding is not None:
                self._writer.holding.release()
            self._writer = None
        self._release()
        self.store.close()
        return done

    def _release(self) -> None:
        claim, self._claim = self._claim, None
        if claim is not None:
            with suppress(StoreError):  # a claim that cannot be given back lapses by itself
                self.store.claims.release(claim)


def _opened_as(here: OpenCase) -> int | None:
    """The revision whose mask the case was opened with; None if it was no revision's."""
    revision = here.loaded.revision
    return revision.id if revision is not None and here.loaded.start == "kept" else None
