"""A whole training: folds to members, members to an ensemble, and what it is worth."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from trainer.data.cohort import Cohort
from trainer.data.store import Store
from trainer.errors import CohortError, TrainerError
from trainer.model import checkpoint
from trainer.model.network import check
from trainer.predict import kept
from trainer.predict.device import choose, describe
from trainer.predict.ensemble import Predictor
from trainer.predict.running import predict_cohort
from trainer.review import groups
from trainer.settings import Recipe
from trainer.train import logbooks, report
from trainer.train.dataset import Sample, load
from trainer.train.dyes import Dyes
from trainer.train.folds import split
from trainer.train.labels import Labels
from trainer.train.loop import fit
from trainer.train.precision import choose as choose_precision
from trainer.train.processes import Processes
from trainer.train.progress import Progress, Tell, tell_nobody
from trainer.train.record import Record, now
from trainer.train.resuming import forget
from trainer.train.watch import Fold

_PREDICTING = 0.1
"""Share of the recipe's minutes that is kept for the out-of-fold predictions."""


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
) -> Run:
    """Train an ensemble on a cohort, a member a fold, and measure it on what each did not see.

    Cases that the cohort's ``duplicates.csv`` groups stay in one fold. Cases without a label
    are not part of it; cases that cannot be read are told and left out. A training that was
    stopped is taken up where its last finished fold ended, one that was killed where its last
    epoch did, if `out`, the recipe, the labels and the folds are the same.

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
        Hears how far it is; may raise `Cancelled`. Finished folds then stay usable.

    Raises
    ------
    CohortError
        If the cohort's ``duplicates.csv`` cannot be read.
    SettingsError, ImageError
        If `out` holds something else, there is no such network, references of stains are
        missing or of no use, or there are fewer labelled cases than folds.
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
    processes.share_of(recipe)
    Dyes(recipe.augmentation)  # before images are read: a missing reference is told at once
    alike = groups.read(cohort.folder)
    record = Record(out, recipe, joins=not processes.leads)
    training = _Training(record, recipe, place, alike, started, progress, processes)
    if not processes.leads:
        _follow(cohort, curated, replace(training, tell=tell_nobody))
        return Run(out, (), ())
    with _tidied(record):
        labels = Labels.gather(cohort, curated, recipe.labels)
        with tempfile.TemporaryDirectory(prefix=".images-", dir=out) as scratch:
            samples = _read(labels, recipe, Path(scratch), progress)
            training.begin(samples, labels)
            training.fit_all(samples)
        result = _measure(record, labels, place, progress)
        record.facts |= {"finished": now(), "seconds": round(time.monotonic() - started)}
        record.write()
    return result


def _follow(
    cohort: Cohort,
    curated: Store | None,
    training: _Training,
) -> None:
    """Train along with the first process, and write nothing."""
    labels = Labels.gather(cohort, curated, training.recipe.labels)
    with tempfile.TemporaryDirectory() as scratch:
        samples = _read(labels, training.recipe, Path(scratch), tell_nobody)
        training.record.facts |= training.precision()
        training.fit_all(samples)


def _read(labels: Labels, recipe: Recipe, scratch: Path, tell: Tell) -> list[Sample]:
    samples = []
    total = len(labels.cases())
    for done, item in enumerate(load(labels, recipe, scratch), start=1):
        notice = None
        if isinstance(item, CohortError):
            notice = str(item)
        else:
            samples.append(item)
        tell(Progress("reading", done / total, notice=notice))
    return samples


@dataclass(frozen=True, slots=True)
class _Training:
    """All folds of a run, one after the other."""

    record: Record
    recipe: Recipe
    device: torch.device
    alike: dict[str, str]
    started: float
    tell: Tell
    processes: Processes

    def begin(self, samples: list[Sample], labels: Labels) -> None:
        """Write down what the training is made of."""
        fold_of = self._folds(samples)
        read = {sample.case.id for sample in samples}
        used = {key: rev.id for key, rev in labels.revisions.items() if key in read}
        self.record.begin(samples, fold_of, used)
        self.record.facts |= {
            "labels": {
                sample.case.id: {"origin": labels.origin(sample.case.id), "weight": sample.weight}
                for sample in samples
            },
            "device": describe(self.device),
            **self.precision(),
        }

    def precision(self) -> dict[str, object]:
        """In which numbers it trains; a run that is taken up goes on in those it began with."""
        earlier = self.record.earlier
        if earlier.get("device") == describe(self.device) and "precision" in earlier:
            known = ("precision", "precision_seconds")
            return {name: earlier[name] for name in known if name in earlier}
        choice = choose_precision(self.recipe, self.device, self.processes.count == 1)
        return {"precision": choice.precision, "precision_seconds": choice.seconds}

    def fit_all(self, samples: list[Sample]) -> None:
        """Train the members that are not there yet; each is usable as soon as it is trained."""
        fold_of = self._folds(samples)
        left = set(range(self.recipe.folds)) - set(self.record.finished_folds())
        for index in sorted(left):
            held_out = [s for s in samples if fold_of[s.case.id] == index]
            training = [s for s in samples if fold_of[s.case.id] != index]
            folder = self.record.weights(index).parent
            folder.mkdir(parents=True, exist_ok=True)
            seconds = self._seconds(sum(other >= index for other in left))
            self._fit(Fold(index, training, held_out, folder, seconds))

    def _folds(self, samples: list[Sample]) -> dict[str, int]:
        cases = [sample.case for sample in samples]
        return split(cases, self.recipe.folds, self.recipe.seed, self.alike)

    def _fit(self, fold: Fold) -> None:
        word = self.record.facts["precision"]
        fitted = fit(fold, self.recipe, self.device, self.tell, word, self.processes)
        if not self.processes.leads:
            return
        description = checkpoint.Checkpoint(
            network=self.recipe.network,
            size=self.recipe.size,
            trained_on={sample.case.id: sample.digest for sample in fold.training},
            recipe=self.recipe.name,
            fold=fold.index,
            start=fitted.start,
            epoch=fitted.epochs,
            val_dice=fitted.val_dice,
            version=self.record.facts["versions"]["hubmap-viewer"],
        )
        checkpoint.save(self.record.weights(fold.index), fitted.module, description)
        forget(fold.folder)
        self.record.facts["encoder_start"] = fitted.start
        self.record.write()
        self.record.write_ensemble()

    def _seconds(self, folds_left: int) -> float | None:
        if self.recipe.minutes is None:
            return None
        budget = self.recipe.minutes * 60 * (1 - _PREDICTING)
        return max(1.0, self.started + budget - time.monotonic()) / folds_left


def _measure(record: Record, labels: Labels, device: torch.device, tell: Tell) -> Run:
    """Predict each case by the member that did not see it, and compare with its label."""
    ids = list(record.facts["cases"])
    with Predictor(record.write_ensemble(), record.folder, str(device)) as predictor:
        predictions = kept.begin(record.folder / "oof", predictor)
        for step in predict_cohort(labels.cohort, ids, predictor, predictions):
            notice = None if step.error is None else str(step.error)
            share = step.done / step.total
            tell(Progress("predicting", share, step.seconds_left, notice=notice))
    found = []
    # a label that nobody has changed is a network's opinion: agreeing with it proves nothing
    judged = [case_id for case_id in ids if labels.origin(case_id) != "raw prediction"]
    cases = [labels.cohort.cases[case_id] for case_id in judged]
    for score in report.scores(cases, labels.mask, predictions):
        if isinstance(score, TrainerError):
            tell(Progress("predicting", 1.0, notice=str(score)))
        elif score.in_sample:
            twin = f"case {score.case_id}: left out of the report, its image is there twice."
            tell(Progress("predicting", 1.0, notice=twin))
        else:
            found.append(score)
    rows = report.by_organ(found)
    report.write(record.folder / "report.csv", rows)
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
