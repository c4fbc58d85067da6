"""How many actions a case costs: by brush alone, by our tools, and with sides to take."""

from __future__ import annotations

import csv
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import CohortError, MaskError, TrainerError
from trainer.predict.postprocess import OperatingPoint, cut, enlarged
from trainer.review.masks import Predicted
from trainer.study.corruption import corrupt
from trainer.study.effort_case import CAP, MODES, Job, Mode, Review, reviews
from trainer.tools.scene import Scene

PROCESSES = 2
"""At most."""

_PATIENCE = 0.5
"""Seconds between two looks at whether the user wishes to stop."""

ASSUMPTIONS = (
    "An action is a click, a stroke of a brush or a cut, a lasso, a key at a finding, a whole-case"
    " setting kept, or one step of the wheel; a disc of the brush has any place and radius.",
    "The simulated reviewer sees every difference from the reference as exactly as the reference"
    " has it, and takes the action that gains most Dice for its cost, or one that ends the work;"
    " a lasso is drawn roughly.",
    "Who has more tools need not use them: where they led the longer way, the way without them is"
    " counted (shorter_without says how often).",
    "Done is Dice at the target or a unit F1 of 1 (units match where their intersection is more"
    " than half of their union; below 1/20,000 of the image they do not count).",
    "Take-a-side offers the prediction and a corrupted copy of the reference, in which a third of"
    " the units is dropped, merged, shifted or invented.",
    "What one key suggests is made of that copy and the prediction by the function that the window"
    " calls; its one figure was chosen on colon glands and glomeruli corrupted otherwise.",
    f"A case that is not done after {CAP} actions, or where no action gains, counts as {CAP}.",
)
"""What the figures rest on, to be said beside them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is counted.

    Attributes
    ----------
    target
        Dice to reach, 0 to 1.
    seed
        Decides how truths are corrupted.
    """

    target: float = 0.95
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CaseEffort:
    """A case and what it cost in each mode."""

    case_id: str
    organ: str
    reviews: dict[Mode, Review]


@dataclass(frozen=True, slots=True)
class Figures:
    """What an organ's cases cost in one mode.

    Attributes
    ----------
    median, p90
        Of actions a case.
    actions
        By kind, over all cases.
    cases
        How many.
    undone
        Of these, how many were not done; they count as `CAP` actions.
    shorter_without
        Cases that count as in the mode before, because that took fewer actions.
    """

    median: float
    p90: float
    actions: dict[str, int]
    cases: int
    undone: int
    shorter_without: int


def run(
    cohort: Cohort, predictions: Predictions, plan: Plan, case_ids: Sequence[str]
) -> Generator[CaseEffort | str | None]:
    """Review cases in every mode, in two processes at most, in the order of the cases.

    Parameters
    ----------
    cohort
        Its truths are the reference.
    predictions
        Where the reviews begin.
    plan
        What is counted.
    case_ids
        Cases with a truth and a prediction that no member was trained on.

    Yields
    ------
    A case's result, or why there is none; None while it takes a while, so that a caller can
    stop. The processes end when the iterator is closed.
    """
    work = partial(_attempt, cohort, predictions, plan)
    processes = min(PROCESSES, os.cpu_count() or 1, len(case_ids))
    if processes < 2:
        yield from map(work, case_ids)
        return
    with _deaf():
        pool = multiprocessing.get_context("spawn").Pool(processes, _alone)
    with pool:
        waiting = pool.imap(work, case_ids)
        for _ in case_ids:
            yield from _awaited(waiting.next)


def _awaited(
    get: Callable[[float], CaseEffort | str],
) -> Iterator[CaseEffort | str | None]:
    """The next result, after a None for every while that it is not there."""
    while True:
        try:
            yield get(_PATIENCE)
        except multiprocessing.TimeoutError:
            yield None
        else:
            return


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes begun here never hear Ctrl+C: their parent does, and ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _alone() -> None:
    """Leave the other processor to the other process."""
    cv2.setNumThreads(1)


