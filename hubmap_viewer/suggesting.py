"""What is suggested for the open case: of each piece truth's version or the prediction's."""

from __future__ import annotations

from functools import partial
from typing import Literal

from psygnal import Signal

from hubmap_viewer.finding_list import Call
from hubmap_viewer.session import Session
from trainer.data.case import Mask, Prediction
from trainer.data.edits import Box
from trainer.data.findings import Finding
from trainer.predict.postprocess import enlarged
from trainer.tools.suggestion import suggested

Side = Literal["truth", "prediction", "both"]


class Suggesting:
    """Keeps the suggestion for the open case, made beside the window.

    Attributes
    ----------
    mask
        The suggestion, uint8 (H, W); None while it is made, and without truth or prediction.
    """

    changed = Signal()
    """There is another suggestion, or none."""

    def __init__(self, session: Session, call: Call) -> None:
        self._session = session
        self._call = call
        self._turn = 0
        self._busy = False
        self._sides: dict[Finding, Side | None] = {}
        self.mask: Mask | None = None
        session.cohort_opened.connect(self._look)
        session.case_opened.connect(self._look)
        session.prediction_changed.connect(self._look)

    def side(self, finding: Finding) -> Side | None:
        """Whose version is suggested where a finding is; None where that is not known."""
        if finding not in self._sides:
            self._sides[finding] = self._side(finding)
        return self._sides[finding]

    def _side(self, finding: Finding) -> Side | None:
        here, box = self._session.open, Box(*finding.box)
        truth = None if here is None else here.side("truth")
        if self.mask is None or truth is None:
            return None
        differs = (box.of(self.mask) != box.of(truth)) & finding.region
        count = int(differs.sum())
        return "truth" if not count else "prediction" if count == finding.area else "both"

    def why_not(self) -> str:
        """Why there is no suggestion; empty if there is one."""
        here = self._session.open
        if here is None:
            return "Open a case first."
        if here.side("truth") is None or here.side("prediction") is None:
            return "A suggestion needs both a truth and a prediction of the case."
        return "" if self.mask is not None else "The suggestion is still being made."

    def _look(self) -> None:
        self._turn += 1
        self._become(None)
        here = self._session.open
        if self._busy or here is None:
            return
        truth, predicted = here.side("truth"), here.predicted
        if truth is None or predicted is None:
            return
        self._busy = True
        work = partial(_suggested, truth, predicted.mask, predicted.prediction)
        self._call(work, partial(self._put, self._turn), partial(self._fail, self._turn))

    def _put(self, turn: int, mask: Mask | None) -> None:
        self._busy = False
        if turn != self._turn:
            self._look()
            return
        self._become(mask)

    def _become(self, mask: Mask | None) -> None:
        self.mask = mask
        self._sides.clear()
        self.changed.emit()

    def _fail(self, turn: int, error: BaseException) -> None:
        self._put(turn, None)
        self._session.told.emit(error)


def _suggested(truth: Mask, predicted: Mask, prediction: Prediction) -> Mask:
    return suggested(truth, predicted, enlarged(prediction))
