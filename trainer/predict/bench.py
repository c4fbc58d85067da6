"""Where an ensemble's time goes: a case's stages one after the other, each by the clock."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from trainer.data.case import Prediction
from trainer.predict.ensemble import Predictor, Prepared
from trainer.predict.kept import begin
from trainer.predict.memory import most_resident
from trainer.predict.networks import never
from trainer.predict.postprocess import OperatingPoint, to_mask

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.predictions import Predictions

STAGES = ("read", "resize", "network", "fuse", "write", "mask")


@dataclass(slots=True)
class Timing:
    """Of one case.

    Attributes
    ----------
    seconds
        By stage: read (the image and its digest), resize (with stains), network (with what
        joins views and sizes), fuse (temperature and CRF too), write, mask (at the image's
        size, post-processed).
    total
        By a clock of its own, so what no stage counts is the difference.
    """

    case_id: str
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    total: float = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of what is done inside it."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - began


def bench(
    cohort: Cohort, ids: list[str], predictor: Predictor, cancelled: Callable[[], bool] = never
) -> Iterator[Timing]:
    """Time cases, the first of which is done twice: once unmeasured, to load the networks.

    `predict` reads ahead and writes behind while the networks run, so it takes less than the
    sum of the stages. Every member is asked, as of a new image, also where it was trained on
    the case. What is written goes to a temporary folder.

    Raises
    ------
    TrainerError
        If a case cannot be predicted.
    Cancelled
        Soon after `cancelled` says so.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = begin(Path(folder), predictor)
        for case_id in ids[:1]:
            _timed(cohort, case_id, predictor, out, cancelled)
        for case_id in ids:
            yield _timed(cohort, case_id, predictor, out, cancelled)


def _timed(
    cohort: Cohort,
    case_id: str,
    predictor: Predictor,
    out: Predictions,
    cancelled: Callable[[], bool],
) -> Timing:
    timing = Timing(case_id)
    began = time.perf_counter()
    case = cohort.cases[case_id]
    with timing.stage("read"):
        image = cohort.image(case_id)
        cohort.digest(case_id)
    with timing.stage("resize"):
        shape = (image.shape[0], image.shape[1])
        # no digest: members that were trained on the case are asked too, as of a new one
        prepared = predictor.prepare(lambda: image, shape, case_id, None, case)
    prediction = _predicted(predictor, prepared, timing, cancelled)
    with timing.stage("write"):
        out.write(prediction)
    with timing.stage("mask"):
        to_mask(prediction, OperatingPoint.of(predictor.ensemble.masking, case))
    timing.total = time.perf_counter() - began
    return timing


def _predicted(
    predictor: Predictor, prepared: Prepared, timing: Timing, cancelled: Callable[[], bool]
) -> Prediction:
    """Until the last member has spoken it is the networks' time, then it is fusion's."""
    steps = predictor.steps(prepared, cancelled)
    spoken = 0
    with closing(steps):
        while True:
            with timing.stage("network" if spoken < len(prepared.parts) else "fuse"):
                try:
                    told = next(steps)
                except StopIteration as stop:
                    return stop.value
            spoken += told.opinion is not None


def peak_memory(device: torch.device) -> dict[str, int]:
    """The most bytes that this process has had, ``main``, and on its GPU, ``device``.

    Of main memory since the process began, libraries included; 0 where the system does not
    tell (Windows).
    """
    found = {"main": most_resident()}
    if device.type == "cuda":
        found["device"] = torch.cuda.max_memory_allocated(device)
    return found
