"""Taking sides, finding by finding, as one resolves a merge."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from hubmap_viewer.finding_list import FindingList, Pair
from hubmap_viewer.session import Session
from trainer.data.edits import Box
from trainer.data.findings import Finding
from trainer.tools import sides

_TOOLS: dict[str, sides.Side] = {"truth": "take truth", "prediction": "take prediction"}


class Deciding:
    """Settles the finding that was gone to, and goes on to the next that is not settled.

    What was decided is remembered while the window is open.

    Parameters
    ----------
    when_drawn
        Calls a function once the window has drawn what has just changed: the view goes
        on only after the user has seen what the key did.
    """

    changed = Signal()
    """A finding was settled."""

    def __init__(
        self,
        session: Session,
        findings: FindingList,
        when_drawn: Callable[[Callable[[], None]], None],
    ) -> None:
        self._session = session
        self._findings = findings
        self._when_drawn = when_drawn
        self._goes_on = False
        self._decided: dict[tuple[str, Pair], set[tuple[str, tuple[int, ...]]]] = {}
        session.cohort_opened.connect(self._forget)
        session.case_opened.connect(self._stay)
        findings.chosen.connect(self._hint)

    def is_decided(self, finding: Finding) -> bool:
        """Whether the user has settled this finding of the list."""
        return _name(finding) in self._here()

    def left(self) -> int:
        """How many findings of the list are not settled."""
        return sum(not self.is_decided(one) for one in self._findings.all)

    def take(self, side: str) -> None:
        """Have the finding, or without one the whole case, be as a side has it.

        Parameters
        ----------
        side
            ``truth``, ``prediction`` or ``nothing``.
        """
        self._go_on()
        session, finding = self._session, self._findings.here
        if finding is None:
            session.drawing.take(side)
            return
        scene, here = session.drawing.scene(), session.open
        if scene is None or here is None:
            return
        box, mask = Box(*finding.box), here.side(side)
        if mask is None:
            session.told.emit(f"Case {here.id} has no {side} to take.")
            return
        if side == "nothing":
            edit = sides.clear(scene, box, finding.region)
        else:
            edit = sides.take(scene, box, finding.region, mask, _TOOLS[side])
        if edit is not None:
            session.drawing.apply(edit)
        self._settle(finding)
        self._goes_on = True
        self._when_drawn(self._go_on)

    def leave(self) -> None:
        """Have the finding stay as it is."""
        self._go_on()
        finding = self._findings.here
        if finding is None:
            self._session.told.emit("Go to a finding first.")
        else:
            self._settle(finding)
            self._next()

    def _settle(self, finding: Finding) -> None:
        self._here().add(_name(finding))
        self.changed.emit()

    def _go_on(self) -> None:
        """Go to the next finding if that is still to be done."""
        if self._goes_on:
            self._goes_on = False
            self._next()

    def _next(self) -> None:
        at, found = self._findings.at, self._findings.all
        after = 0 if at is None else at + 1
        order = [*range(after, len(found)), *range(after)]
        there = next((n for n in order if not self.is_decided(found[n])), None)
        if there is None:
            self._findings.leave()
            self._session.told.emit(f"All {len(found)} findings are settled.")
        else:
            self._findings.choose(there)

    def _stay(self) -> None:
        """Whoever has gone elsewhere meanwhile is not taken away from there."""
        self._goes_on = False

    def _forget(self) -> None:
        self._decided.clear()

    def _here(self) -> set[tuple[str, tuple[int, ...]]]:
        here, pair = self._session.open, self._findings.pair
        if here is None or pair is None:
            return set()
        return self._decided.setdefault((here.id, pair), set())

    def _hint(self, finding: Finding | None) -> None:
        if finding is not None:
            self._stay()
            self._session.told.emit(
                f"{finding.kind.capitalize()}, {self.left()} of {len(self._findings.all)} left: "
                "take truth, take prediction, clear, or leave it"
            )


def _name(finding: Finding) -> tuple[str, tuple[int, ...]]:
    return finding.kind, finding.box
