"""Thresholds tried on a whole cohort from counts: what they would be worth, and to be written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from hubmap_viewer.counts import countable
from hubmap_viewer.session import Session
from hubmap_viewer.tried_scores import TriedScores
from trainer.data.atomic import replacing
from trainer.data.predictions import Predictions
from trainer.errors import PredictionError, TrainerError
from trainer.review.histograms import BEFORE_STEPS, Average, Histogram, Histograms
from trainer.review.thresholds import Best, best_by_organ

FILE = "review/tried.json"
"""In the folder of predictions: thresholds that were tried there and are not applied."""

LOWEST, HIGHEST = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class OrganRow:
    """An organ at the ensemble's own threshold and at the one in force.

    Attributes
    ----------
    cases
        How many count: those not seen in training.
    before, now
        Dice over them; None where none counts.
    """

    organ: str
    cases: int
    own: float
    threshold: float
    before: Average | None
    now: Average | None

    @property
    def gain(self) -> float | None:
        """Of mean Dice."""
        if self.before is None or self.now is None:
            return None
        return self.now.mean - self.before.mean


class WhatIf:
    """Thresholds of the shown predictions, as they are and as they are being tried.

    Thresholds that were tried and not applied come back with their predictions.

    Attributes
    ----------
    histograms
        Of the shown predictions; empty until they are counted.
    best
        Each organ's best threshold, compared with the ensemble's own.
    problems
        Why cases could not be counted.
    """

    changed = Signal()
    """Histograms or thresholds are others."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.histograms = Histograms()
        self.best: dict[str, Best] = {}
        self.problems: tuple[TrainerError, ...] = ()
        self._scores: TriedScores | None = None
        self._folder: Path | None = None
        self._tried: dict[str, float] = {}
        session.cohort_opened.connect(self._follow)
        session.predictions_changed.connect(self._follow)
        session.thresholds_changed.connect(self._on_thresholds)
        session.case_updated.connect(self._on_case)
        self._follow()

    # -- counting -----------------------------------------------------------------------

    @property
    def needs_counting(self) -> bool:
        """Whether there are cases that could be counted and were not."""
        cohort, predictions = self.session.cohort, self.session.predictions
        if cohort is None or predictions is None:
            return False
        known = {*self.histograms.ids, *(problem.case for problem in self.problems)}
        return not known.issuperset(countable(cohort, predictions))

    def put(self, folder: Path, found: Iterable[Histogram | TrainerError]) -> None:
        """Take what was counted of a folder of predictions, if it is still the one shown."""
        if folder != self._folder:
            return
        each = list(found)
        self.problems = tuple(one for one in each if isinstance(one, TrainerError))
        self.histograms = Histograms(one for one in each if isinstance(one, Histogram))
        self._rescore()
        self.changed.emit()

    def _rescore(self) -> None:
        each = best_by_organ(self.histograms, self.own)
        self.best = {one.organ: one for one in each if one.organ is not None}
        self._scores = TriedScores(
            self.session, self.histograms, self._own_of(), self._in_force_of()
        )

    # -- trying -------------------------------------------------------------------------

    @property
    def organs(self) -> tuple[str, ...]:
        """Of the counted cases, in alphabetical order."""
        return tuple(sorted(set(self.histograms.organs)))

    @property
    def unapplied(self) -> dict[str, float]:
        """Tried thresholds that are not the ensemble's own."""
        tried = self.session.thresholds
        return {organ: value for organ, value in tried.items() if value != self.own(organ)}

    def own(self, organ: str) -> float:
        """The threshold that the ensemble's file gives an organ."""
        predictions = self.session.predictions
        return 0.5 if predictions is None else predictions.threshold_for(organ)

    def move(self, thresholds: Mapping[str, float]) -> None:
        """Try thresholds of these organs; those of others stay."""
        wanted = {**self.session.thresholds, **thresholds}
        self.session.try_thresholds(
            {organ: value for organ, value in wanted.items() if value != self.own(organ)}
        )

    def move_to_best(self, organs: Iterable[str]) -> None:
        """Try each organ's best threshold; its own where a better one is but noise."""
        self.move({organ: advised(self.best[organ]) for organ in organs if organ in self.best})

    def reset(self) -> None:
        """Go back to the ensemble's own thresholds."""
        self.session.try_thresholds({})

    def rows(self) -> list[OrganRow]:
        """Every organ, before and now."""
        own = {organ: self.own(organ) for organ in self.organs}
        force = self._in_force()
        before = self.histograms.by_organ(self.histograms.dice(self._own_of(), 0.5))
        now = self.histograms.by_organ(self.histograms.dice(self._in_force_of(), 0.5))
        return [
            OrganRow(
                organ=organ,
                cases=now[organ].cases if organ in now else 0,
                own=own[organ],
                threshold=force[organ],
                before=before.get(organ),
                now=now.get(organ),
            )
            for organ in self.organs
        ]

    def curve(self, organ: str) -> NDArray[np.float64]:
        """Mean Dice at thresholds of level / 255; float64 (256,), NaN where no case counts."""
        return self.histograms.curve(organ)

    @property
    def seen_in_training(self) -> int:
        """Cases that are left out of every mean."""
        return int(self.histograms.in_sample.sum())

    def _in_force(self) -> dict[str, float]:
        return {organ: self.session.threshold_for(organ) for organ in self.organs}

    def _own_of(self) -> dict[str | tuple[str, str], float]:
        predictions = self.session.predictions
        if predictions is None:
            return dict.fromkeys(self.organs, 0.5)
        return predictions.masking.threshold_of(set(self.organs))

    def _in_force_of(self) -> dict[str | tuple[str, str], float]:
        return self.session.threshold_of(self.organs) if self.organs else {}

    @property
    def caveat(self) -> str:
        """What the figures here leave out, in words; mostly nothing."""
        predictions = self.session.predictions
        steps = predictions is not None and predictions.masking.changes_masks
        return BEFORE_STEPS if steps else ""

    # -- keeping ------------------------------------------------------------------------

    def keep(self) -> None:
        """Remember on disk what was tried and not applied; a refusal is told."""
        if self._folder is None:
            return
        try:
            _write(self._folder / FILE, self._tried)
        except PredictionError as error:
            self.session.told.emit(error)

    def applied(self, predictions: Predictions) -> None:
        """Show the predictions at the thresholds that were written for them."""
        self._tried = {}
        self.keep()
        self.session.use_pair(self.session.second, predictions)

    # -- hearing the session ------------------------------------------------------------

    def _follow(self) -> None:
        predictions = self.session.predictions
        folder = None if predictions is None else predictions.folder
        if folder != self._folder:
            self.keep()
            self._folder, self._tried = folder, _read(folder)
            self.histograms, self.best, self.problems = Histograms(), {}, ()
        self._scores = None
        if self._tried:
            words = ", ".join(f"{organ} {value:.2f}" for organ, value in self._tried.items())
            self.session.try_thresholds(self._tried)
            self.session.told.emit(f"Tried thresholds are on that are not applied yet: {words}.")
        if len(self.histograms):
            self._rescore()
        self.changed.emit()

    def _on_thresholds(self) -> None:
        self._tried = self.unapplied
        if self._scores is not None:
            self._scores.show(self._in_force_of())
        self.changed.emit()

    def _on_case(self, case_id: str) -> None:
        if self._scores is not None and self.session.thresholds:
            self._scores.correct(case_id)


def advised(best: Best) -> float:
    """The best threshold to two digits, or the reference where a better one is but noise."""
    return best.reference if best.within_noise else round(best.threshold, 2)


def _read(folder: Path | None) -> dict[str, float]:
    """Nothing where there is no such file or it is damaged: only what was tried is lost."""
    if folder is None:
        return {}
    try:
        found = json.loads((folder / FILE).read_text("utf-8"))
        return {str(organ): float(value) for organ, value in found.items() if 0 < value < 1}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(path: Path, tried: Mapping[str, float]) -> None:
    if tried == _read(path.parent.parent):
        return
    with replacing(path, PredictionError) as draft:
        draft.write_text(json.dumps(tried, indent=2), "utf-8")