def _attempt(
    cohort: Cohort, predictions: Predictions, plan: Plan, case_id: str
) -> CaseEffort | str:
    try:
        job = job_of(cohort, predictions, plan, case_id)
    except TrainerError as error:  # its sentence, as an error does not cross processes whole
        return str(error)
    return CaseEffort(case_id, cohort.cases[case_id].organ, reviews(job))


def job_of(cohort: Cohort, predictions: Predictions, plan: Plan, case_id: str) -> Job:
    """What the reviewer of a case is given.

    Raises
    ------
    TrainerError
        If the image, the truth or the prediction cannot be read, or do not fit.
    """
    case = cohort.cases[case_id]
    reference = cohort.truth(case_id)
    if reference is None:
        raise MaskError("there is no truth", file=cohort.csv, case=case_id)
    levels = enlarged(Predicted(cohort, predictions).prediction(case_id))
    point = OperatingPoint.of(predictions.masking, case)
    mask, image = cut(levels, point), cohort.image(case_id)
    scene = Scene(mask, image, levels, point.threshold, case.pixel_size)
    shown, _ = corrupt(reference, np.random.default_rng([plan.seed, *case_id.encode()]))
    return Job(scene, reference, shown, plan.target)


def candidates(cohort: Cohort, predictions: Predictions) -> tuple[list[str], int]:
    """Cases with a truth and a prediction, and how many more were left out as seen in training.

    Raises
    ------
    CohortError
        If there are none.
    """
    ids = predictions.ids()
    both = [case.id for case in cohort.cases.values() if case.has_truth and case.id in ids]
    unseen: list[str] = []
    for case_id in both:
        prediction = predictions.read(case_id)
        if prediction is not None and not prediction.in_sample:
            unseen.append(case_id)
    if not unseen:
        raise CohortError(
            "no case has both a truth and a prediction that was not trained on it",
            file=cohort.folder,
            remedy="name the oof folder of a run on this cohort",
        )
    return unseen, len(both) - len(unseen)


def by_organ(efforts: Sequence[CaseEffort]) -> dict[str, dict[Mode, Figures]]:
    """Figures of each organ and mode."""
    organs: dict[str, list[CaseEffort]] = {}
    for one in efforts:
        organs.setdefault(one.organ, []).append(one)
    return {
        organ: {mode: _figures(organs[organ], mode) for mode in MODES} for organ in sorted(organs)
    }


def _figures(efforts: Sequence[CaseEffort], mode: Mode) -> Figures:
    told = [one.reviews[mode] for one in efforts]
    costs = [one.cost for one in told]
    kinds = sum((one.kinds() for one in told), Counter[str]())
    return Figures(
        median=float(np.median(costs)),
        p90=float(np.percentile(costs, 90)),
        actions=dict(kinds.most_common()),
        cases=len(told),
        undone=sum(not one.is_done for one in told),
        shorter_without=sum(one.is_without for one in told),
    )


def write(efforts: Sequence[CaseEffort], folder: Path) -> None:
    """Write ``cases.csv``, a row a case and mode, and ``actions.csv``, a row an action.

    Raises
    ------
    ExportError
        If they cannot be written; the earlier ones are then still there.
    """
    with replacing(folder / "cases.csv") as draft, draft.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "organ", "mode", "begun", "dice", "f1", "actions", "done"))
        for one in efforts:
            for mode, told in one.reviews.items():
                marks = (f"{mark:.4f}" for mark in (told.begun, told.dice, told.f1))
                rows.writerow((one.case_id, one.organ, mode, *marks, told.cost, told.is_done))
    with replacing(folder / "actions.csv") as draft, draft.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "mode", "step", "kind", "cost", "dice"))
        for one in efforts:
            for mode, told in one.reviews.items():
                for step, action in enumerate(told.actions, start=1):
                    facts = action.kind, action.cost, f"{action.dice:.4f}"
                    rows.writerow((one.case_id, mode, step, *facts))
