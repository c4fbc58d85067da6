"""Strokes go to the journal and drafts become revisions, in a thread of their own.

None is dropped: what cannot be written stays in memory and is tried again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trainer.data.case import Mask
from trainer.data.store import (
    Claim,
    Journal,
    Origin,
    Reason,
    Revision,
    Start,
    Status,
    Store,
    Stroke,
)
from trainer.errors import ClaimError, StoreError

QUIET = 0.2
"""Seconds without a further stroke after which a draft is saved."""

PATIENCE = 0.7
"""Seconds after which a draft is saved even while strokes go on."""

FLUSH = 10.0
"""Seconds to wait for all drafts to be saved, where nothing else is said."""

RETRY = 2.0
"""Seconds until a save that failed is tried again."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A case's curated mask as it shall be kept; the mask is the draft's own copy.

    Attributes
    ----------
    seconds
        Of active work since the case's draft before.
    claim
        By which it may be kept in a shared store.
    urgent
        Not to wait for further strokes.
    """

    case_id: str
    mask: Mask
    tool: str
    status: Status
    note: str = ""
    urgent: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin = "redrawn"
    started_from: Start | None = None
    reason: Reason | None = None
    seconds: float = 0.0
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something for the journal.

    Attributes
    ----------
    stroke
        What was drawn; None where nothing was.
    base
        The mask that it changes, where it is the first of a chain.
    revision_id
        Of the revision that holds `base`; None for none.
    """

    case_id: str
    stroke: Stroke | None
    base: Mask | None = None
    revision_id: int | None = None


@dataclass(slots=True)
class _Waiting:
    draft: Draft
    first: float
    last: float = field(default_factory=time.monotonic)


