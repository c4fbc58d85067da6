"""All that an ensemble can be told by its out-of-fold predictions, an organ after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Case, Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.errors import PredictionError
from trainer.predict.fusion import tempered
from trainer.predict.postprocess import OperatingPoint
from trainer.review.areas import Units, best_area, units_of
from trainer.review.counting import Histogram, of
from trainer.review.held_out import Choice, folds_of
from trainer.review.histograms import Histograms
from trainer.review.mixing import Mixer, Weights, best_weights, candidates, dice_by_candidate
from trainer.review.temperature import Calibrated, calibrated, moved
from trainer.review.thresholds import Best, best
from trainer.settings import Area

_T = TypeVar("_T")

Told = Callable[[str, float], None]
"""What is at work, and the share done of it, 0..1."""


@dataclass(frozen=True, slots=True)
class OrganSetting:
    """What suits one organ, each chosen after the ones before it.

    Attributes
    ----------
    weights
        Of the runs; None where there is but one.
    calibration
        Of the probabilities at these weights; None where a CRF follows the temperature.
    threshold
        At these weights and this temperature.
    area
        At this threshold too; where 0.5 is kept, at the one that the predictions have.
    """

    organ: str
    weights: Choice[Weights] | None
    calibration: Calibrated | None
    threshold: Best
    area: Choice[Area | None]

    @property
    def temperature(self) -> float:
        """To be used."""
        return 1.0 if self.calibration is None else self.calibration.temperature.used


class OutOfFold:
    """A cohort, and what one or several runs say of its cases that they did not see.

    Parameters
    ----------
    runs
        Of each the predictions.
    histograms
        Of the first run's predictions of the cases, with the folds.
    mixer
        How several are mixed; None for one.
    """

    def __init__(
        self,
        cohort: Cohort,
        runs: Sequence[Predictions],
        histograms: Histograms,
        mixer: Mixer | None,
        told: Told,
    ) -> None:
        self._cohort, self._runs, self._mixer, self._told = cohort, runs, mixer, told
        self._histograms = histograms

    def organ(self, organ: str) -> OrganSetting:
        """Choose weights, then the temperature, then the threshold, then the smallest area.

        Raises
        ------
        PredictionError
            If no case of it has a prediction of every run that did not see it.
        MaskError
            If a truth cannot be read.
        """
        there = self._histograms.measured(organ)
        first = [self._histograms[int(place)] for place in there]
        if not first:
            raise PredictionError(f"no case of {organ} was left out of training by every run")
        folds, _ = folds_of(self._histograms, there)
        weights = self._weights(organ, first, folds)
        used = None if weights is None else weights.used
        counts = first if used is None else self._count(organ, first, used, 1.0)
        crf = self._runs[0].masking.steps_for(organ).crf
        calibration = calibrated(counts, folds) if crf is None else None
        temperature = 1.0 if calibration is None else calibration.temperature.used
        if temperature != 1:
            counts = self._count(organ, first, used, temperature)
        threshold = best(Histograms(counts), organ)
        area = self._area(organ, counts, folds, used, temperature, threshold)
        return OrganSetting(organ, weights, calibration, threshold, area)

    def _weights(
        self, organ: str, cases: Sequence[Histogram], folds: NDArray[np.intp]
    ) -> Choice[Weights] | None:
        mixer = self._mixer
        if mixer is None:
            return None
        grid = candidates(len(self._runs))
        tables = self._each(
            f"Weights for {organ}",
            cases,
            lambda case, truth: dice_by_candidate(case, self._read(case), truth, mixer, grid),
        )
        return best_weights(np.stack(tables), folds, grid)

    def _area(
        self,
        organ: str,
        cases: Sequence[Histogram],
        folds: NDArray[np.intp],
        weights: Weights | None,
        temperature: float,
        threshold: Best,
    ) -> Choice[Area | None]:
        masking = self._runs[0].masking
        steps = masking.steps_for(organ)
        low = None if steps.low is None else moved(steps.low, temperature)
        steps = steps.model_copy(update={"low": low, "min_area": None})

        def units(case: Case, truth: Mask) -> Units:
            own = masking.threshold_for(organ, case.data_source)
            now = moved(own, temperature) if threshold.within_noise else threshold.threshold
            prediction = self._prediction(case, weights, temperature)
            return units_of(case, prediction, truth, OperatingPoint(now, steps))

        return best_area(self._each(f"Areas of {organ}", cases, units), folds)

    def _count(
        self, organ: str, cases: Sequence[Histogram], weights: Weights | None, temperature: float
    ) -> list[Histogram]:
        folds: Mapping[str, int | None] = {one.case_id: one.fold for one in cases}
        return self._each(
            f"Counting {organ}",
            cases,
            lambda case, truth: of(
                case, self._prediction(case, weights, temperature), truth, folds[case.id]
            ),
        )

    def _each(
        self, text: str, cases: Sequence[Histogram], work: Callable[[Case, Mask], _T]
    ) -> list[_T]:
        found: list[_T] = []
        for done, one in enumerate(cases, start=1):
            truth = self._cohort.truth(one.case_id)
            if truth is None:
                raise PredictionError("there is no truth to compare with", case=one.case_id)
            found.append(work(self._cohort.cases[one.case_id], truth))
            self._told(text, done / len(cases))
        return found

    def _prediction(self, case: Case, weights: Weights | None, temperature: float) -> Prediction:
        each = self._read(case)
        mixed = each[0]
        if self._mixer is not None and weights is not None:
            mixed = self._mixer(each, weights)
        return replace(mixed, probability=tempered(mixed.probability, temperature))

    def _read(self, case: Case) -> list[Prediction]:
        found = []
        for run in self._runs:
            prediction = run.read(case.id)
            if prediction is None:
                raise PredictionError("there is no prediction", file=run.folder, case=case.id)
            found.append(prediction)
        return found
