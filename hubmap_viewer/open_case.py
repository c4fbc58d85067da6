"""The case on the canvas: its masks, its edits, its verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hubmap_viewer.loading import Loaded, Predicted
from hubmap_viewer.scores import Scores
from trainer.data.case import Mask, Prediction
from trainer.data.edits import Box, Edit, History
from trainer.data.store import Status
from trainer.metrics import dice, iou
from trainer.predict.postprocess import cut, enlarged


@dataclass(slots=True)
class OpenCase:
    """A loaded case under review.

    Attributes
    ----------
    curated
        The very array that is painted on: uint8 (H, W), 0 or 1.
    history
        The case's own edits.
    tool
        What changed the mask last, in a word.
    blind
        Whether it is drawn anew with all its masks hidden; nothing of it becomes a revision.
    """

    loaded: Loaded
    curated: Mask
    history: History
    tool: str
    predicted: Predicted | None
    second: Predicted | None
    status: Status
    blind: bool = False
    scores: Scores = field(default_factory=Scores)
    _known: Mask = field(init=False, repr=False)
    _enlarged: tuple[Prediction, NDArray[np.uint8]] | None = field(
        init=False, repr=False, default=None
    )

    def __post_init__(self) -> None:
        self._known = self.curated.copy()

    @property
    def id(self) -> str:
        return self.loaded.case.id

    def side(self, name: str) -> Mask | None:
        """The mask that ``truth``, ``prediction``, ``second``, ``curated`` or ``nothing`` is.

        None where it is missing.
        """
        if name == "truth":
            return self.loaded.truth
        if name == "curated":
            return self.curated
        if name in ("prediction", "second"):
            found = self.predicted if name == "prediction" else self.second
            return None if found is None else found.mask
        return np.zeros_like(self.curated)

    def note(self, tool: str, box: Box | None = None) -> Edit | None:
        """Take note of what has been painted inside the box; None if nothing was."""
        edit = Edit.between(self._known, self.curated, tool, box)
        if edit is not None:
            edit.apply(self._known)
            self._record(edit)
        return edit

    def become(self, mask: Mask, tool: str) -> Edit | None:
        """Replace the curated mask; None if it is that mask already."""
        edit = Edit.between(self.curated, mask, tool)
        self.tool = tool
        if edit is not None:
            edit.apply(self.curated)
            edit.apply(self._known)
            self._record(edit)
        return edit

    def travel(self, move: Callable[[History, Mask], Edit | None], word: str) -> Edit | None:
        """Undo or redo; None if there is nothing to."""
        edit = move(self.history, self.curated)
        if edit is not None:
            edit.apply(self._known)
            self.tool = word
        return edit

    def rethreshold(self, threshold: float) -> bool:
        """Have the prediction become a mask at another threshold; False if nothing changes."""
        found = self.predicted
        if found is None or found.threshold == threshold:
            return False
        if self._enlarged is None or self._enlarged[0] is not found.prediction:
            self._enlarged = found.prediction, enlarged(found.prediction)
        mask = cut(self._enlarged[1], threshold)
        self.predicted = Predicted.tried(found.prediction, threshold, mask)
        return True

    def rescore(self, known: Scores) -> Scores:
        """Compare the masks with truth; what is known of other predictions stays."""
        truth, predicted = self.loaded.truth, self.predicted
        if truth is None:
            self.scores = replace(known, in_sample=False)
        else:
            self.scores = replace(
                known,
                curated=dice(self.curated, truth),
                curated_iou=iou(self.curated, truth),
                prediction=None if predicted is None else dice(predicted.mask, truth),
                prediction_iou=None if predicted is None else iou(predicted.mask, truth),
                in_sample=predicted is not None and predicted.prediction.in_sample,
            )
        return self.scores

    def _record(self, edit: Edit) -> None:
        self.history.record(edit)
        self.tool = edit.tool
