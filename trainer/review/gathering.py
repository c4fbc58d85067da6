"""Histograms of a cohort, one after the other, each counted once."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.data.case import Case, Mask
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.stamp import stamp_of
from trainer.errors import PredictionError, SettingsError, TrainerError
from trainer.review.counting import Histogram, of
from trainer.review.kept import Counts, Kept

_REMEDY = "restore it, or move the predictions to a folder of their own"


def gather(
    cohort: Cohort,
    truth: Callable[[str], Mask | None],
    predictions: Predictions,
    ids: Iterable[str],
) -> Generator[Histogram | TrainerError]:
    """Each case's histogram, or why there is none, in the order of `ids`.

    What was counted is kept in the folder of predictions, and is counted anew only where the
    prediction or the truth has changed. Close the generator to stop: what is done is kept. A
    folder that cannot be written is no error; the next gathering then takes as long again.

    `truth` is ``cohort.truth``, which is asked only where the cohort's csv or the case's
    polygons have changed, or another source of masks (H, W): then each is read to see whether
    it has changed.

    Raises
    ------
    SettingsError
        If the run's ``folds.csv`` is damaged.
    """
    kept = Kept.read(predictions.folder)
    counting = _Counting(cohort, truth, predictions, folds_of(predictions), kept)
    try:
        for case_id in ids:
            try:
                found = counting.histogram(cohort.cases[case_id])
            except TrainerError as error:
                yield error
            else:
                yield found
    finally:
        kept.write()


def folds_of(predictions: Predictions) -> dict[str, int]:
    """The fold that held each case out, by the ``folds.csv`` of the run they lie in.

    Returns
    -------
    Empty where the folder of predictions does not lie in a run's.

    Raises
    ------
    SettingsError
        If the file cannot be read, or a fold is no whole number.
    """
    path = predictions.folder.resolve().parent / "folds.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if not {"id", "fold"} <= set(rows.fieldnames or ()):
                return {}
            return {row["id"]: _fold(path, rows.line_num, row["fold"]) for row in rows}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"cannot be read ({error})", file=path, remedy=_REMEDY) from error


def _fold(path: Path, row: int, text: str | None) -> int:
    if text is None or not text.strip().isdecimal():
        raise SettingsError(
            f"the fold is {text!r}, wanted a whole number", file=path, row=row, remedy=_REMEDY
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class _Counting:
    cohort: Cohort
    truth: Callable[[str], Mask | None]
    predictions: Predictions
    folds: Mapping[str, int]
    kept: Kept

    def histogram(self, case: Case) -> Histogram:
        written = self.predictions.stamp(case.id)
        if written is None:
            folder = self.predictions.folder
            raise PredictionError("there is no prediction", file=folder, case=case.id)
        own = self.truth == self.cohort.truth
        mask = None if own else self._mask(case)
        stamp = f"{written} {self._stamp(case) if mask is None else _digest(mask)}"
        counts = self.kept.get(case.id, stamp)
        if counts is None:
            found = self._count(case, self._mask(case) if mask is None else mask)
            counts = Counts(stamp, found.in_sample, found.inside, found.outside)
            self.kept.put(case.id, counts)
        fold = self.folds.get(case.id)
        by_level = counts.inside, counts.outside
        told = case.id, case.organ, counts.in_sample, fold
        return Histogram(*told, *by_level, case.data_source)

    def _count(self, case: Case, mask: Mask) -> Histogram:
        prediction = self.predictions.read(case.id)
        if prediction is None:
            folder = self.predictions.folder
            raise PredictionError("there is no prediction", file=folder, case=case.id)
        if misfit := self.predictions.misfit(prediction, (mask.shape[0], mask.shape[1])):
            raise misfit
        return of(case, prediction, mask)

    def _mask(self, case: Case) -> Mask:
        mask = self.truth(case.id)
        if mask is None:
            raise PredictionError("there is no mask to compare with", case=case.id)
        return mask

    def _stamp(self, case: Case) -> str:
        """What changes when a file does that the cohort's truth is read from."""
        folder = self.cohort.folder
        polygons = folder / f"{case.split}_annotations" / f"{case.id}.json"
        return f"{stamp_of(folder / f'{case.split}.csv')} {stamp_of(polygons)}"


def _digest(mask: Mask) -> str:
    return f"{mask.shape} {hashlib.blake2b(mask.tobytes(), digest_size=16).hexdigest()}"
