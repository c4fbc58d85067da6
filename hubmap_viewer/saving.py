"""Drafts of curated masks become revisions in a thread of their own, and none is dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from trainer.data.case import Mask
from trainer.data.store import Revision, Status, Store
from trainer.errors import StoreError

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
    """A case's curated mask as it shall be kept; the mask is the draft's own copy."""

    case_id: str
    mask: Mask
    tool: str
    status: Status
    note: str = ""
    urgent: bool = False


@dataclass(slots=True)
class _Waiting:
    draft: Draft
    first: float
    last: float = field(default_factory=time.monotonic)


class Saver:
    """Writes each case's newest draft to the store, a moment after the last stroke.

    A save that fails is told once, kept in memory and tried again until it succeeds.

    Parameters
    ----------
    saved, failed
        Called in the saver's own thread.
    """

    def __init__(
        self,
        store: Store,
        saved: Callable[[Revision], None],
        failed: Callable[[StoreError], None],
    ) -> None:
        self._store = store
        self._saved = saved
        self._failed = failed
        self._waiting: dict[str, _Waiting] = {}
        self._writing: Draft | None = None
        self._hurry = False
        self._closing = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="saver", daemon=True)
        self._thread.start()

    def submit(self, draft: Draft) -> None:
        """Have this draft saved in place of any older one of its case."""
        with self._change:
            now = time.monotonic()
            older = self._waiting.get(draft.case_id)
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
                lambda: not self._waiting and self._writing is None, timeout
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
        told = ""
        while (draft := self._next()) is not None:
            try:
                revision = self._store.add(
                    draft.case_id,
                    draft.mask,
                    tool=draft.tool,
                    status=draft.status,
                    note=draft.note,
                )
            except StoreError as error:
                self._put_back(draft)
                if str(error) != told:
                    told = str(error)
                    self._failed(error)
                self._pause()
            else:
                told = ""
                self._done()
                self._saved(revision)

    def _next(self) -> Draft | None:
        """Wait for the draft that is due; None when closing."""
        with self._change:
            while not self._closing:
                due = min(self._waiting.values(), key=self._due, default=None)
                now = time.monotonic()
                if due is not None and (self._hurry or self._due(due) <= now):
                    self._writing = self._waiting.pop(due.draft.case_id).draft
                    return self._writing
                self._change.wait(None if due is None else self._due(due) - now)
            return None

    @staticmethod
    def _due(waiting: _Waiting) -> float:
        if waiting.draft.urgent:
            return waiting.last
        return min(waiting.last + QUIET, waiting.first + PATIENCE)

    def _put_back(self, draft: Draft) -> None:
        with self._change:
            self._waiting.setdefault(draft.case_id, _Waiting(draft, time.monotonic()))
            self._writing = None

    def _done(self) -> None:
        with self._change:
            self._writing = None
            self._change.notify_all()

    def _pause(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._closing, RETRY)
