"""The case on the canvas: its masks, its edits, its verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hubmap_viewer.loading import Loaded, Predicted
from hubmap_viewer.past import Lost, Past
from hubmap_viewer.scores import Scores
from trainer.data.case import Mask, Prediction
from trainer.data.edits import Box, Edit, History
from trainer.data.store import Origin, Start, Status, Taken
from trainer.metrics import Counts, counted, overlap
from trainer.predict.postprocess import OperatingPoint, cut, enlarged
from trainer.tools.scene import Scene


@dataclass(slots=True)
class OpenCase:
    """A loaded case under review.

    Attributes
    ----------
    curated
        The very array that is painted on: uint8 (H, W), 0 or 1.
    past
        What led to the mask: the case's own edits.
    tool
        What changed the mask last, in a word.
    started_from
        The ensemble and threshold whose prediction it began as; None where it did not.
    lost
        Strokes of a window that ended before they were saved, until the user has decided.
    taken
        Who has the case of a shared store in hand; None where this window has.
    blind
        Whether it is drawn anew with all its masks hidden; nothing of it becomes a revision.
    remixed
        Whether its prediction is another mix of members than the one that is kept.
    """

    loaded: Loaded
    curated: Mask
    past: Past
    tool: str
    predicted: Predicted | None
    second: Predicted | None
    status: Status
    started_from: Start | None = None
    lost: Lost | None = None
    taken: Taken | None = None
    blind: bool = False
    remixed: bool = False
    scores: Scores = field(default_factory=Scores)
    _known: Mask = field(init=False, repr=False)
    _counts: Counts | None = field(init=False, repr=False, default=None)
    _enlarged: tuple[Prediction, NDArray[np.uint8]] | None = field(
        init=False, repr=False, default=None
    )

    def __post_init__(self) -> None:
        self._known = self.curated.copy()
        if self.curated is self.loaded.curated:
            self._counts = self.loaded.agreement

    @property
    def id(self) -> str:
        return self.loaded.case.id

    @property
    def pixel(self) -> float:
        """Side of a pixel in the canvas's world, in `unit`."""
        return self.loaded.case.pixel_size or 1.0

    @property
    def unit(self) -> str:
        """What the canvas's world is measured in: micrometer where that is known, else pixel."""
        return "micrometer" if self.loaded.case.pixel_size else "pixel"

    @property
    def history(self) -> History:
        """The case's edits."""
        return self.past.history

    @property
    def origin(self) -> Origin:
        """What the mask is: truth, redrawn, or of a prediction, edited or raw."""
        return self.past.origin

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

    def note(
        self, tool: str, box: Box | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Edit | None:
        """Take note of what has been painted inside the box; None if nothing was."""
        edit = Edit.between(self._known, self.curated, tool, box, parameters)
        if edit is not None:
            self._follow(edit)
            self._record(edit)
        return edit

    def become(
        self, mask: Mask, tool: str, parameters: Mapping[str, Any] | None = None
    ) -> Edit | None:
        """Replace the curated mask; None if it is that mask already."""
        edit = Edit.between(self.curated, mask, tool, parameters=parameters)
        self.tool = tool
        if edit is not None:
            self.apply(edit)
        return edit

    def apply(self, edit: Edit) -> None:
        """Make a tool's edit."""
        edit.apply(self.curated)
        self._follow(edit)
        self._record(edit)

    def recover(self) -> Edit | None:
        """Be as the lost strokes had it; None if there are none."""
        if self.lost is None:
            return None
        edit = Edit.between(self.curated, self.lost.mask, "recover")
        if edit is not None:
            edit.apply(self.curated)
            self._follow(edit)
        self.past, self.started_from = self.lost.past, self.lost.past.started_from
        self.tool, self.lost = "recover", None
        return edit

    def scene(self) -> Scene:
        """What a tool sees of the case."""
        found = self.predicted
        return Scene(
            mask=self.curated,
            image=self.loaded.image[0],
            levels=None if found is None else self._levels(found.prediction),
            threshold=0.5 if found is None else found.threshold,
            pixel_size=self.loaded.case.pixel_size,
        )

    def travel(self, move: Callable[[History, Mask], Edit | None], word: str) -> Edit | None:
        """Undo or redo; None if there is nothing to."""
        edit = move(self.history, self.curated)
        if edit is not None:
            self._follow(edit)
            self.tool = word
        return edit

    def repoint(self, point: OperatingPoint) -> bool:
        """Have the prediction become a mask at another point; False if nothing changes."""
        found = self.predicted
        if found is None or found.point == point:
            return False
        mask = cut(self._levels(found.prediction), point)
        self.predicted = Predicted.tried(found.prediction, point, mask)
        return True

    def rescore(self, known: Scores, *, curated: bool = True, prediction: bool = True) -> Scores:
        """Compare the masks with truth; what is known of other predictions stays.

        Parameters
        ----------
        known
            The case's scores until now.
        curated, prediction
            Whether that mask may be another; if not, what is known of it stays.
        """
        truth, predicted = self.loaded.truth, self.predicted
        if truth is None:
            self.scores = replace(known, in_sample=False)
            return self.scores
        found = (known.prediction, known.prediction_iou)
        if prediction:
            found = self._predicted_overlap(truth)
        kept = (known.curated, known.curated_iou)
        if curated:
            kept = self._count(truth).overlap()
        self.scores = replace(
            known,
            curated=kept[0],
            curated_iou=kept[1],
            prediction=found[0],
            prediction_iou=found[1],
            in_sample=predicted is not None and predicted.prediction.in_sample,
        )
        return self.scores

    def _predicted_overlap(self, truth: Mask) -> tuple[float, float] | tuple[None, None]:
        """Dice and IoU of the prediction, counted when the case was read if it is that one."""
        predicted, counts = self.predicted, self.loaded.predicted_agreement
        if predicted is None:
            return None, None
        if counts is not None and predicted is self.loaded.predicted:
            return counts.overlap()
        return overlap(predicted.mask, truth)

    def _follow(self, edit: Edit) -> None:
        """Take in an edit of the mask; only where it is are pixels counted again."""
        truth, known = self.loaded.truth, self._counts
        if truth is None or known is None:
            edit.apply(self._known)
            return
        there = edit.box.of(truth)
        before = counted(edit.box.of(self._known), there)
        edit.apply(self._known)
        after = counted(edit.box.of(self._known), there)
        self._counts = Counts(
            known.both + after.both - before.both, known.total + after.total - before.total
        )

    def _count(self, truth: Mask) -> Counts:
        """How the mask agrees with truth, as far as `_follow` has heard."""
        if self._counts is None:
            self._counts = counted(self._known, truth)
        return self._counts

    def _levels(self, prediction: Prediction) -> NDArray[np.uint8]:
        """The probability at the image's size, kept for the next who asks."""
        if self._enlarged is None or self._enlarged[0] is not prediction:
            self._enlarged = prediction, enlarged(prediction)
        return self._enlarged[1]

    def _record(self, edit: Edit) -> None:
        self.history.record(edit)
        self.tool = edit.tool
