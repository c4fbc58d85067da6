"""A mix that is being tried, refined by its organ's dense CRF: the network's process does it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from hubmap_viewer.finding_list import Call
from hubmap_viewer.loading import Predicted, Sources
from trainer.data.case import Case, Prediction
from trainer.errors import Cancelled
from trainer.predict.fusion import Levels
from trainer.predict.postprocess import to_mask
from trainer.settings import DenseCrf


class Refine(Protocol):
    """As `hubmap_viewer.engine.Engine.refine` does it: it blocks."""

    def __call__(
        self,
        cohort: Path,
        case_id: str,
        levels: Levels,
        crf: DenseCrf,
        cancelled: Callable[[], bool],
    ) -> Levels: ...


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """What is to be refined, and by what."""

    sources: Sources
    case: Case
    prediction: Prediction
    crf: DenseCrf


class Refining:
    """The newest wish is worked out; those before it are dropped.

    Parameters
    ----------
    refine
        Refines a probability.
    call
        Has a function called in a thread of its own: it waits while a prediction runs.
    """

    def __init__(self, refine: Refine, call: Call) -> None:
        self._refine = refine
        self._call = call
        self._dropped = threading.Event()

    def ask(
        self,
        wish: Wish,
        then: Callable[[Predicted], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Have a mix refined, unless another wish comes sooner; tell what is to be shown."""
        self.drop()
        dropped = self._dropped = threading.Event()
        self._call(
            partial(self._work, wish, dropped.is_set),
            lambda made: None if dropped.is_set() else then(made),
            lambda error: (
                None if dropped.is_set() or isinstance(error, Cancelled) else failed(error)
            ),
        )

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self._dropped.set()

    def _work(self, wish: Wish, cancelled: Callable[[], bool]) -> Predicted:
        before, csv = wish.prediction, wish.sources.cohort.csv
        levels = self._refine(csv, wish.case.id, before.probability, wish.crf, cancelled)
        refined = replace(before, probability=levels)
        point = wish.sources.point_for(wish.case)
        return Predicted.tried(refined, point, to_mask(refined, point))
