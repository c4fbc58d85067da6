"""A whole training: folds to members, members to an ensemble, and what it is worth."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD
from trainer.data.store import Store
from trainer.model.network import check
from trainer.predict.colours import Colours
from trainer.predict.device import choose, describe
from trainer.predict.ensemble import Predictor
from trainer.settings import Recipe
from trainer.train import logbooks, lone, report, side_by_side
from trainer.train.dataset import Sample
from trainer.train.dyes import Dyes
from trainer.train.guesses import predicted, scored
from trainer.train.labels import Versioned
from trainer.train.material import Material, gather
from trainer.train.member import Task, train_member
from trainer.train.precision import choose as choose_precision
from trainer.train.processes import Processes
from trainer.train.progress import Progress, Tell, tell_nobody
from trainer.train.pseudo import Teacher
from trainer.train.record import PSEUDO, Record, now
from trainer.train.reserve import seconds_to_predict
from trainer.train.warm import Parent
from trainer.train.watch import Fold

_LEARNING = 0.5
"""Share of the recipe's minutes that is kept for learning, however long predicting takes."""

NOTHING_HELD_OUT = (
    "One member of all cases: none is held out,"
    " so there are no out-of-fold predictions and no Dice."
)


@dataclass(frozen=True, slots=True)
class Run:
    """What a training leaves.

    Attributes
    ----------
    folder
        An ensemble as well: its ``ensemble.yaml`` names the members.
    scores
        Of the out-of-fold predictions, by case; of those whose label a person made.
    report
        The same by organ; the last row is of all cases.
    """

    folder: Path
    scores: tuple[report.Score, ...]
    report: tuple[report.Row, ...]


def run(
    cohort: Cohort,
    recipe: Recipe,
    out: Path,
    *,
    curated: Store | None = None,
    device: str | None = None,
    devices: int = 1,
    progress: Tell = tell_nobody,
    parent: Path | None = None,
    teacher: Path | None = None,
) -> Run:
    """Train an ensemble on a cohort, a member a fold, and measure it on what each did not see.

    Cases that the cohort's ``duplicates.csv`` or ``patients.csv`` groups stay in one fold. Cases
    without a label are not part of it; cases that cannot be read are told and left out. A training
    that was stopped or killed is taken up where each fold's last epoch ended, if `out`, the
    recipe, the labels, the folds and `parent` are the same. `trainer.train.rounds.train` also does
    the rounds that the recipe's ``pseudo`` asks for.

    Parameters
    ----------
    cohort, recipe
        What to train on, and how.
    out
        The run's folder, made if need be.
    curated
        Whose accepted masks take their cases' truth's place; None for truth alone.
    device
        A name of `trainer.predict.device.available`; None chooses the fastest kind.
    devices
        Of that kind, that train each member together; torchrun's own number goes first. Each
        has a process, which calls this too: only the first one writes, and returns scores.
    progress
        Hears how far it is; may raise `Cancelled`. Finished folds then stay usable, and finished
        epochs are gone on from.
    parent
        Folder of a run whose members these go on from; None to start afresh.
    teacher
        Folder of an earlier round, whose predictions are learned from.

    Raises
    ------
    CohortError
        If another cohort that the recipe names, ``duplicates.csv`` or ``patients.csv`` cannot
        be read.
    SettingsError, ImageError
        If `out` holds something else, there is no such network, references of stains are
        missing or of no use, there are no folds as the recipe wants them, or every member of
        `parent` has seen what a fold holds out.
    Cancelled
        If `progress` raised it.
    DeviceError
        If there is no such device, or its memory does not suffice.
    """
    started = time.monotonic()
    place = choose(device)
    check(recipe.network)
    logbooks.check(recipe)
    processes = Processes.of(devices)
    remark = lone.check(recipe, processes.share_of(recipe))
    if remark is not None and processes.leads:
        progress(Progress("reading", 0.0, remark=remark))
    Dyes(recipe.augmentation)  # before images are read: a missing reference is told at once
    Colours(recipe.ensemble.tta_stains, out)
    begun = None if parent is None else Parent.open(parent)
    record = Record(out, recipe, joins=not processes.leads)
    training = _Training(record, recipe, place, started, progress, processes, begun)
    if not processes.leads:
        _follow(cohort, curated, replace(training, tell=tell_nobody))
        return Run(out, (), ())
    with _tidied(record):
        with tempfile.TemporaryDirectory(prefix=".images-", dir=out) as scratch:
            material = gather(cohort, curated, recipe, Path(scratch), progress)
            training.begin(material)
            if teacher is not None:
                taught = Teacher(teacher, out / PSEUDO, Path(scratch), place, progress)
                training = replace(training, teacher=taught)
            training.keep_time(material).fit_all(material)
        result = _measure(record, material, place, progress)
        record.facts |= {"finished": now(), "seconds": round(time.monotonic() - started)}
        record.write()
    return result


