"""What is open, what changed, and what the user said of it; without Qt and without napari."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from hubmap_viewer.loading import Loaded, Predicted, Sources
from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.saving import Draft, Saver
from hubmap_viewer.scores import Scores
from hubmap_viewer.veil import Veil
from trainer.data.case import Mask
from trainer.data.cohort import Cohort
from trainer.data.edits import Box, Edit, History
from trainer.data.predictions import Predictions
from trainer.data.store import ACCEPT, Revision, Status, Store
from trainer.errors import StoreError, TrainerError

TOLD = 3
"""Problems of a cohort that are told one by one; a folder without images has one a case."""


class Session:
    """One cohort under review.

    Every change goes through a method here and is told by a signal; signals
    are emitted in the thread that owns the session.

    Parameters
    ----------
    post
        Has a function called in the thread that owns the session.
    """

    cohort_opened = Signal()
    case_wanted = Signal(str)
    """The id of a case that is to be loaded."""
    case_opened = Signal()
    case_failed = Signal(str)
    """The id of a case that could not be opened; the one before stays open."""
    mask_changed = Signal(object)
    """The Box of the curated mask that changed other than by painting on the canvas."""
    curated_changed = Signal()
    """The curated mask changed, by whatever means: its scores are new."""
    prediction_changed = Signal()
    """The open case's prediction is another."""
    predictions_changed = Signal()
    """Other predictions are shown for the whole cohort, or another second ensemble's."""
    thresholds_changed = Signal()
    """An organ's threshold was tried; the open case's prediction follows by itself."""
    queue_changed = Signal()
    """Next and previous go through other cases, or in another order."""
    framed = Signal(object)
    """A box of the open case's image that the canvas is to go to."""
    scores_changed = Signal()
    """Many cases' scores are new at once."""
    selection_changed = Signal()
    case_updated = Signal(str)
    """The id of a case whose status or scores are new."""
    look_left = Signal()
    """The case that is drawn blind is about to go: now or never its drawing is kept."""
    leaving = Signal()
    """The window is about to close: what is to be remembered is to be kept now."""
    saved = Signal(str)
    told = Signal(object)
    """A sentence for the user: a str, or the TrainerError that says it."""

    def __init__(self, post: Callable[[Callable[[], None]], None] = lambda call: call()) -> None:
        self._post = post
        self.cohort: Cohort | None = None
        self.store: Store | None = None
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
        self._histories: dict[str, History] = {}
        self._saver: Saver | None = None

    @property
    def sources(self) -> Sources:
        """Where masks are read from; a cohort must be open."""
        if self.cohort is None:
            raise TrainerError("no cohort is open", remedy="open a cohort's folder first")
        return Sources(
            self.cohort, self.store, self.predictions, self.second, dict(self.thresholds)
        )

    # -- the cohort ---------------------------------------------------------------------

    def open_cohort(self, cohort: Cohort) -> None:
        """Show another cohort; what was drawn on the last one is saved first."""
        self.close()
        self.cohort = cohort
        self.predictions = self.second = None
        self.thresholds.clear()
        self.scores.clear()
        self._histories.clear()
        self._place = 0
        self.wanted, self.open = None, None
        self._open_store(cohort.folder)
        self.queue = tuple(cohort.cases)
        self.selected = ()
        self.cohort_opened.emit()
        for problem in cohort.problems[:TOLD]:
            self.told.emit(problem)
        if len(cohort.problems) > TOLD:
            self.told.emit(_and_more(cohort))

    def close(self) -> bool:
        """Save what is not saved yet; False if that failed."""
        self._note_painting()
        self._lift_veil()
        saver, self._saver = self._saver, None
        done = saver is None or saver.close()
        if self.store is not None:
            self.store.close()
            self.store = None
        return done

    def _open_store(self, folder: Path) -> None:
        self.reviews = {}
        try:
            self.store = Store.for_cohort(folder)
            self.reviews = self.store.latest_all()
        except StoreError as error:
            self.store = None
            self.told.emit(error)
            return
        self._saver = Saver(
            self.store,
            saved=lambda revision: self._post(lambda: self._on_saved(folder, revision)),
            failed=lambda error: self._post(lambda: self._on_not_saved(folder, error)),
        )

    def status(self, case_id: str) -> Status:
        """The verdict on a case, the one just given included."""
        if self.open is not None and self.open.id == case_id:
            return self.open.status
        draft = self._saver.pending(case_id) if self._saver else None
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
        pending = self._saver is not None and self._saver.pending(case_id) is not None
        return pending or case_id in self.reviews

    # -- the case -----------------------------------------------------------------------

    def want(self, case_id: str) -> None:
        """Ask for a case; the one that is asked for last is the one that opens."""
        self._note_painting()
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
        draft = self._saver.pending(case_id) if self._saver else None
        blind = self.veil is not None
        if blind and self.open is not None and self.open.blind and self.open.id == case_id:
            self.case_opened.emit()
            return
        if self.veil is not None:
            loaded, draft = self.veil.over(loaded), None
        self.open = OpenCase(
            loaded=loaded,
            curated=loaded.curated if draft is None else draft.mask.copy(),
            history=History() if blind else self._histories.setdefault(case_id, History()),
            tool=loaded.origin,
            predicted=loaded.predicted,
            second=loaded.second,
            status=loaded.status if draft is None else draft.status,
            blind=blind,
        )
        self.open.rethreshold(self.threshold_for(loaded.case.organ))
        self._rescore()
        self.case_opened.emit()
        self.case_updated.emit(case_id)
        for warning in loaded.warnings:
            self.told.emit(warning)

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

    # -- edits --------------------------------------------------------------------------

    def painted(self, tool: str, box: Box | None = None) -> None:
        """Take note of what has been painted on ``curated`` inside the box."""
        if self.open is not None and self.open.note(tool, box) is not None:
            self._touched()

    def take(self, side: str) -> None:
        """Replace the curated mask by ``truth``, by ``prediction``, or by ``nothing``."""
        if self.open is None:
            return
        mask = self.open.side(side)
        if mask is None:
            self.told.emit(f"Case {self.open.id} has no {side} to start from.")
            return
        self._note_painting()
        self._changed(self.open.become(mask, side), f"The curated mask is {side} already.")

    def undo(self) -> None:
        """Take the open case's last edit back."""
        self._travel("undo", History.undo)

    def redo(self) -> None:
        """Make the open case's last undone edit again."""
        self._travel("redo", History.redo)

    def _travel(self, word: str, move: Callable[[History, Mask], Edit | None]) -> None:
        if self.open is not None:
            self._note_painting()
            nothing = f"Nothing to {word} on case {self.open.id}."
            self._changed(self.open.travel(move, word), nothing)

    def _note_painting(self) -> None:
        """Catch what has been drawn without a word, so that nothing drawn is lost."""
        self.painted("paint")

    def _changed(self, edit: Edit | None, otherwise: str) -> None:
        if edit is None:
            self.told.emit(otherwise)
        else:
            self.mask_changed.emit(edit.box)
            self._touched()

    def _touched(self) -> None:
        assert self.open is not None
        here = self.open
        if here.blind:
            self.curated_changed.emit()
            return
        if here.status == "accepted":
            here.status = "in work"
            self.told.emit(f"Case {here.id} was changed: it is no longer accepted.")
        self._rescore()
        self._keep()
        self.curated_changed.emit()
        self.case_updated.emit(here.id)

    # -- verdicts -----------------------------------------------------------------------

    def judge(self, status: Status, note: str = "") -> None:
        """Give the open case a verdict and keep its mask with it."""
        if self.open is None:
            return
        if self.open.blind:
            self.told.emit(f"Case {self.open.id} is drawn blind: finish that in Audit first.")
            return
        self._note_painting()
        self.open.status = status
        self._rescore()
        self._keep(note, urgent=True)
        self.case_updated.emit(self.open.id)

    def _keep(self, note: str = "", *, urgent: bool = False) -> None:
        assert self.open is not None
        here = self.open
        if self._saver is None:
            self.told.emit(
                TrainerError(
                    "nothing can be kept here",
                    case=here.id,
                    remedy="copy the cohort to a folder that can be written and open that",
                )
            )
            return
        mask = here.curated.copy()
        self._saver.submit(Draft(here.id, mask, here.tool, here.status, note, urgent))

    def unsaved(self) -> list[str]:
        """Ids of the cases whose newest state is not on disk yet."""
        return [] if self._saver is None else self._saver.unsaved()

    def flush(self) -> bool:
        """Have all that was drawn on disk now; False if that failed."""
        self._note_painting()
        return self._saver is None or self._saver.flush()

    def _on_saved(self, folder: Path, revision: Revision) -> None:
        if self._is_open(folder):
            self.reviews[revision.case_id] = revision
            self.saved.emit(revision.case_id)
            self.case_updated.emit(revision.case_id)

    def _on_not_saved(self, folder: Path, error: StoreError) -> None:
        if self._is_open(folder):
            self.told.emit(error)

    def _is_open(self, folder: Path) -> bool:
        """Whether this cohort is still the one under review: its saver may speak later."""
        return self._saver is not None and self.cohort is not None and self.cohort.folder == folder

    def reread_reviews(self) -> None:
        """Take over what has been kept past this session, as by a bulk acceptance."""
        if self.store is None:
            return
        before, self.reviews = self.reviews, self.store.latest_all()
        new = {id: review for id, review in self.reviews.items() if before.get(id) != review}
        drawn = {id for id, review in new.items() if review.tool == ACCEPT}
        for case_id in drawn:
            self._histories.pop(case_id, None)
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

    def try_thresholds(self, thresholds: Mapping[str, float]) -> None:
        """Have organs' predictions become masks at these thresholds; others at their own."""
        self.thresholds = dict(thresholds)
        here = self.open
        if here is not None and here.rethreshold(self.threshold_for(here.loaded.case.organ)):
            self._rescore()
            self.prediction_changed.emit()
        self.thresholds_changed.emit()

    def put_prediction(
        self, case_id: str, predicted: Predicted | None, second: Predicted | None = None
    ) -> None:
        """Show both ensembles' predictions on the open case, if it is still that case."""
        if self.open is None or self.open.id != case_id or self.open.blind:
            return
        self.open.predicted, self.open.second = predicted, second
        self.open.rethreshold(self.threshold_for(self.open.loaded.case.organ))
        self._rescore()
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

    def _rescore(self) -> None:
        assert self.open is not None
        if self.open.blind:
            return
        known = self.scores.get(self.open.id, Scores())
        self.scores[self.open.id] = self.open.rescore(known)


def _and_more(cohort: Cohort) -> TrainerError:
    more = len(cohort.problems) - TOLD
    return TrainerError(
        f"{more} more of its rows have a problem",
        file=cohort.csv,
        remedy="see the rows marked ⚠, or run any `hubmap-trainer` command to read all",
    )
