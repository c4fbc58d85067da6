"""Taking sides, finding by finding, as one resolves a merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from psygnal import Signal

from hubmap_viewer.finding_list import FindingList, Pair
from hubmap_viewer.session import Session
from hubmap_viewer.suggesting import Suggesting
from trainer.data.edits import Box, Edit
from trainer.data.findings import Finding
from trainer.tools import sides

_TOOLS: dict[str, sides.Side] = {"truth": "take truth", "prediction": "take prediction"}


class Deciding:
    """Settles the finding that was gone to, and goes on to the next that is not settled.

    What is settled is told by the case's edits: it is undone with them, and outlasts the window
    as they do.

    Parameters
    ----------
    when_drawn
        Calls a function once the window has drawn what has just changed: the view goes
        on only after the user has seen what the key did.
    """

    changed = Signal()
    """Other findings are settled."""

    def __init__(
        self,
        session: Session,
        findings: FindingList,
        suggesting: Suggesting,
        when_drawn: Callable[[Callable[[], None]], None],
    ) -> None:
        self._session = session
        self._findings = findings
        self.suggesting = suggesting
        self._when_drawn = when_drawn
        self._goes_on = False
        self._known: tuple[str, Pair, frozenset[_Name]] | None = None
        session.cohort_opened.connect(self._forget)
        session.case_opened.connect(self._stay)
        session.curated_changed.connect(self._look_again)
        findings.chosen.connect(self._hint)

    def is_decided(self, finding: Finding) -> bool:
        """Whether the user has settled this finding of the list."""
        return _name(finding) in self._here()

    def open(self) -> list[Finding]:
        """The findings of the list that are not settled."""
        settled = self._here()
        return [one for one in self._findings.all if _name(one) not in settled]

    def left(self) -> int:
        """How many findings of the list are not settled."""
        return len(self.open())

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
        self._settle([finding], edit or Edit.nothing(_TOOLS.get(side, "clear")))
        self._goes_on = True
        self._when_drawn(self._go_on)

    def take_suggested(self) -> None:
        """Have every finding that is not settled be as is suggested, in one edit."""
        self._go_on()
        session, mask, found = self._session, self.suggesting.mask, self.open()
        scene = session.drawing.scene()
        if scene is None:
            return
        if mask is None:
            session.told.emit(self.suggesting.why_not())
        elif not found:
            session.told.emit(
                self._all_settled() if self._findings.all else self._findings.nothing()
            )
        else:
            said = self.suggested(found)
            places = [(Box(*one.box), one.region) for one in found]
            edit = sides.take_all(scene, places, mask, "take suggestion")
            self._settle(found, edit or Edit.nothing("take suggestion"))
            # napari takes a third of a second to put the ring away
            self._when_drawn(self._part)
            session.told.emit(f"{len(found)} settled as suggested: {said}; undo takes it back.")

    def _part(self) -> None:
        if self._findings.here is not None and not self.open():
            self._findings.leave()

    def suggested(self, found: Sequence[Finding]) -> str:
        """How many findings each side is suggested for, in words."""
        counts = Counter(self.suggesting.side(one) for one in found)
        words = ((counts["truth"], "truth"), (counts["prediction"], "prediction"))
        words += ((counts["both"], "some of both"),)
        return ", ".join(f"{count} {word}" for count, word in words if count)

    def leave(self) -> None:
        """Have the finding stay as it is."""
        self._go_on()
        finding = self._findings.here
        if finding is None:
            self._session.told.emit("Go to a finding first.")
        elif self._session.drawing.allowed():
            self._settle([finding], Edit.nothing("leave"))
            self._next()

    def _settle(self, found: Sequence[Finding], edit: Edit) -> None:
        pair = self._findings.pair
        assert pair is not None
        names = [[*pair, one.kind, *one.box] for one in found]
        self._session.drawing.apply(replace(edit, parameters={sides.SETTLED: names}))

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
            self._session.told.emit(self._all_settled())
        else:
            self._findings.choose(there)

    def _all_settled(self) -> str:
        return f"All {len(self._findings.all)} findings are settled."

    def _stay(self) -> None:
        """Whoever has gone elsewhere meanwhile is not taken away from there."""
        self._goes_on = False

    def _forget(self) -> None:
        self._known = None
        self.changed.emit()

    def _look_again(self) -> None:
        """Tell of it only if the edit has settled something, or is the undoing of one that had."""
        before, self._known = self._known, None
        self._here()
        if self._known != before:
            self.changed.emit()

    def _here(self) -> frozenset[_Name]:
        """What is settled of the open case and this pair of masks."""
        here, pair = self._session.open, self._findings.pair
        if here is None or pair is None:
            return frozenset()
        if self._known is None or self._known[:2] != (here.id, pair):
            each = (edit.parameters.get(sides.SETTLED, ()) for edit in here.history)
            told = (one for names in each for one in names)
            names = frozenset((one[2], tuple(one[3:])) for one in told if tuple(one[:2]) == pair)
            self._known = here.id, pair, names
        return self._known[2]

    def _hint(self, finding: Finding | None) -> None:
        if finding is not None:
            self._stay()
            self._session.told.emit(
                f"{finding.kind.capitalize()}, {self.left()} of {len(self._findings.all)} left: "
                f"take truth, take prediction, clear, or leave it{self._advice(finding)}"
            )

    def _advice(self, finding: Finding) -> str:
        side = self.suggesting.side(finding)
        return "" if side is None else f"; suggested: {side}"


_Name = tuple[str, tuple[int, ...]]


def _name(finding: Finding) -> _Name:
    return finding.kind, finding.box
