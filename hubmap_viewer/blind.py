"""Blind second looks in the window: some reviewed cases are drawn anew, all masks hidden."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from psygnal import Signal

from hubmap_viewer.session import Session
from hubmap_viewer.unfinished import Round, place
from hubmap_viewer.veil import Veil
from trainer.errors import StoreError, TrainerError
from trainer.review import second_look
from trainer.review.second_look import Agreement, Pair

SHORTEST = 1.0
"""Seconds; a drawing that nobody can have looked at is not kept as a look."""


class SecondLook:
    """A round of blind looks: begun, interrupted, gone on with, at its end.

    The drawing in hand is kept beside the store while it is being made, and in
    ``store.looks`` once it is done; it is never a revision of its case.

    Parameters
    ----------
    clock
        Tells seconds; only differences count.
    """

    changed = Signal()
    finished = Signal()
    """A look has been kept: there is more to compare."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._clock = clock
        self._since: float | None = None
        self._touched = False
        self._before: str | None = None
        self.round: Round | None = None
        session.cohort_opened.connect(self._on_cohort)
        session.case_opened.connect(self._on_case)
        session.curated_changed.connect(self._on_drawn)
        session.look_left.connect(self._on_left)
        self._on_cohort()

    # -- how it stands ------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether the open case is being drawn blind."""
        here = self._session.open
        return here is not None and here.blind and self._session.veil is not None

    @property
    def seconds(self) -> float:
        """Spent on the case in hand."""
        before = 0.0 if self.round is None else self.round.seconds
        return before + (0.0 if self._since is None else self._clock() - self._since)

    def eligible(self) -> dict[str, int]:
        """By organ, how many cases a person has reviewed: only those can be drawn."""
        return {organ: len(ids) for organ, ids in self._draw((), len(self._organs()), 0).items()}

    @property
    def waits(self) -> bool:
        """Whether a round was interrupted and can be gone on with."""
        return self.round is not None and self.round.case_id is not None and not self.active

    @property
    def in_hand(self) -> bool:
        """Whether a drawing is begun and not done."""
        return self.round is not None and self.round.shape is not None

    def progress(self) -> str:
        """How far the round is, in words."""
        now = self.round
        if now is None:
            return "No round is under way."
        skipped = f", {now.skipped} skipped" if now.skipped else ""
        if now.case_id is None:
            return f"All {len(now.drawn)} looked at{skipped}."
        return f"Look {now.place + 1} of {len(now.drawn)}{skipped}: case {now.case_id}"

    # -- what the reviewer does ---------------------------------------------------------

    def why_not(self, organs: tuple[str, ...]) -> str:
        """Why no round can begin; empty if one can."""
        if self._session.store is None:
            return "Nothing can be kept: copy the cohort to a folder that can be written."
        eligible = self.eligible()
        if not any(count for organ, count in eligible.items() if not organs or organ in organs):
            return "No case has a person's review yet: a second look needs a first one."
        return ""

    def begin(self, k: int, organs: tuple[str, ...] = (), seed: int | None = None) -> None:
        """Draw `k` cases of each organ and open the first, blind."""
        seed = random.SystemRandom().getrandbits(32) if seed is None else seed
        drawn = [id for ids in self._draw(organs, k, seed).values() for id in ids]
        # Organs come mixed, so that none is always drawn by a tired hand.
        random.Random(seed).shuffle(drawn)
        self.round = Round(drawn=tuple(drawn))
        self._before = self._session.wanted
        self._open()

    def resume(self) -> None:
        """Open the case in hand again, with what was drawn of it."""
        self._open()

    def done(self) -> None:
        """Keep the drawing as a second look and open the next case."""
        session, now, here = self._session, self.round, self._session.open
        if now is None or here is None or not self.active or session.store is None:
            return
        if self.seconds < SHORTEST and not here.curated.any():
            session.told.emit("Nothing is drawn yet: draw, or skip the case.")
            return
        try:
            revision = session.store.revision(now.revision)
            session.store.looks.add(here.curated, revision, seconds=self.seconds)
        except StoreError as error:
            session.told.emit(error)
            return
        self._turn()
        self.finished.emit()

    def skip(self) -> None:
        """Leave the case in hand out and open the next."""
        if self.round is not None and self.round.case_id is not None:
            self.round.skipped += 1
            self._turn()

    def stop(self) -> None:
        """Interrupt the round: another case opens, and the drawing in hand waits."""
        session, now = self._session, self.round
        if now is None or not self.active:
            return
        others = (id for id in (self._before, *session.queue) if id and id != now.case_id)
        other = next(others, None)
        if other is None:
            session.told.emit("There is no other case to go to.")
        else:
            session.want(other)

    def end(self) -> None:
        """Give an interrupted round up, and the drawing in hand with it."""
        self.round = None
        self._drop()
        self._rest()
        self.changed.emit()

    def keep(self) -> None:
        """Write down what is drawn so far, if that has changed; an error is told."""
        here, now, cohort = self._session.open, self.round, self._session.cohort
        if now is None or cohort is None or not self.active or here is None or not self._touched:
            return
        now.put(here.curated)
        now.seconds, self._since = self.seconds, self._clock()
        self._touched = False
        self._write()

    # -- inside -------------------------------------------------------------------------

    def _turn(self) -> None:
        assert self.round is not None
        self._since, self._touched = None, False
        self.round.turn()
        if self.round.case_id is None:
            self._drop()
            self._session.end_blind()
            self.changed.emit()
        else:
            self._open()

    def _open(self) -> None:
        session, now = self._session, self.round
        if now is None or now.case_id is None or session.cohort is None:
            return
        review = session.reviews.get(now.case_id)
        if now.case_id not in session.cohort.cases or review is None:
            self.skip()
            return
        if now.shape is None:
            now.revision = review.id
        self._write()
        session.begin_blind(self._veil(now.case_id))
        self.changed.emit()

    def _veil(self, case_id: str) -> Veil:
        """With what is drawn of the case already."""
        try:
            return Veil(case_id, None if self.round is None else self.round.mask())
        except TrainerError as error:
            self._session.told.emit(error)
            return Veil(case_id)

    def _rest(self) -> None:
        """A case with a drawing in hand opens blind only, else its look would not be blind."""
        now = self.round
        if now is None or now.shape is None or now.case_id is None:
            self._session.resting = None
        else:
            self._session.resting = self._veil(now.case_id)

    def _write(self) -> None:
        cohort = self._session.cohort
        if self.round is None or cohort is None:
            return
        try:
            self.round.write(cohort.folder)
        except StoreError as error:
            self._session.told.emit(error)

    def _drop(self) -> None:
        """Forget the round on disk: it is over."""
        cohort = self._session.cohort
        if cohort is not None:
            place(cohort.folder).unlink(missing_ok=True)

    def _on_cohort(self) -> None:
        self.round, self._since, self._touched = None, None, False
        cohort = self._session.cohort
        if cohort is not None:
            try:
                self.round = Round.read(cohort.folder)
            except StoreError as error:
                self._session.told.emit(error)
        self._rest()
        self.changed.emit()

    def _on_case(self) -> None:
        if self.active and self._since is None:
            self._since = self._clock()
            case_id = self._session.wanted
            self._session.told.emit(f"Case {case_id} is drawn blind; press Done in Audit after.")
        self.changed.emit()

    def _on_drawn(self) -> None:
        self._touched = self._touched or self.active

    def _on_left(self) -> None:
        """The case goes: what is drawn of it waits to be gone on with."""
        here, now = self._session.open, self.round
        if here is None or now is None or not here.blind or here.id != now.case_id:
            return
        if self._since is not None:
            now.seconds, self._since = self.seconds, None
            now.put(here.curated)
            self._touched = False
            self._write()
        self._rest()
        self.changed.emit()

    def _draw(self, organs: tuple[str, ...], k: int, seed: int) -> dict[str, list[str]]:
        known = self._organs()
        wanted = {id: organ for id, organ in known.items() if not organs or organ in organs}
        return second_look.draw(self._session.reviews, wanted, k, seed)

    def _organs(self) -> dict[str, str]:
        cohort = self._session.cohort
        cases = [] if cohort is None else cohort.cases.values()
        return {case.id: case.organ for case in cases if not case.problem}


def compare(session: Session) -> Callable[[], tuple[list[Agreement], list[TrainerError]]]:
    """The work of comparing every second look with what it looked at; run it in the background."""
    sources = session.sources
    organs = {case.id: case.organ for case in sources.cohort.cases.values()}

    def work() -> tuple[list[Agreement], list[TrainerError]]:
        found = [] if sources.store is None else list(second_look.pairs(sources.store, organs))
        sound = [each for each in found if isinstance(each, Pair)]
        return second_look.agreement(sound), [e for e in found if isinstance(e, TrainerError)]

    return work
