"""Cases being predicted in the background: the open one first, then those around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from hubmap_viewer.active_time import clock
from hubmap_viewer.session import Session
from trainer.errors import Cancelled, TrainerError
from trainer.predict.messages import Reply, Request

if TYPE_CHECKING:
    from hubmap_viewer.engine import Engine
    from hubmap_viewer.jobs import Job, Jobs


def nearest_first(
    case_ids: Iterable[str], queue: Sequence[str], open_case: str | None
) -> tuple[str, ...]:
    """Cases in the order in which a reviewer will want them.

    The open one, then the next of the queue, the one before it, the one after the next, and so
    on; those that are not in the queue last, as they come.
    """
    place = {case_id: number for number, case_id in enumerate(queue)}
    here = place.get(open_case or "", 0)

    def distance(case_id: str) -> tuple[int, int]:
        if case_id == open_case:
            return 0, 0
        if case_id not in place:
            return len(place) + 1, 0
        ahead = place[case_id] - here
        return abs(ahead), 0 if ahead > 0 else 1

    return tuple(sorted(case_ids, key=distance))


class Predicting:
    """One prediction of many cases at a time, whoever asked for it.

    Attributes
    ----------
    job
        None while nothing runs.
    words
        How far it is, or how it ended.
    share
        Done of it, 0 to 1; None while that cannot be told yet.
    problem
        Why it stopped, or what the user should know of it; else empty.
    """

    changed = Signal()
    began = Signal(object, object)
    """The folder of predictions and the ensemble's file."""
    shown = Signal(object)
    """The folder of predictions that is to be shown from now on."""
    predicted = Signal(str)
    """The id of a case whose prediction has just been kept in the shown folder."""
    member_kept = Signal(str)
    """The id of the open case: one more member's opinion of it has just been kept."""
    ended = Signal()

    def __init__(self, session: Session, jobs: Jobs, engine: Engine) -> None:
        self._session = session
        self._jobs = jobs
        self._engine = engine
        self._folder: Path | None = None
        self._failed = 0
        self._ensemble: Path | None = None
        self.job: Job[Reply] | None = None
        self.words = ""
        self.share: float | None = 0.0
        self.problem = ""
        self.is_wrong = False

    def start(
        self,
        ensemble: Path,
        case_ids: Iterable[str],
        *,
        device: str | None = None,
        keep_members: bool = False,
        members_from: Path | None = None,
    ) -> None:
        """Predict cases, unless a prediction is running.

        Parameters
        ----------
        ensemble
            Its YAML.
        case_ids
            In any order.
        device
            None for the best.
        keep_members, members_from
            As `trainer.predict.messages.Request` has them.
        """
        cohort = self._session.cohort
        if self.job is not None or cohort is None:
            return
        request = Request(
            want="predict",
            cohort=cohort.csv,
            ensemble=ensemble,
            cases=nearest_first(case_ids, self._session.queue, self._session.wanted),
            device=device,
            keep_members=keep_members,
            members_from=members_from,
        )

        def steps(cancelled: Callable[[], bool]) -> Iterator[Reply]:
            return self._engine.predict(request, cancelled)

        self._folder, self._ensemble, self._failed = None, ensemble, 0
        self.problem, self.is_wrong, self.share = "", False, None
        self.words = "Loading the networks …"
        self.job = self._jobs.start(f"Predicting {len(request.cases)} cases", steps)
        self.job.stepped.connect(self._on_step)
        self.job.ended.connect(self._on_end)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop soon; what is done stays."""
        if self.job is not None:
            self.job.cancel()
            self.words = "Stopping …"
            self.changed.emit()

    @property
    def cancelling(self) -> bool:
        """Whether it has been asked to stop and has not yet."""
        return self.job is not None and self.job.cancelling

    def _on_step(self, step: Reply) -> None:
        if step.folder is not None:
            self._folder = step.folder
            self.began.emit(step.folder, self._ensemble)
            return
        self.share = step.done / step.total
        if not self.cancelling:
            left = clock(step.seconds_left)
            self.words = (
                f"Case {step.case_id} · {int(step.done)} of {step.total} done · {left} left"
            )
        if step.problem:
            self._failed += 1
            self._session.told.emit(TrainerError(step.problem.rstrip(".")))
        if step.notice:
            self.problem = step.notice
        self.changed.emit()
        if step.member and step.case_id == self._session.wanted:
            self._show()
            self.member_kept.emit(step.case_id)
        if step.kept and not self._show():
            self.predicted.emit(step.case_id)

    def _show(self) -> bool:
        """Have the folder shown that is being written to; False if it is already."""
        there = self._session.predictions
        if self._folder is None or (there is not None and there.folder == self._folder):
            return False
        self.shown.emit(self._folder)
        return True

    def _on_end(self, error: BaseException | None) -> None:
        done = 0 if self.job is None else int(self.job.done)
        total = 0 if self.job is None else self.job.total
        self.job = None
        self.share = 1.0 if error is None else 0.0
        if error is None:
            failed = f", {self._failed} could not be read" if self._failed else ""
            self.words = f"Done: {total} case{'' if total == 1 else 's'}{failed}."
        elif isinstance(error, Cancelled):
            self.words = f"Cancelled: {done} of {total} cases are kept."
        else:
            self.words = "Stopped by a problem."
            self.problem, self.is_wrong = str(error), True
            self._session.told.emit(error)
        self.changed.emit()
        self.ended.emit()
