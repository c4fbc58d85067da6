"""A case's members mixed anew, and what the canvas is to show of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hubmap_viewer.loading import Predicted, Sources
from hubmap_viewer.mix import Mixed, Settings, mix
from trainer.data.case import Case, Mask, Prediction
from trainer.data.opinions import Opinions
from trainer.metrics import dice
from trainer.predict.asking import Panel
from trainer.predict.postprocess import to_mask


@dataclass(frozen=True, slots=True)
class Remixed:
    """What came of a mix.

    Attributes
    ----------
    mixed
        None where nothing is kept of the members.
    predicted
        What the canvas is to show.
    before
        Dice of the prediction that is kept; None where there is none, or no truth.
    """

    mixed: Mixed | None = None
    predicted: Predicted | None = None
    before: float | None = None

    @property
    def is_whole_mix(self) -> bool:
        """Whether what is shown is a mix, of all members that were asked."""
        return self._is_mix and not (self.mixed and self.mixed.missing)

    @property
    def is_of_some(self) -> bool:
        """Whether what is shown is a mix in which a member is missing."""
        return self._is_mix and not self.is_whole_mix

    @property
    def _is_mix(self) -> bool:
        mixed, shown = self.mixed, self.predicted
        return mixed is not None and shown is not None and shown.prediction is mixed.prediction


@dataclass(frozen=True, slots=True)
class Work:
    """All that a mix of a case depends on."""

    sources: Sources
    case: Case
    panel: Panel
    settings: Settings
    opinions: Opinions | None
    truth: Mask | None
    is_mix: bool


def remix(work: Work) -> Remixed:
    """The members' mix of a case, and what the canvas is to show of it.

    What is kept is shown where nothing else is tried; a mix in which a member is missing only
    where nothing is kept yet.
    """
    predictions = work.sources.predictions
    assert predictions is not None
    mixed = None
    if work.opinions is not None:
        mixed = mix(work.panel, work.settings, work.opinions, work.case)
    kept = predictions.read(work.case.id)
    prediction = kept
    if mixed is not None and (kept is None or (work.is_mix and not mixed.missing)):
        prediction = mixed.prediction
    if prediction is None:
        return Remixed(mixed)
    point = work.sources.point_for(work.case)
    before = None
    if kept is not None and prediction is not kept and work.truth is not None:
        before = dice(to_mask(kept, point), work.truth)
    predicted = Predicted.tried(prediction, point, to_mask(prediction, point))
    return Remixed(mixed, predicted, before)


def equal(one: Prediction, other: Prediction) -> bool:
    return one is other or (
        np.array_equal(one.probability, other.probability)
        and np.array_equal(one.disagreement, other.disagreement)
        and one.in_sample == other.in_sample
    )