class Saver:
    """Writes strokes at once, and each case's newest draft a moment after the last stroke.

    What fails is told once, kept in memory and tried again until it succeeds.

    Parameters
    ----------
    saved, failed
        Called in the saver's own thread.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        saved: Callable[[Revision], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._store = store
        self._journal = journal
        self._notes: deque[Note] = deque()
        self._saved = saved
        self._failed = failed
        self._waiting: dict[str, _Waiting] = {}
        self._writing: Draft | None = None
        self._newest: dict[str, int] = {}
        self._covers = True
        self._told = ""
        self._hurry = False
        self._closing = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="saver", daemon=True)
        self._thread.start()

    def note(self, note: Note) -> None:
        """Have something written down that no draft follows."""
        with self._change:
            self._notes.append(note)
            self._change.notify_all()

    def submit(self, draft: Draft, note: Note | None = None) -> None:
        """Have this draft saved in place of any older one of its case.

        Parameters
        ----------
        draft
            The mask, the note's stroke in it.
        note
            The stroke that led to it, if one did.
        """
        with self._change:
            if note is not None:
                self._notes.append(note)
            now = time.monotonic()
            older = self._waiting.get(draft.case_id)
            if older is not None:
                draft = replace(draft, seconds=draft.seconds + older.draft.seconds)
            self._waiting[draft.case_id] = _Waiting(draft, older.first if older else now, now)
            self._change.notify_all()

    def pending(self, case_id: str) -> Draft | None:
        """The case's newest draft that is not in the store yet."""
        with self._change:
            if case_id in self._waiting:
                return self._waiting[case_id].draft
            if self._writing is not None and self._writing.case_id == case_id:
                return self._writing
            return None

    def newest(self, case_id: str) -> int:
        """The revision that this saver made of a case last; 0 for none."""
        with self._change:
            return self._newest.get(case_id, 0)

    def unsaved(self) -> list[str]:
        """Ids of the cases whose newest draft is not in the store yet."""
        with self._change:
            writing = [self._writing.case_id] if self._writing is not None else []
            return sorted({*self._waiting, *writing})

    def flush(self, timeout: float | None = None) -> bool:
        """Save all drafts now; False if some could not be saved in time (seconds)."""
        timeout = FLUSH if timeout is None else timeout
        with self._change:
            self._hurry = True
            self._change.notify_all()
            done = self._change.wait_for(
                lambda: not (self._waiting or self._notes) and self._writing is None, timeout
            )
            self._hurry = False
            return done

    def close(self, timeout: float | None = None) -> bool:
        """Save all drafts and end the thread; False if some could not be saved in time."""
        done = self.flush(timeout)
        with self._change:
            self._closing = True
            self._change.notify_all()
        self._thread.join(FLUSH if timeout is None else timeout)
        return done

    def _work(self) -> None:
        while self._wait():
            problem = self._write_notes()
            draft = self._due_draft()
            if draft is not None:
                problem = self._write_draft(draft) or problem
            self._tell(problem)

    def _wait(self) -> bool:
        """Until a stroke or a draft is due; False when closing."""
        with self._change:
            while not self._closing:
                if self._notes or self._is_due():
                    return True
                waits = [self._due(waiting) for waiting in self._waiting.values()]
                self._change.wait(min(waits) - time.monotonic() if waits else None)
            return False

    def _write_notes(self) -> StoreError | None:
        """Write the strokes in their order; those from the first that fails on stay."""
        while True:
            with self._change:
                if not self._notes:
                    self._change.notify_all()
                    return None
                note = self._notes[0]
            try:
                if note.base is not None:
                    self._journal.begin(note.case_id, note.base, note.revision_id)
                if note.stroke is not None:
                    self._journal.append(note.case_id, note.stroke)
            except StoreError as error:
                return error
            with self._change:
                self._notes.popleft()

    def _due_draft(self) -> Draft | None:
        """Take the draft that is due; a stroke that comes later belongs to the next one."""
        with self._change:
            if not self._is_due():
                return None
            due = min(self._waiting.values(), key=self._due)
            self._writing = self._waiting.pop(due.draft.case_id).draft
            self._covers = not any(note.case_id == due.draft.case_id for note in self._notes)
            return self._writing

    def _write_draft(self, draft: Draft) -> StoreError | None:
        try:
            if draft.claim is not None:
                self._store.claims.renew(draft.claim)
            revision = self._store.add(
                draft.case_id,
                draft.mask,
                tool=draft.tool,
                status=draft.status,
                note=draft.note,
                parameters=draft.parameters,
                origin=draft.origin,
                started_from=draft.started_from,
                reason=draft.reason,
                seconds=draft.seconds,
                claim=draft.claim,
            )
        except ClaimError as error:
            # to try again is no use: its strokes wait in the journal for the user to decide
            self._give_up()
            return error
        except StoreError as error:
            self._put_back(draft)
            return error
        problem = self._cover(revision)
        with self._change:
            self._newest[draft.case_id] = revision.id
            self._writing = None
            self._change.notify_all()
        self._saved(revision)
        return problem

    def _give_up(self) -> None:
        with self._change:
            self._writing = None
            self._change.notify_all()

    def _cover(self, revision: Revision) -> StoreError | None:
        """Have the journal say that its strokes are in a revision, if all of them are in it."""
        try:
            if self._covers:
                self._journal.keep(revision.case_id, revision.id)
        except StoreError as error:
            return error
        return None

    def _tell(self, problem: StoreError | None) -> None:
        """Tell a problem once, and wait a moment before the next try."""
        if problem is None:
            self._told = ""
            return
        if str(problem) != self._told:
            self._told = str(problem)
            self._failed(problem)
        with self._change:
            self._change.wait_for(lambda: self._closing, RETRY)

    def _is_due(self) -> bool:
        now = time.monotonic()
        return any(self._hurry or self._due(one) <= now for one in self._waiting.values())

    @staticmethod
    def _due(waiting: _Waiting) -> float:
        if waiting.draft.urgent:
            return waiting.last
        return min(waiting.last + QUIET, waiting.first + PATIENCE)

    def _put_back(self, draft: Draft) -> None:
        """A draft that came meanwhile is newer, but the work in this one counts as well."""
        with self._change:
            newer = self._waiting.get(draft.case_id)
            if newer is None:
                self._waiting[draft.case_id] = _Waiting(draft, time.monotonic())
            else:
                newer.draft = replace(newer.draft, seconds=newer.draft.seconds + draft.seconds)
            self._writing = None
