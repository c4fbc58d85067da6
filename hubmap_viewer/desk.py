"""Joins a session to a window: who loads, who draws, who is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari.utils.color import ColorValue
from napari.utils.notifications import notification_manager, show_error, show_warning
from napari.viewer import Viewer
from psygnal import Signal

from hubmap_viewer import keys, library, remembered
from hubmap_viewer.engine import Engine
from hubmap_viewer.finding_layer import FindingLayer
from hubmap_viewer.jobs import Job, Jobs, post
from hubmap_viewer.layers import CaseLayers
from hubmap_viewer.loading import load_predictions
from hubmap_viewer.members import Members, MixAll
from hubmap_viewer.open_case import OpenCase
from hubmap_viewer.predicting import Predicting
from hubmap_viewer.prefetch import Prefetch
from hubmap_viewer.preview import Preview
from hubmap_viewer.preview_layer import PreviewLayer
from hubmap_viewer.recipe_preview import RecipePreview
from hubmap_viewer.recovery import Recovery
from hubmap_viewer.refining import Refining
from hubmap_viewer.reviewing import Reviewing
from hubmap_viewer.scores import Scores, score, score_all
from hubmap_viewer.session import Session
from hubmap_viewer.side_by_side import SideBySide
from hubmap_viewer.timeline import Timeline
from hubmap_viewer.tool_mouse import ToolMouse
from hubmap_viewer.toolbox import Toolbox
from hubmap_viewer.whole_case import WholeCase
from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.errors import Cancelled, TrainerError


@dataclass(frozen=True, slots=True)
class ScoreStep:
    """One case was scored."""

    done: int
    total: int
    case_id: str
    scores: Scores | TrainerError


class Desk:
    """One viewer's session, layers and jobs.

    Attributes
    ----------
    session
        What is open; the docks hear it.
    jobs
        Work under way.
    """

    found_ensembles = Signal()
    """There may be other ensembles on disk than before."""
    ensemble_wanted = Signal(object)
    """The YAML of the ensemble that is to predict."""
    closing = Signal()

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.jobs = Jobs()
        self.engine = Engine()
        self.session = Session(post)
        self.layers = CaseLayers(viewer, self.session)
        self.review = Reviewing.of(
            self.session, self.jobs.call_when_drawn, post, self.jobs.when_drawn
        )
        self.finding_layer = FindingLayer(viewer, self.session)
        self.review.findings.chosen.connect(self.finding_layer.show)
        self.review.findings.pulsed.connect(self.finding_layer.fade)
        self._scoring: Job[ScoreStep] | None = None
        self.keys, key_problems = keys.chosen_keys()
        self.toolbox = Toolbox(self.session, lambda: self.layers.curated.brush_size)
        self.preview = Preview(self.session, self.jobs.call)
        self.preview_layer = PreviewLayer(viewer, self.session, self.layers, self.preview)
        refining = Refining(self.engine.refine, self.jobs.call_aside)
        self.closing.connect(refining.drop)
        self.members = Members(self.session, self.jobs.call, self.preview, refining)
        self.predicting = Predicting(self.session, self.jobs, self.engine)
        self.predicting.began.connect(self.members.made_by)
        self.predicting.shown.connect(self.show_predictions)
        self.predicting.predicted.connect(self.on_predicted)
        self.predicting.member_kept.connect(self.members.arrived)
        self.members.mix_wanted.connect(self._mix_all)
        # not by the engine that predicts: nobody waits for hundreds of cases to see a few crops
        self.recipe_preview = RecipePreview(self.session, self.jobs, Engine())
        self.timeline = Timeline(self.session, self.jobs.call, self.preview)
        self.recovery = Recovery(self.session, self.jobs.call, self.preview)
        self.whole_case = WholeCase(self.session, self.jobs.call, self.preview)
        self.tool_mouse = ToolMouse(viewer, self.session, self.layers, self.toolbox)
        self.actions = {
            **keys.session_keys(self.session, self.review.deciding),
            **keys.finding_keys(self.review.findings),
            **keys.tool_keys(self.toolbox),
            keys.WHOLE_CASE: self.whole_case.asked.emit,
        }
        keys.bind_actions(viewer, self.actions, self.keys)
        keys.bind_layers(viewer, self.session, self.layers, self.keys)
        self.layers.bind(self.keys[keys.NO_TOOL], self.tool_mouse.escape)
        self.side_by_side = SideBySide(viewer, self.session, self.layers)
        self.preview.changed.connect(self.side_by_side.changed.emit)
        viewer.bind_key(self.keys[keys.SIDE_BY_SIDE], self.side_by_side.on_key, overwrite=True)
        self.session.told.connect(self.tell)
        self.ahead = Prefetch(self.session, self.jobs.call_when_drawn)
        self.session.case_wanted.connect(self._load)
        self.session.case_opened.connect(self._caption)
        # the mask is drawn first: napari builds the text's box anew
        self.session.curated_changed.connect(lambda: self.jobs.when_drawn(self._caption))
        self.session.prediction_changed.connect(self._caption)
        self.session.predictions_changed.connect(self._reread_predictions)
        for problem in key_problems:
            self.tell(TrainerError(problem.rstrip(".")))
        viewer.canvas.overlays.scale_bar.visible = True
        viewer.canvas.overlays.scale_bar.position = "bottom_right"

    # -- opening --------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a cohort's folder or csv, and its first case; errors are told."""
        self.viewer.status = f"Opening {path} …"
        self.jobs.call(partial(Cohort.open, path), self._opened, self.tell)

    def _opened(self, cohort: Cohort) -> None:
        self.session.open_cohort(cohort)
        kept = library.predictions(cohort.folder)
        if kept:
            self.show_predictions(kept[0].path)
        before = remembered.load(cohort.folder).case
        there = (before, *self.session.queue, *cohort.cases)
        sound = (id for id in there if id in cohort.cases and not cohort.cases[id].problem)
        first = next(sound, None)
        if first is not None:
            self.session.want(first)

    def show_predictions(self, folder: Path) -> None:
        """Show the predictions kept in a folder; errors are told."""
        try:
            self.session.use_predictions(Predictions.open(folder))
        except TrainerError as error:
            self.tell(error)

    # -- a case ---------------------------------------------------------------------------

    def _load(self, case_id: str) -> None:
        self.viewer.status = f"Opening case {case_id} …"
        self.ahead.load(case_id, self.session.put, partial(self.session.fail, case_id))

    def _caption(self) -> None:
        here = self.session.open
        overlay = self.viewer.canvas.overlays.text
        overlay.visible = here is not None
        if here is None:
            return
        self.viewer.status = f"Case {here.id}"
        overlay.position = "top_left"
        overlay.font_size = 11
        overlay.box = True
        overlay.box_color = ColorValue("#000000b0")
        # its own choice is as transparent as the box: grey on grey over glass
        overlay.color = ColorValue("white")
        # napari's box is a few pixels narrower than the text
        overlay.text = "\n".join(f"{line}  " for line in caption(here).splitlines())

    # -- predictions ----------------------------------------------------------------------

    def reread_prediction(self) -> None:
        """Show what is kept of the open case's prediction now."""
        here = self.session.open
        if here is None:
            return
        case_id = here.id
        self.jobs.call(
            partial(load_predictions, self.session.sources, case_id),
            lambda both: self.session.put_prediction(case_id, *both),
            self.tell,
        )

    def _reread_predictions(self) -> None:
        self.reread_prediction()
        self.rescore()

    def on_predicted(self, case_id: str) -> None:
        """A case's prediction has just been kept: show and score it."""
        self.ahead.forget(case_id)
        here = self.session.open
        if here is not None and here.id == case_id:
            self.reread_prediction()
            return
        self.jobs.call(
            partial(score, self.session.sources, case_id),
            partial(self.session.put_scores, case_id),
            self.tell,
        )

    def _mix_all(self, wish: MixAll) -> None:
        self.predicting.start(
            wish.ensemble, wish.cases, keep_members=True, members_from=wish.members_from
        )

    def on_trained(self, run: Path) -> None:
        """A run is finished: its out-of-fold predictions stand beside those shown before."""
        self.found_ensembles.emit()
        if (run / OUT_OF_FOLD).is_dir():
            self.show_predictions(run / OUT_OF_FOLD)

    def rescore(self) -> None:
        """Score the cases that have a prediction or a review, in the background."""
        if self._scoring is not None:
            self._scoring.cancel()
        session = self.session
        sources = session.sources
        predicted = set() if session.predictions is None else session.predictions.ids()
        there = predicted | set(session.reviews)
        cases = sources.cohort.cases.values()
        ids = [case.id for case in cases if case.id in there]

        def steps(_cancelled: object) -> Iterator[ScoreStep]:
            for done, (case_id, scores) in enumerate(score_all(sources, ids), start=1):
                yield ScoreStep(done, len(ids), case_id, scores)

        self._scoring = self.jobs.start("Comparing masks", steps)
        self._scoring.stepped.connect(self._scored)
        self._scoring.ended.connect(self._told_end)

    def _scored(self, step: ScoreStep) -> None:
        if isinstance(step.scores, Scores):
            self.session.put_scores(step.case_id, step.scores)

    def _told_end(self, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, Cancelled):
            self.tell(error)

    # -- telling --------------------------------------------------------------------------

    def tell(self, message: str | BaseException) -> None:
        """Tell the user: a hint in the status bar, a problem as a notification."""
        if isinstance(message, str):
            self.viewer.status = message
        elif isinstance(message, TrainerError):
            show_warning(str(message))
        elif isinstance(message, Exception):
            notification_manager.receive_error(type(message), message, message.__traceback__)
        else:
            show_error(repr(message))

    def close(self) -> bool:
        """Stop all work and save what was drawn; False if that failed."""
        self.closing.emit()
        self.jobs.close()
        self.engine.close()
        self.recipe_preview.close()
        return self.session.close()


def caption(here: OpenCase) -> str:
    """What stands over the canvas: which case, and how its masks agree with truth (Dice)."""
    case, scores = here.loaded.case, here.scores
    if here.blind:
        return f"{case.id} · {case.organ}\nblind second look"
    if scores.curated is None:
        return f"{case.id} · {case.organ}\nno truth"
    seen = " (seen in training)" if scores.in_sample else ""
    before = "–" if scores.prediction is None else f"{scores.prediction:.3f}{seen}"
    return f"{case.id} · {case.organ}\nDice: prediction {before} → curated {scores.curated:.3f}"
