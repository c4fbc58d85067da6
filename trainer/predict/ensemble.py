"""Several networks' opinions of a case, and how far they lie apart."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image, Prediction
from trainer.errors import CohortError, ImageError, TrainerError
from trainer.predict import frame
from trainer.predict.device import choose
from trainer.predict.fingerprint import fingerprint
from trainer.predict.networks import Networks, never
from trainer.settings import Ensemble, Flip

if TYPE_CHECKING:
    from trainer.data.cohort import Cohort
    from trainer.data.predictions import Predictions


class Predictor:
    """An ensemble ready to run on one device; used by one thread at a time.

    Members are loaded when they are first needed and kept until `close`.

    Parameters
    ----------
    base
        Folder of the ensemble's YAML: members' files are relative to it.
    device
        A name of `trainer.predict.device.available`; None chooses the fastest kind.

    Raises
    ------
    DeviceError
        If there is no such device.
    WeightsError
        If a member's weights or their description are missing.
    """

    def __init__(self, ensemble: Ensemble, base: Path, device: str | None = None) -> None:
        self.ensemble = ensemble
        self.device = choose(device)
        self._base = base
        files = [base / member.weights for member in ensemble.members]
        self._networks = Networks(files, self.device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the members' memory; they are loaded again if needed."""
        self._networks.close()

    @cached_property
    def fingerprint(self) -> str:
        """As `trainer.predict.fingerprint.fingerprint` has it."""
        return fingerprint(self.ensemble, self._base)

    def predict(
        self,
        image: Image,
        case_id: str,
        digest: str | None = None,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] = never,
    ) -> Prediction:
        """The ensemble's opinion of an image.

        Members that saw the image in training are left out, unless all did.

        Parameters
        ----------
        image
            Of any size.
        case_id
            Whose image it is.
        digest
            Of the image's file, as `trainer.data.cohort.Cohort.digest` gives it.
        progress
            Told the share done, 0..1, after each member and view.
        cancelled
            Asked before each layer of a network.

        Raises
        ------
        Cancelled
            Soon after `cancelled` says so.
        DeviceError
            If memory does not suffice.
        WeightsError
            If a member's weights do not fit their description.
        """
        steps = self.steps(image, case_id, digest, cancelled)
        while True:
            try:
                share = next(steps)
            except StopIteration as stop:
                return stop.value
            if progress is not None:
                progress(share)

    def steps(
        self,
        image: Image,
        case_id: str,
        digest: str | None = None,
        cancelled: Callable[[], bool] = never,
    ) -> Generator[float, None, Prediction]:
        """`predict` in steps: yields the share done, 0..1, and returns the prediction."""
        shape = (image.shape[0], image.shape[1])
        chosen, in_sample = self._members_for(digest)
        sizes = [checkpoint.size for checkpoint in self._networks.checkpoints]
        inputs = {size: frame.fit(image, size) for size in {sizes[index] for index in chosen}}
        spread = _Spread(frame.fitted(shape, max(inputs)))
        done, total = 0, len(chosen) * len(self.ensemble.tta)
        for index in chosen:
            small = inputs[sizes[index]]
            looks = np.zeros(small.shape[:2], np.float32)
            for views in self._batches():
                looks += self._networks.look(index, small, views, cancelled)
                done += len(views)
                yield done / total
            looks /= len(self.ensemble.tta)
            spread.add(looks, self.ensemble.members[index].weight)
        return Prediction(case_id, spread.mean(), spread.deviation(), shape, in_sample)

    def _members_for(self, digest: str | None) -> tuple[list[int], bool]:
        """Indices of the members that have not seen the image, or of all that have."""
        seen = [checkpoint.has_seen(digest) for checkpoint in self._networks.checkpoints]
        unseen = [index for index, known in enumerate(seen) if not known]
        return (unseen, False) if unseen else (list(range(len(seen))), True)

    def _batches(self) -> list[tuple[Flip, ...]]:
        """A GPU is fed best with all views at once; a CPU is not, and answers sooner without."""
        views = self.ensemble.tta
        return [views] if self.device.type == "cuda" else [(view,) for view in views]


class _Spread:
    """Weighted mean and standard deviation of maps that come one by one.

    West, D. H. D., "Updating mean and variance estimates: an improved method",
    Communications of the ACM 22 (1979).
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self._weight = 0.0
        self._mean = np.zeros(shape, np.float32)
        self._squares = np.zeros(shape, np.float32)

    def add(self, probability: NDArray[np.float32], weight: float) -> None:
        if probability.shape != self._shape:
            height, width = self._shape
            probability = np.asarray(
                cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR),
                dtype=np.float32,
            )
        self._weight += weight
        difference = probability - self._mean
        self._mean += difference * (weight / self._weight)
        self._squares += weight * difference * (probability - self._mean)

    def mean(self) -> NDArray[np.uint8]:
        return _as_bytes(self._mean)

    def deviation(self) -> NDArray[np.uint8]:
        return _as_bytes(np.sqrt(np.maximum(self._squares / self._weight, 0)))


@dataclass(frozen=True, slots=True)
class Step:
    """How far a batch of predictions is.

    Attributes
    ----------
    case_id
        The case at work.
    done, total
        Cases finished (with or without an error), parts of one counted, and all of them.
    seconds_left
        None until it can be told.
    error
        Why the case just finished has no prediction.
    kept
        Whether the case's prediction has just been written.
    """

    case_id: str
    done: float
    total: int
    seconds_left: float | None
    error: TrainerError | None = None
    kept: bool = False


def predict_cohort(
    cohort: Cohort,
    case_ids: Iterable[str],
    predictor: Predictor,
    predictions: Predictions,
    cancelled: Callable[[], bool] = never,
) -> Iterator[Step]:
    """Predict cases and write each prediction, telling a step after each member and view.

    A case that cannot be read is told in its step and costs the others nothing; what would
    befall every case (weights, memory, a full disk) is raised. Closing the generator stops it.

    Raises
    ------
    Cancelled
        Soon after `cancelled` says so.
    DeviceError, WeightsError
        As `Predictor.predict` raises them.
    """
    ids = list(case_ids)
    pace = _Pace(len(ids))
    for before, case_id in enumerate(ids):
        yield pace.step(case_id, before)
        try:
            image, digest = cohort.image(case_id), cohort.digest(case_id)
        except (ImageError, CohortError) as error:
            yield pace.step(case_id, before + 1, error)
            continue
        with contextlib.closing(predictor.steps(image, case_id, digest, cancelled)) as steps:
            prediction = yield from pace.follow(steps, case_id, before)
        predictions.write(prediction)
        yield replace(pace.step(case_id, before + 1), kept=True)


class _Pace:
    """Steps with the time left, guessed from the time gone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._started = time.monotonic()

    def step(self, case_id: str, done: float, error: TrainerError | None = None) -> Step:
        elapsed = time.monotonic() - self._started
        left = elapsed / done * (self._total - done) if done else None
        return Step(case_id, done, self._total, left, error)

    def follow(
        self, steps: Generator[float, None, Prediction], case_id: str, before: int
    ) -> Generator[Step, None, Prediction]:
        """A case's own steps as steps of the whole, `before` cases being done."""
        while True:
            try:
                share = next(steps)
            except StopIteration as stop:
                return stop.value
            yield self.step(case_id, before + share)


def _as_bytes(unit: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
