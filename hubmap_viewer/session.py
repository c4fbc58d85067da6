"""What is open, what changed, and what the user said of it; without Qt and without napari."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hubmap_viewer.drawing import Drawing
from hubmap_viewer.keeping import Change, Keeper, Verdict
from hubmap_viewer.loading import Loaded, Predicted, Sources
from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.past import Past
from hubmap_viewer.permission import no_store, why_not
from hubmap_viewer.scores import Scores
from hubmap_viewer.signals import Signals
from hubmap_viewer.veil import Veil
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import ACCEPT, Held, Reason, Revision, Status, Store
from trainer.errors import ClaimError, StoreError, TrainerError

TOLD = 3
"""Problems of a cohort that are told one by one; a folder without images has one a case."""


class Session(Signals):
    """One cohort under review.

    Every change goes through a method here or of `drawing`, and is told by a signal.

    Parameters
    ----------
    post
        Has a function called in the thread that owns the session.

    Attributes
    ----------
    drawing
        Changes the open case's mask.
    keeper
        Has what is drawn kept; None where there is no store.
    pasts
        What led to the masks of cases that were open, by their ids.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None] = lambda call: call()) -> None:
        self._post = post
        self.drawing = Drawing(self)
        self.cohort: Cohort | None = None
        self.predictions: Predictions | None = None
        self.second: Predictions | None = None
        self.thresholds: dict[str, float] = {}
        self.reviews: dict[str, Revision] = {}
        self.scores: dict[str, Scores] = {}
        self.wanted: str | None = None
        self.open: OpenCase | None = None
        self.queue: tuple[str, ...] = ()
        self._place = 0
        self.settled: dict[str, int] = {}
        self.selected: tuple[str, ...] = ()
        self.veil: Veil | None = None
        self.resting: Veil | None = None
        """Over a case whose blind drawing waits to be finished: it comes back with the case."""
        self.pasts: dict[str, Past] = {}
        self.keeper: Keeper | None = None

    @property
    def store(self) -> Store | None:
        """The cohort's revisions; None where there is no store."""
        return None if self.keeper is None else self.keeper.store

    @property
    def held(self) -> Held | None:
        """Who else has the cohort open and may write; None where this window may."""
        return None if self.keeper is None else self.keeper.held

    @property
    def sources(self) -> Sources:
        """Where masks are read from; a cohort must be open."""
        if self.cohort is None:
            raise TrainerError("no cohort is open", remedy="open a cohort's folder first")
        journal = None if self.keeper is None else self.keeper.journal
        thresholds = dict(self.thresholds)
        return Sources(self.cohort, self.store, self.predictions, self.second, thresholds, journal)

    # -- the cohort ---------------------------------------------------------------------

    def open_cohort(self, cohort: Cohort) -> None:
        """Show another cohort; what was drawn on the last one is saved first."""
        self.close()
        self.cohort = cohort
        self.predictions = self.second = None
        self.thresholds.clear()
        self.scores.clear()
        self.pasts.clear()
        self._place = 0
        self.wanted, self.open = None, None
        self._open_store(cohort.folder)
        self.queue = tuple(cohort.cases)
        self.selected = ()
        self.cohort_opened.emit()
        if (held := why_not(None, self.held)) is not None:
            self.told.emit(held)
        for problem in cohort.problems[:TOLD]:
            self.told.emit(problem)
        if len(cohort.problems) > TOLD:
            self.told.emit(_and_more(cohort))

    def close(self) -> bool:
        """Save what is not saved yet; False if that failed."""
        self.drawing.catch_up()
        self._lift_veil()
        keeper, self.keeper = self.keeper, None
        return keeper is None or keeper.close()

    def _open_store(self, folder: Path) -> None:
        self.reviews = {}
        try:
            self.keeper = Keeper(
                folder,
                saved=lambda revision: self._post(lambda: self._on_saved(folder, revision)),
                failed=lambda error: self._post(lambda: self._on_not_saved(folder, error)),
            )
            self.reviews = self.keeper.store.latest_all()
        except StoreError as error:
            if self.keeper is not None:
                self.keeper.close()
                self.keeper = None
            self.told.emit(error)

    def status(self, case_id: str) -> Status:
        """The verdict on a case, the one just given included."""
        if self.open is not None and self.open.id == case_id:
            return self.open.status
        draft = self.keeper.pending(case_id) if self.keeper else None
        if draft is not None:
            return draft.status
        review = self.reviews.get(case_id)
        return "unreviewed" if review is None else review.status

    def open_findings(self, case_id: str) -> int | None:
        """Findings of prediction against truth that nobody has settled; None if not known.

        A verdict settles all of a case; naming its cause settles a single finding.
        """
        found = self.scores.get(case_id, Scores()).findings
        if found is None:
            return None
        if self.status(case_id) in ("accepted", "rejected"):
            return 0
        return max(0, found - self.settled.get(case_id, 0))

    def is_kept(self, case_id: str) -> bool:
        """Whether a curated mask of the case is in the store, or on its way there."""
        pending = self.keeper is not None and self.keeper.pending(case_id) is not None
        return pending or case_id in self.reviews

    # -- the case -----------------------------------------------------------------------

    def want(self, case_id: str) -> None:
        """Ask for a case; the one that is asked for last is the one that opens."""
        self.drawing.catch_up()
        if self.veil is not None and self.veil.case_id != case_id:
            self._lift_veil()
        if self.resting is not None and self.resting.case_id == case_id:
            self._lower(self.resting)
        self.wanted = case_id
        self.case_wanted.emit(case_id)

    def select(self, case_ids: tuple[str, ...]) -> None:
        """Take note of the cases that the user has picked from the queue."""
        self.selected = case_ids
        self.selection_changed.emit()

    def put_queue(self, case_ids: tuple[str, ...]) -> None:
        """Have next and previous go through these cases."""
        if self.wanted in self.queue:
            self._place = self.queue.index(self.wanted)
        self.queue = case_ids
        self.queue_changed.emit()

    def step(self, by: int) -> None:
        """Ask for the next (1) or the previous (-1) case of the queue.

        A case that has left the queue, as by its verdict, is still where it was.
        """
        if not self.queue:
            self.told.emit("No case is in the queue: the filter lets none through.")
            return
        if self.wanted in self.queue:
            there = self.queue.index(self.wanted) + by
        else:
            there = self._place if by > 0 else self._place - 1
        if 0 <= there < len(self.queue):
            self.want(self.queue[there])
        else:
            self.told.emit("This is the last case." if by > 0 else "This is the first case.")

    def put(self, loaded: Loaded) -> None:
        """Open a loaded case, unless another one has been asked for meanwhile."""
        case_id = loaded.case.id
        if case_id != self.wanted:
            return
        draft = self.keeper.pending(case_id) if self.keeper else None
        blind = self.veil is not None
        if blind and self.open is not None and self.open.blind and self.open.id == case_id:
            self.case_opened.emit()
            return
        try:
            taken = None if self.keeper is None else self.keeper.claim(case_id)
            if draft is None and self._is_outdated(loaded):
                self.want(case_id)
                return
        except StoreError as error:
            self.fail(case_id, error)
            return
        if self.veil is not None:
            loaded, draft = self.veil.over(loaded), None
        known = draft is not None or case_id in self.pasts
        self.open = OpenCase(
            loaded=loaded,
            curated=loaded.curated if draft is None else draft.mask.copy(),
            past=Past("redrawn") if blind else self._past(loaded),
            tool=loaded.start,
            predicted=loaded.predicted,
            second=loaded.second,
            status=loaded.status if draft is None else draft.status,
            started_from=loaded.past.started_from if draft is None else draft.started_from,
            lost=None if known or blind else loaded.lost,
            taken=taken,
            blind=blind,
        )
        if self.keeper is not None:
            self.keeper.active.restart()
        self._repoint()
        self.rescore()
        self.case_opened.emit()
        self.case_updated.emit(case_id)
        if taken is not None:
            self.told.emit(str(why_not(self.open, self.held)))
        for warning in loaded.warnings:
            self.told.emit(warning)

    def _is_outdated(self, loaded: Loaded) -> bool:
        """Whether a case has another revision since it was read, of this window or of others."""
        store, case_id = self.store, loaded.case.id
        read = 0 if loaded.revision is None else loaded.revision.id
        if self.keeper is not None and self.keeper.newest(case_id) > read:
            return True
        if store is None or not store.shared:
            return False
        latest = store.latest(case_id)
        if latest is None or (loaded.revision is not None and loaded.revision.id == latest.id):
            return False
        self.reviews[case_id] = latest
        self.pasts.pop(case_id, None)
        return True

    def _past(self, loaded: Loaded) -> Past:
        """What led to the case's mask: as this window knows it, else as the journal tells it."""
        case_id = loaded.case.id
        if case_id not in self.pasts:
            if loaded.lost is not None:
                return loaded.past  # which it is, the user has yet to say
            self.pasts[case_id] = loaded.past
            if loaded.past.goes_on and self.keeper is not None:
                self.keeper.goes_on(case_id)
        return self.pasts[case_id]

    def fail(self, case_id: str, error: BaseException) -> None:
        """Tell that a case could not be opened, if it is still wanted."""
        if case_id == self.wanted:
            self.told.emit(error)
            self.case_failed.emit(case_id)

    def begin_blind(self, veil: Veil) -> None:
        """Have a case drawn anew, blind: what is drawn then is no revision of the case."""
        self.flush()
        self._lift_veil()
        self._lower(veil)
        self.want(veil.case_id)

    def end_blind(self) -> None:
        """Show the case as it is again; what was drawn blind must be kept by now."""
        self._lift_veil()
        if self.wanted is not None:
            self.want(self.wanted)

    def _lower(self, veil: Veil) -> None:
        self.resting = None
        veil.scores = self.scores.pop(veil.case_id, None)
        self.veil = veil

    def _lift_veil(self) -> None:
        veil = self.veil
        if veil is None:
            return
        self.look_left.emit()
        self.veil = None
        if veil.scores is not None:
            self.scores[veil.case_id] = veil.scores
        self.case_updated.emit(veil.case_id)

    # -- verdicts -----------------------------------------------------------------------

    def judge(self, status: Status, note: str = "", reason: Reason | None = None) -> None:
        """Give the open case a verdict and keep its mask with it.

        Parameters
        ----------
        status
            The verdict.
        note
            A remark on it.
        reason
            Why a case is rejected.
        """
        if self.open is None:
            return
        if self.open.blind:
            self.told.emit(f"Case {self.open.id} is drawn blind: finish that in Audit first.")
            return
        self.drawing.catch_up()
        if not self.drawing.allowed():
            return
        self.open.status = status
        self.rescore()
        self.keep(verdict=Verdict(note, reason))
        self.case_updated.emit(self.open.id)

    def keep(self, change: Change | None = None, verdict: Verdict | None = None) -> None:
        """Have the open case's state kept; where it cannot be, the user is told."""
        assert self.open is not None
        here, keeper = self.open, self.keeper
        if keeper is None or not keeper.keep(here, change, verdict):
            self.told.emit(why_not(here, self.held) or no_store(here))

    def unsaved(self) -> list[str]:
        """Ids of the cases whose newest state is not on disk yet."""
        return [] if self.keeper is None else self.keeper.unsaved()

    def flush(self) -> bool:
        """Have all that was drawn on disk now; False if that failed."""
        self.drawing.catch_up()
        return self.keeper is None or self.keeper.flush()

    def _on_saved(self, folder: Path, revision: Revision) -> None:
        if self._is_open(folder):
            self.reviews[revision.case_id] = revision
            self.saved.emit(revision.case_id)
            self.case_updated.emit(revision.case_id)

    def _on_not_saved(self, folder: Path, error: StoreError) -> None:
        if not self._is_open(folder):
            return
        self.told.emit(error)
        if isinstance(error, ClaimError) and error.case is not None and self.keeper is not None:
            self.pasts.pop(error.case, None)
            self.keeper.lose(error.case)
            if self.open is not None and self.open.id == error.case:
                self.want(error.case)

    def _is_open(self, folder: Path) -> bool:
        """Whether this cohort is still the one under review: its saver may speak later."""
        return self.keeper is not None and self.cohort is not None and self.cohort.folder == folder

    def reread_reviews(self) -> None:
        """Take over what has been kept past this session, as by a bulk acceptance."""
        if self.store is None:
            return
        before, self.reviews = self.reviews, self.store.latest_all()
        new = {id: review for id, review in self.reviews.items() if before.get(id) != review}
        drawn = {id for id, review in new.items() if review.tool == ACCEPT}
        for case_id in drawn:
            self.pasts.pop(case_id, None)
            if self.keeper is not None:
                self.keeper.begins_anew(case_id)
        here = self.open
        if here is not None and here.id in new:
            here.status = new[here.id].status
        self.scores_changed.emit()
        if here is not None and here.id in drawn and self.veil is None:
            self.want(here.id)

    # -- predictions and scores ---------------------------------------------------------

    def use_predictions(self, predictions: Predictions | None) -> None:
        """Show another ensemble's predictions; the ones before become the second."""
        before = self.predictions
        self.thresholds.clear()
        if before and predictions and predictions.folder != before.folder:
            self.use_pair(before, predictions)
            return
        self.predictions = predictions
        self.predictions_changed.emit()

    def use_pair(self, second: Predictions | None, predictions: Predictions | None) -> None:
        """Show one ensemble's predictions beside a second one's, such as the one before."""
        self.second, self.predictions = second, predictions
        self.thresholds.clear()
        self.scores = {
            case_id: Scores(curated=scores.curated, curated_iou=scores.curated_iou)
            for case_id, scores in self.scores.items()
        }
        self.predictions_changed.emit()

    def threshold_for(self, organ: str) -> float:
        """Threshold of the shown prediction: the one being tried, else the ensemble's."""
        return self.sources.threshold_for(organ)

    def threshold_of(self, organs: Iterable[str]) -> dict[str | tuple[str, str], float]:
        """The same of several organs, and of their data sources that have their own."""
        return self.sources.threshold_of(organs)

    def try_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Have organs' predictions become masks at these thresholds; others at their own."""
        self.thresholds = dict(thresholds)
        if self._repoint():
            self.rescore(curated=False)
            self.prediction_changed.emit()
        self.thresholds_changed.emit()

    def _repoint(self) -> bool:
        """Have the open case's prediction follow the thresholds; False if nothing changes."""
        here = self.open
        if here is None or here.predicted is None:
            return False
        try:
            point = self.sources.point_for(here.loaded.case)
        except TrainerError as error:
            self.told.emit(error)
            return False
        return here.repoint(point)

    def put_prediction(
        self,
        case_id: str,
        predicted: Predicted | None,
        second: Predicted | None = None,
        *,
        remixed: bool = False,
    ) -> None:
        """Show both ensembles' predictions on the open case, if it is still that case.

        `remixed` tells that the first is another mix of members than the one that is kept.
        """
        if self.open is None or self.open.id != case_id or self.open.blind:
            return
        self.open.predicted, self.open.second, self.open.remixed = predicted, second, remixed
        self._repoint()
        self.rescore()
        self.prediction_changed.emit()
        self.case_updated.emit(case_id)

    def put_scores(self, case_id: str, scores: Scores) -> None:
        """Take the scores of a case that were computed from what is kept."""
        if self.veil is not None and not self.veil.take({case_id: scores}):
            return
        if self.open is not None and self.open.id == case_id:
            here = self.open.scores
            scores = replace(scores, curated=here.curated, curated_iou=here.curated_iou)
        self.scores[case_id] = scores
        self.case_updated.emit(case_id)

    def put_many_scores(self, scores: Mapping[str, Scores]) -> None:
        """Take many cases' scores at once, as when a threshold is tried."""
        self.scores.update(scores if self.veil is None else self.veil.take(scores))
        self.scores_changed.emit()

    def rescore(self, *, curated: bool = True, prediction: bool = True) -> None:
        """Compare the open case's masks with truth; those that are not named are as before."""
        assert self.open is not None
        if self.open.blind:
            return
        known = self.scores.get(self.open.id, Scores())
        self.scores[self.open.id] = self.open.rescore(known, curated=curated, prediction=prediction)


def _and_more(cohort: Cohort) -> TrainerError:
    more = len(cohort.problems) - TOLD
    return TrainerError(
        f"{more} more of its rows have a problem",
        file=cohort.csv,
        remedy="see the rows marked ⚠, or run any `hubmap-trainer` command to read all",
    )
