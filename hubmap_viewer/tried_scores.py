"""Every case's scores at thresholds that are being tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hubmap_viewer.scores import Scores
from hubmap_viewer.session import Session
from trainer.review.histograms import Histograms


class TriedScores:
    """Puts a session's scores to the thresholds in force, and back.

    What no histogram knows of a mask (its findings, the confidence in it) is left blank
    while another threshold than the ensemble's own is tried, and restored afterwards.

    Parameters
    ----------
    own, now
        Of each organ that has histograms: the ensemble's threshold, and the one in force.
    """

    def __init__(
        self,
        session: Session,
        histograms: Histograms,
        own: Mapping[str, float],
        now: Mapping[str, float],
    ) -> None:
        self._session = session
        self._histograms = histograms
        self._place = {case_id: place for place, case_id in enumerate(histograms.ids)}
        self._own = dict(own)
        self._now = dict(now)
        self._measured: dict[str, Scores] = {}
        self._at_own = histograms.dice(own, 0.5).tolist()
        self._compute()
        self._remember(self._place.values())
        self._put(place for place in self._place.values() if self._is_off(place))

    def show(self, thresholds: Mapping[str, float]) -> None:
        """Score every case at its organ's threshold."""
        organs = self._histograms.organs
        moved = {organ for organ, value in thresholds.items() if self._now.get(organ) != value}
        places = [place for place, organ in enumerate(organs) if organ in moved]
        self._remember(places)
        self._now.update(thresholds)
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
        return self._known(place).prediction != self._dice[place]

    def _known(self, place: int) -> Scores:
        return self._session.scores.get(self._histograms.ids[place], Scores())

    def _remember(self, places: Iterable[int]) -> None:
        """Keep what was measured at the ensemble's own threshold, for the way back."""
        for place in places:
            known = self._known(place)
            # the open case's Dice has followed the move already: its rest has not
            own = not self._is_tried(place) or known.prediction == self._at_own[place]
            if known.confidence is not None and own:
                self._measured[self._histograms.ids[place]] = known

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
        return replace(
            self._known(place),
            prediction=self._dice[place],
            prediction_iou=self._iou[place],
            in_sample=bool(self._histograms.in_sample[place]),
            confidence=rest.confidence,
            losses=rest.losses,
            findings=rest.findings,
        )