def _follow(cohort: Cohort, curated: Store | None, training: _Training) -> None:
    """Train along with the first process, and write nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        material = gather(cohort, curated, training.recipe, Path(scratch), tell_nobody)
        training.record.facts |= training.precision()
        training.fit_all(material)


@dataclass(frozen=True, slots=True)
class _Training:
    """All folds of a run."""

    record: Record
    recipe: Recipe
    device: torch.device
    started: float
    tell: Tell
    processes: Processes
    parent: Parent | None
    teacher: Teacher | None = None
    predicting: float = 0.0

    def begin(self, material: Material) -> None:
        """Write down what the training is made of."""
        labels, own = material.labels, material.own
        read = {sample.case.id for sample in own}
        used = {key: rev.id for key, rev in labels.revisions.items() if key in read}
        start = None if self.parent is None else self.parent.told()
        self.record.begin(own, material.folds.fold_of, used, start, material.external)
        self.record.facts |= {
            "labels": {
                sample.case.id: {"origin": labels.origin(sample.case.id), "weight": sample.weight}
                for sample in own
            },
            "device": describe(self.device),
            **self.precision(),
        }
        if "pseudo_labels" in self.record.earlier:
            self.record.facts["pseudo_labels"] = self.record.earlier["pseudo_labels"]

    def precision(self) -> dict[str, object]:
        """In which numbers it trains; a run that is taken up goes on in those it began with."""
        earlier = self.record.earlier
        if earlier.get("device") == describe(self.device) and "precision" in earlier:
            known = ("precision", "precision_seconds")
            return {name: earlier[name] for name in known if name in earlier}
        choice = choose_precision(self.recipe, self.device, self.processes.count == 1)
        return {"precision": choice.precision, "precision_seconds": choice.seconds}

    def keep_time(self, material: Material) -> _Training:
        """The same, with time kept of the recipe's minutes for the out-of-fold predictions."""
        if self.recipe.minutes is None:
            return self
        ids, cohort = sorted(material.folds.measured()), material.labels.cohort
        base = self.record.folder
        wanted = seconds_to_predict(cohort, ids, self.recipe, self.device, self.tell, base)
        return replace(self, predicting=wanted)

    def fit_all(self, material: Material) -> None:
        """Train the members that are not there yet; each is usable as soon as it is trained."""
        left = [one for one in material.folds.trained if one not in self.record.finished_folds()]
        if not left:
            return
        first = self._timed(self._task(material, left[0]), len(left))
        alone = self.processes.count == 1
        count = side_by_side.at_once(first, len(left), self.device) if alone else 1
        if count > 1:
            tasks = [first, *(self._task(material, index) for index in left[1:])]
            waves = math.ceil(len(left) / count)
            timed = [self._timed(task, waves) for task in tasks]
            for start in side_by_side.train_all(timed, count, self.tell):
                self._note(start)
            return
        self._note(train_member(first, self.device, self.tell, self.processes))
        for parts, index in zip(range(len(left) - 1, 0, -1), left[1:], strict=True):
            task = self._timed(self._task(material, index), parts)
            self._note(train_member(task, self.device, self.tell, self.processes))

    def _task(self, material: Material, index: int) -> Task:
        """A member's training, its time not told yet."""
        held_out = material.held_out(index)
        training = self._learned(material, index)
        start = None if self.parent is None else self.parent.member(index, held_out)
        file = self.record.weights(index)
        if self.processes.leads:  # to another's eyes the run's folder is to be empty yet
            file.parent.mkdir(parents=True, exist_ok=True)
        count = max(material.folds.trained) + 1
        fold = Fold(index, training, held_out, file.parent, None, count, start)
        return Task(fold, self.recipe, self.record.facts["precision"], file)

    def _timed(self, task: Task, parts: int) -> Task:
        """The same with its part of the time that is left."""
        return replace(task, fold=replace(task.fold, seconds=self._seconds(parts)))

    def _note(self, start: str) -> None:
        """Write down that one more member is there."""
        if not self.processes.leads:
            return
        self.record.facts["encoder_start"] = start
        self.record.write()
        self.record.write_ensemble()

    def _learned(self, material: Material, fold: int) -> list[Sample]:
        """What the fold's member learns from; pseudo-labelled cases are counted in the record."""
        if self.teacher is None:
            return material.training(fold)
        learned = self.teacher.teach(material, fold, self.recipe.pseudo)
        counts = self.record.facts.setdefault("pseudo_labels", {})
        counts[str(fold)] = sum(sample.is_pseudo for sample in learned)
        return learned

    def _seconds(self, parts: int) -> float | None:
        if self.recipe.minutes is None:
            return None
        seconds = 60 * self.recipe.minutes / (self.recipe.pseudo.rounds + 1)
        budget = max(seconds - self.predicting, _LEARNING * seconds)
        return max(1.0, self.started + budget - time.monotonic()) / parts


def _measure(record: Record, material: Material, device: torch.device, tell: Tell) -> Run:
    """Predict each case by the member that did not see it, and compare with its label."""
    labels, ids = Versioned(material.labels), material.folds.measured()
    if not ids:
        tell(Progress("predicting", 1.0, remark=NOTHING_HELD_OUT))
        record.write_ensemble()
        return Run(record.folder, (), ())
    with Predictor(record.write_ensemble(), record.folder, str(device)) as predictor:
        place = record.folder / OUT_OF_FOLD
        predictions = predicted(material.labels.cohort, ids, predictor, place, tell)
    found = []
    # a label that nobody has changed is a network's opinion: agreeing with it proves nothing
    judged = [one for one in ids if material.labels.origin(one) != "raw prediction"]
    cases = [material.labels.cohort.cases[case_id] for case_id in judged]
    for score in scored(cases, labels.mask, predictions, tell):
        if score.in_sample:
            twin = f"case {score.case_id}: left out of the report, its image is there twice."
            tell(Progress("predicting", 1.0, notice=twin))
        else:
            found.append(score)
    rows = report.by_organ(found)
    report.write(record.folder / "report.csv", rows)
    report.write_cases(record.folder / "cases.csv", found)
    record.facts["scored_on"] = labels.version()
    return Run(record.folder, tuple(found), tuple(rows))


@contextmanager
def _tidied(record: Record) -> Iterator[None]:
    """However the training ends, nothing half-written stays."""
    finished = False
    try:
        yield
        finished = True
    finally:
        if not finished:
            record.tidy()
