"""Many predictions accepted at once: what a rule would take, told live, and the taking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from psygnal import Signal

from hubmap_viewer.session import Session
from trainer.data.store import Batch, is_reviewed
from trainer.errors import Cancelled, SettingsError, StoreError
from trainer.review import bulk
from trainer.review.acceptance import Candidate, LeftOut, Rule, allowed, sift

Cancelling = Callable[[], bool]

_LOOSEST = Rule((), 0.0, 0.5)
_PORTIONS = 100
"""Steps in which a weighing is told; each reaches the window by itself."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Some cases were weighed: how sure the ensemble is of each, or why it is out."""

    done: int
    total: int
    cases: tuple[Candidate | LeftOut, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What the rule would do now.

    Attributes
    ----------
    found
        Predictions that would be accepted.
    left_out
        How many cases of the chosen organs are out, by reason.
    to_check
        By organ, how many of all accepted ones a person would then check.
    accepted
        By organ, how many there are then; those of a batch that was interrupted included.
    batch
        The interrupted batch that would be gone on with.
    problem
        Why the sample could prove nothing; empty where it could.
    """

    found: tuple[Candidate, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    to_check: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)
    batch: Batch | None = None
    problem: str = ""


class BulkAccept:
    """A rule, what it would accept, and the acceptance.

    Attributes
    ----------
    tolerance
        Share of an organ's accepted masks that may be wrong, 0 to 1.
    size
        How many of each organ are to be checked; None for the fewest that can do.
    weighing
        Whether it is not known yet what the rule would take.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.rule = Rule()
        self.tolerance = 0.05
        self.size: int | None = None
        self.weighing = False
        self._weighed: dict[str, Candidate | LeftOut] = {}
        session.scores_changed.connect(self.changed.emit)
        session.case_updated.connect(self._on_case)

    # -- the rule -----------------------------------------------------------------------

    def organs(self) -> list[str]:
        """Organs of the cohort's cases without a truth, which alone can be accepted so."""
        cohort = self._session.cohort
        cases = [] if cohort is None else cohort.cases.values()
        return list(dict.fromkeys(case.organ for case in cases if not case.has_truth))

    def set_rule(self, rule: Rule) -> None:
        """Have another rule."""
        self.rule = rule
        self.changed.emit()

    def set_sample(self, tolerance: float, size: int | None) -> None:
        """Tolerate another share of wrong masks, or have another number checked."""
        self.tolerance, self.size = tolerance, size
        self.changed.emit()

    def preview(self) -> Preview:
        """What the rule would take now, and what a person would then have to check."""
        found: list[Candidate] = []
        left_out: Counter[str] = Counter()
        for case in self._weighed.values():
            verdict = self._judged(case)
            if isinstance(verdict, Candidate):
                found.append(verdict)
            elif verdict:
                left_out[verdict] += 1
        accepted = Counter(case.organ for case in found)
        batch = self._interrupted()
        store = self._session.store
        if batch is not None and store is not None:
            accepted.update(case.organ for case in store.batches.cases(batch.id))
        try:
            to_check, problem = bulk.sizes(accepted, self.tolerance, self.size), ""
        except SettingsError as error:
            to_check, problem = {}, str(error)
        return Preview(tuple(found), dict(left_out), to_check, dict(accepted), batch, problem)

    def why_not(self, preview: Preview) -> str:
        """Why nothing can be accepted now; empty if something can."""
        session = self._session
        if session.predictions is None:
            return "No predictions are shown: let an ensemble predict in Ensemble first."
        if session.store is None:
            return "Nothing can be kept: copy the cohort to a folder that can be written."
        if self.weighing:
            return "The predictions are still being read."
        if not preview.accepted:
            return "No prediction passes the rule."
        return preview.problem

    def _judged(self, case: Candidate | LeftOut) -> Candidate | str:
        """The case if it passes, else the reason; no word on other organs."""
        rule = self.rule
        if rule.organs and case.organ not in rule.organs:
            return ""
        if isinstance(case, LeftOut):
            return case.reason
        if self._is_reviewed(case.case_id):
            return "has a review"
        if case.confidence < rule.min_confidence:
            return "not confident enough"
        return "members disagree" if case.disagreement > rule.max_disagreement else case

    def _is_reviewed(self, case_id: str) -> bool:
        session = self._session
        review = session.reviews.get(case_id)
        return is_reviewed(review) or (review is None and session.is_kept(case_id))

    def _interrupted(self) -> Batch | None:
        session = self._session
        if session.store is None or session.predictions is None:
            return None
        try:
            return bulk.interrupted(session.store, self.rule, session.predictions, self.tolerance)
        except StoreError:
            return None

    # -- weighing -----------------------------------------------------------------------

    def forget(self) -> None:
        """Other predictions are shown: what was weighed is void."""
        self._weighed.clear()
        self.weighing = False
        self.changed.emit()

    def weigh(self) -> Callable[[Cancelling], Iterator[Weighed]]:
        """The work of reading every prediction once; run it in the background."""
        self._weighed.clear()
        self.weighing = True
        sources = self._session.sources
        predictions = sources.predictions
        cases = tuple(case for case in sources.cohort.cases.values() if not case.problem)

        def steps(cancelled: Cancelling) -> Iterator[Weighed]:
            if predictions is None:
                return
            portion: list[Candidate | LeftOut] = []
            every = len(cases) // _PORTIONS + 1
            for done, case in enumerate(sift(cases, predictions, _LOOSEST, {}), start=1):
                if cancelled():
                    raise Cancelled
                portion.append(case)
                if done % every == 0 or done == len(cases):
                    yield Weighed(done, len(cases), tuple(portion))
                    portion.clear()

        return steps

    def put_weighed(self, step: Weighed) -> None:
        """Take cases that were weighed."""
        self._weighed.update((case.case_id, case) for case in step.cases)
        if step.done == step.total:
            self.weighing = False
            self.changed.emit()

    def _on_case(self, case_id: str) -> None:
        """Weigh a case that has been predicted since; it is one small file."""
        session, known = self._session, self._weighed.get(case_id)
        is_new = isinstance(known, LeftOut) and known.reason == "no prediction"
        if is_new and session.predictions is not None and session.cohort is not None:
            case = session.cohort.cases[case_id]
            (now,) = sift([case], session.predictions, _LOOSEST, {})
            self._weighed[case_id] = now
        self.changed.emit()

    # -- accepting ----------------------------------------------------------------------

    def accept(self) -> Callable[[Cancelling], Iterator[bulk.Step]]:
        """The work of accepting what the rule takes now, and of drawing the sample at its end.

        Cancelled, it keeps what it has accepted so far; the same rule goes on with that.
        """
        session, found = self._session, self.preview().found
        session.flush()
        sources, rule, tolerance, size = session.sources, self.rule, self.tolerance, self.size
        store, predictions = sources.store, sources.predictions
        assert store is not None
        assert predictions is not None

        def steps(cancelled: Cancelling) -> Iterator[bulk.Step]:
            batch = bulk.begin(store, rule, predictions, tolerance)
            yield from bulk.accept(store, sources.cohort, predictions, batch, found, cancelled)
            if cancelled():
                raise Cancelled
            bulk.draw_sample(store, batch, size, seed=batch.id)

        return steps


def meaning(preview: Preview, tolerance: float) -> str:
    """What the sample will prove, in a sentence."""
    if preview.problem:
        return preview.problem
    parts = []
    for organ, size in sorted(preview.to_check.items()):
        count = preview.accepted[organ]
        spare = allowed(size, count, tolerance)
        most = f"{spare} wrong" if spare else "none wrong"
        parts.append(f"{organ} {size} of {count} ({most})")
    if not parts:
        return ""
    shown = f"{tolerance:.1%}".replace(".0%", "%")
    return f"To check, to show at most {shown} wrong (95 % sure): {', '.join(parts)}."
