"""The next case, loaded while the user looks at this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from hubmap_viewer.loading import Loaded, Sources, load
from hubmap_viewer.session import Session
from trainer.data.store import Revision

Then = Callable[[Loaded], None]
Failed = Callable[[BaseException], None]


class Call(Protocol):
    """Calls a function in a thread, and then one of the others in the session's."""

    def __call__(
        self, function: Callable[[], Any], then: Callable[[Any], None], failed: Failed
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Order:
    """A case as it is to be loaded: what differs in any of these is loaded anew."""

    case_id: str
    sources: Sources
    revision: Revision | None
    turn: int


class Prefetch:
    """Keeps exactly one case ready: the next of the queue in the direction of travel.

    Parameters
    ----------
    call
        Has a function called in the background, such as ``Jobs.call``.
    """

    def __init__(self, session: Session, call: Call) -> None:
        self._session = session
        self._call = call
        self._ready: tuple[Order, Loaded] | None = None
        self._loading: Order | None = None
        self._asked: tuple[Order, Then, Failed] | None = None
        self._last: str | None = None
        self._by = 1
        self._turn = 0
        session.case_opened.connect(self._on_opened)
        session.queue_changed.connect(self._aim)
        session.predictions_changed.connect(self._aim)
        session.cohort_opened.connect(self._drop)

    def load(self, case_id: str, then: Then, failed: Failed) -> None:
        """Hand a case over: at once if it is ready, else when it has been loaded."""
        order, ready = self._order(case_id), self._ready
        self._ready = self._asked = None
        if ready is not None and ready[0] == order:
            then(ready[1])
        elif self._loading == order:
            self._asked = (order, then, failed)
        else:
            self._call(partial(load, order.sources, case_id), then, failed)

    def forget(self, case_id: str) -> None:
        """What is kept of a case has changed on disk: it has to be loaded anew."""
        if self._target() == case_id:
            self._turn += 1
            self._aim()

    @property
    def ready(self) -> str | None:
        """Id of the case that is ready."""
        return None if self._ready is None else self._ready[0].case_id

    def _order(self, case_id: str) -> Order:
        session = self._session
        return Order(case_id, session.sources, session.reviews.get(case_id), self._turn)

    def _on_opened(self) -> None:
        here, queue = self._session.wanted, self._session.queue
        if self._last in queue and here in queue and here != self._last:
            self._by = 1 if queue.index(here) > queue.index(self._last) else -1
        self._last = here
        self._aim()

    def _target(self) -> str | None:
        """The case that comes next, at an end of the queue the only one beside this.

        One that is still being saved is read when it is asked for.
        """
        session = self._session
        if session.wanted not in session.queue:
            return None
        here = session.queue.index(session.wanted)
        beside = [there for there in (here + self._by, here - self._by) if there >= 0]
        ids = [session.queue[there] for there in beside if there < len(session.queue)]
        return ids[0] if ids and ids[0] not in session.unsaved() else None

    def _aim(self) -> None:
        target = self._target()
        order = None if target is None else self._order(target)
        if self._ready is not None and self._ready[0] != order:
            self._ready = None
        if order is None or self._ready is not None or self._loading is not None:
            return
        self._loading = order
        self._call(
            partial(load, order.sources, order.case_id),
            partial(self._loaded, order),
            partial(self._not_loaded, order),
        )

    def _loaded(self, order: Order, loaded: Loaded) -> None:
        self._loading, asked, self._asked = None, self._asked, None
        if asked is not None:
            asked[1](loaded)
            return
        if self._session.cohort is order.sources.cohort:
            self._ready = (order, loaded)
            self._aim()

    def _not_loaded(self, order: Order, error: BaseException) -> None:
        """A case that cannot be loaded is told of when it is asked for, not before."""
        self._loading, asked, self._asked = None, self._asked, None
        if asked is not None:
            asked[2](error)
        elif self._target() != order.case_id:
            self._aim()

    def _drop(self) -> None:
        self._ready = self._asked = self._last = None
        self._by = 1
