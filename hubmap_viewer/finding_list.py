"""The findings of the open case: what two of its masks differ in, largest loss first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from psygnal import Signal

from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.session import Session
from trainer.data.findings import Finding, find
from trainer.data.store import Spot

Pair = tuple[str, str]
"""Names of the two masks that are compared, the reference first."""

PAIRS: tuple[Pair, ...] = (
    ("truth", "prediction"),
    ("truth", "curated"),
    ("prediction", "curated"),
    ("truth", "second"),
    ("second", "prediction"),
    ("second", "curated"),
)


class Call(Protocol):
    """Calls a function elsewhere, and one of the others here when it is done."""

    def __call__(
        self,
        function: Callable[[], Any],
        then: Callable[[Any], None],
        failed: Callable[[BaseException], None],
        /,
    ) -> None: ...


class FindingList:
    """Compares two of the open case's masks, and goes from one finding to the next."""

    changed = Signal()
    """There are other findings, or none, or they are being looked for."""
    chosen = Signal(object)
    """The Finding that is to be framed and shown; None when there is none any more."""

    pulsed = Signal(float)
    """How strongly the chosen finding's outline is to be drawn, 0 to 1."""

    def __init__(self, session: Session, call: Call) -> None:
        self._session = session
        self._call = call
        self._asked: Pair = PAIRS[0]
        self._turn = 0
        self._busy = False
        self._again = False
        self.pair: Pair | None = None
        self.all: list[Finding] = []
        self.at: int | None = None
        session.cohort_opened.connect(self._restart)
        session.case_opened.connect(self._restart)
        session.prediction_changed.connect(self._look)
        session.curated_changed.connect(self._on_curated)

    @property
    def busy(self) -> bool:
        """Whether the findings are still being looked for."""
        return self._busy

    @property
    def here(self) -> Finding | None:
        """The finding that was gone to last."""
        return None if self.at is None else self.all[self.at]

    def compare(self, pair: Pair) -> None:
        """Compare these two masks, also of the cases to come."""
        self._asked = pair
        self._restart()

    def there(self) -> list[Pair]:
        """The pairs of masks that the open case has."""
        here = self._session.open
        if here is None:
            return []
        return [pair for pair in PAIRS if all(here.side(name) is not None for name in pair)]

    def choose(self, index: int) -> None:
        """Go to a finding by its place in the list."""
        self.at = index
        self.chosen.emit(self.all[index])

    def leave(self) -> None:
        """Be at no finding any more."""
        self.at = None
        self.chosen.emit(None)

    def step(self, by: int) -> None:
        """Go to the next (1) or the previous (-1) finding."""
        if not self.all:
            self._session.told.emit(self.nothing())
            return
        first = 0 if by > 0 else len(self.all) - 1
        there = first if self.at is None else self.at + by
        if 0 <= there < len(self.all):
            self.choose(there)
        else:
            end = "last" if by > 0 else "first"
            self._session.told.emit(f"This is the {end} of {len(self.all)} findings.")

    def nothing(self) -> str:
        """Why there is no finding to go to."""
        if self._session.open is None:
            return "No case is open."
        if self._busy:
            return "Looking for findings …"
        if self.pair is None:
            return "There are no two masks to compare: predict the case, or give it a truth."
        return f"{self.pair[0].capitalize()} and {self.pair[1]} are the same."

    def spot(self, finding: Finding) -> Spot | None:
        """How a finding of this list is told in the store."""
        return None if self.pair is None else Spot(self.pair, finding.kind, finding.box)

    # -- looking --------------------------------------------------------------------------

    def _restart(self) -> None:
        """Forget what belongs to another case or pair, then look."""
        self._turn += 1
        self.all, self.at = [], None
        self.chosen.emit(None)
        self._look()

    def _on_curated(self) -> None:
        if self.pair is not None and "curated" in self.pair:
            self._look()

    def _look(self) -> None:
        """Look for findings; while that is under way, once more at its end."""
        pairs = self.there()
        self.pair = self._asked if self._asked in pairs else pairs[0] if pairs else None
        here = self._session.open
        if here is None or self.pair is None:
            self.all, self.at = [], None
            self.changed.emit()
            return
        if self._busy:
            self._again = True
            return
        self._busy = True
        self.changed.emit()
        turn = self._turn
        self._call(comparison(here, self.pair), partial(self._put, turn), partial(self._fail, turn))

    def _put(self, turn: int, found: list[Finding]) -> None:
        self._busy = False
        if turn == self._turn:
            before = self.here
            self.all = found
            same = (n for n, one in enumerate(found) if before and one.box == before.box)
            self.at = next(same, None)
            if before is not None and self.at is None:
                self.chosen.emit(None)
        if self._again or turn != self._turn:
            self._again = False
            self._look()
        self.changed.emit()

    def _fail(self, turn: int, error: BaseException) -> None:
        self._put(turn, [])
        self._session.told.emit(error)


def comparison(here: OpenCase, pair: Pair) -> Callable[[], list[Finding]]:
    """The search for a pair's findings, to be called in a thread while painting goes on."""
    first, second = here.side(pair[0]), here.side(pair[1])
    assert first is not None
    assert second is not None
    if "curated" in pair:
        first, second = first.copy(), second.copy()
    shown = here.second if pair[1] == "second" else here.predicted
    probability = None if shown is None else shown.prediction.probability
    return partial(find, first, second, probability)
