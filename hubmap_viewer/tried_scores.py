"""Every case's scores at thresholds that are being tried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from trainer.review.histograms import Histograms, ThresholdOf


class TriedScores:
    """Puts a session's scores to the thresholds in force, and back.

    What no histogram knows of a mask (its findings, the confidence in it) is left blank
    while another threshold than the ensemble's own is tried, and restored afterwards. Nor does
    it know of post-processing: at its own threshold a case keeps the Dice of its mask.

    Parameters
    ----------
    own, now
        Of each organ that has histograms, and of data sources: the ensemble's threshold, and
        the one in force.
    """

    def __init__(
        self,
        session: Session,
        histograms: Histograms,
        own: ThresholdOf,
        now: ThresholdOf,
    ) -> None:
        self._session = session
        self._histograms = histograms
        self._place = {case_id: place for place, case_id in enumerate(histograms.ids)}
        self._own: dict[Any, float] = dict(own)
        self._now: dict[Any, float] = dict(now)
        predictions = session.predictions
        self._has_steps = predictions is not None and predictions.masking.changes_masks
        self._measured: dict[str, Scores] = {}
        self._at_own = histograms.dice(own, 0.5).tolist()
        self._compute()
        self._remember(self._place.values())
        self._put(place for place in self._place.values() if self._is_off(place))

    def show(self, thresholds: ThresholdOf) -> None:
        """Score every case at its organ's threshold."""
        organs = self._histograms.organs
        then: dict[Any, float] = dict(thresholds)
        moved = {organ for organ, value in then.items() if self._now.get(organ) != value}
        places = [place for place, organ in enumerate(organs) if organ in moved]
        self._remember(places)
        self._now = then
        self._compute()
        self._put(places)

    def correct(self, case_id: str) -> None:
        """Mend a score that was still on its way when the threshold was moved."""
        place = self._place.get(case_id)
        if place is not None and self._is_off(place):
            self._remember([place])
            self._put([place])

    def _compute(self) -> None:
        self._dice = self._histograms.dice(self._now, 0.5).tolist()
        self._iou = self._histograms.iou(self._now, 0.5).tolist()

    def _is_off(self, place: int) -> bool:
        return self._known(place).prediction != self._figures(place)[0]

    def _figures(self, place: int) -> tuple[float | None, float | None]:
        """Dice and IoU of the prediction."""
        if self._has_steps and self._is_open(place):
            known = self._known(place)
            return known.prediction, known.prediction_iou  # these follow by themselves
        measured = self._measured.get(self._histograms.ids[place], Scores())
        if self._has_steps and measured.prediction is not None and not self._is_tried(place):
            return measured.prediction, measured.prediction_iou
        return self._dice[place], self._iou[place]

    def _known(self, place: int) -> Scores:
        return self._session.scores.get(self._histograms.ids[place], Scores())

    def _remember(self, places: Iterable[int]) -> None:
        """Keep what was measured at the ensemble's own threshold, for the way back."""
        for place in places:
            known = self._known(place)
            # the open case's Dice has followed the move already: its rest has not
            own = not self._is_tried(place) or known.prediction == self._at_own[place]
            if self._has_steps and self._is_open(place):
                known = replace(known, prediction=None)
            if known.confidence is not None and own:
                self._measured[self._histograms.ids[place]] = known

    def _is_open(self, place: int) -> bool:
        here = self._session.open
        return here is not None and here.id == self._histograms.ids[place]

    def _is_tried(self, place: int) -> bool:
        organ = self._histograms.organs[place]
        return self._now[organ] != self._own[organ]

    def _put(self, places: Iterable[int]) -> None:
        found = {self._histograms.ids[place]: self._scores(place) for place in places}
        if found:
            self._session.put_many_scores(found)

    def _scores(self, place: int) -> Scores:
        measured = self._measured.get(self._histograms.ids[place], Scores())
        rest = Scores() if self._is_tried(place) else measured
        dice, iou = self._figures(place)
        return replace(
            self._known(place),
            prediction=dice,
            prediction_iou=iou,
            in_sample=bool(self._histograms.in_sample[place]),
            confidence=rest.confidence,
            losses=rest.losses,
            findings=rest.findings,
        )
