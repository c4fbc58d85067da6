"""Several networks' opinions of a case, and how far they lie apart."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Case, Image, Prediction
from trainer.predict.asking import Panel, Part
from trainer.predict.crf import refine
from trainer.predict.device import choose
from trainer.predict.fingerprint import fingerprint
from trainer.predict.fusion import Levels, Opinion, as_levels, fuse
from trainer.predict.inputs import Inputs
from trainer.predict.memory import Memory
from trainer.predict.networks import Networks, Question, never
from trainer.settings import Ensemble


@dataclass(frozen=True, slots=True)
class Told:
    """How far a prediction is.

    Attributes
    ----------
    share
        Done of it, 0..1.
    opinion
        Of a member that has just finished.
    """

    share: float
    opinion: Opinion | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case ready for the networks."""

    case_id: str
    organ: str
    shape: tuple[int, int]
    in_sample: bool
    parts: tuple[Part, ...]
    inputs: Inputs
    refined_by: Image | None
    """The image where a dense CRF follows; else it is not kept."""


class Predictor:
    """An ensemble ready to run on one device; its networks are used by one thread at a time.

    Members are loaded when they are first needed and kept until `close`.

    Parameters
    ----------
    base
        Folder of the ensemble's YAML: members' files are relative to it.
    device
        A name of `trainer.predict.device.available`; None chooses the fastest kind.
    memory
        GiB that this process may use on the device; None for what is free.
    compiled
        Whether torch compiles the networks: minutes at first, faster from then on.

    Attributes
    ----------
    notices
        What had to be done for want of memory and is not told yet.

    Raises
    ------
    DeviceError
        If there is no such device.
    WeightsError
        If a member's weights or their description are missing.
    ImageError
        If a reference of stains cannot be read.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        base: Path,
        device: str | None = None,
        *,
        memory: float | None = None,
        compiled: bool = False,
    ) -> None:
        self.ensemble = ensemble
        self.device = choose(device)
        self.notices: deque[str] = deque()
        self._base = base
        self._panel = Panel.open(ensemble, base)
        limit = None if memory is None else memory * 2**30
        self._networks = Networks(
            [member.file for member in self._panel.members],
            Memory(self.device, limit),
            compiled,
            self.notices.append,
        )

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

    @property
    def batches(self) -> list[dict[str, int]]:
        """What networks have been shown at a time: ``batch`` views of ``height``×``width``."""
        return self._networks.batches

    def predict(
        self,
        image: Image,
        case_id: str,
        digest: str | None = None,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] = never,
        case: Case | None = None,
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
        case
            What is known of the case: its organ and pixel size.

        Raises
        ------
        Cancelled
            Soon after `cancelled` says so.
        CohortError
            If a member wants a pixel size and the case has none.
        DeviceError
            If memory does not suffice.
        SettingsError
            If no member serves the case's organ.
        WeightsError
            If a member's weights do not fit their description.
        """
        shape = (image.shape[0], image.shape[1])
        steps = self.steps(self.prepare(lambda: image, shape, case_id, digest, case), cancelled)
        while True:
            try:
                told = next(steps)
            except StopIteration as stop:
                return stop.value
            if progress is not None:
                progress(told.share)

    def prepare(
        self,
        image: Callable[[], Image],
        shape: tuple[int, int],
        case_id: str,
        digest: str | None = None,
        case: Case | None = None,
        known: Mapping[str, Levels] | None = None,
    ) -> Prepared:
        """A case's inputs; needs no network, so another thread may do it ahead.

        Parameters
        ----------
        image
            Gives the image; called only where a network has to see it.
        shape
            The image's (H, W) in pixels.
        case_id, digest, case
            As `predict` has them.
        known
            Members' opinions of the case that were kept, by their keys.

        Raises
        ------
        CohortError, SettingsError
            As `predict` raises them.
        """
        organ = "" if case is None else case.organ
        parts, in_sample = self._panel.parts(shape, digest, case, known or {})
        unknown = [look for part in parts if part.known is None for look in part.looks]
        refined = self.ensemble.crf_for(organ) is not None
        seen = image() if unknown or refined else np.zeros((1, 1, 3), np.uint8)
        inputs = Inputs(seen, unknown, self._panel.colours.brought)
        return Prepared(case_id, organ, shape, in_sample, parts, inputs, seen if refined else None)

    def steps(
        self, prepared: Prepared, cancelled: Callable[[], bool] = never
    ) -> Generator[Told, None, Prediction]:
        """The networks' work: tells the share done after each batch, returns the prediction."""
        total = sum(len(part.looks) for part in prepared.parts)
        opinions: list[Opinion] = []
        done = 0
        for part in prepared.parts:
            levels = part.known
            if levels is None:
                longer = max(max(look.shape) for look in part.looks)
                with self._networks.telling(part.index, longer):
                    levels = yield from self._opinion(prepared, part, done, total, cancelled)
            done += len(part.looks)
            name = self._panel.members[part.index].name
            opinions.append(Opinion(part.key, name, part.weight, levels))
            yield Told(done / total, opinions[-1])
        probability, disagreement = fuse(opinions, self.ensemble, prepared.organ)
        probability = self._refined(probability, prepared)
        return Prediction(
            prepared.case_id, probability, disagreement, prepared.shape, prepared.in_sample
        )

    def _refined(self, levels: Levels, prepared: Prepared) -> Levels:
        """What the members agree on, after the organ's dense CRF if it has one."""
        settings, image = self.ensemble.crf_for(prepared.organ), prepared.refined_by
        if settings is None or image is None:
            return levels
        height, width = levels.shape
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        unit = np.divide(levels, 255, dtype=np.float32)
        return as_levels(refine(unit, np.asarray(small, np.uint8), settings, self.device))

    def _opinion(
        self,
        prepared: Prepared,
        part: Part,
        before: int,
        total: int,
        cancelled: Callable[[], bool],
    ) -> Generator[Told, None, Levels]:
        """One member's probability over all its looks, at the largest of them."""
        member = self._panel.members[part.index].settings
        views, average = self.ensemble.tta, self.ensemble.tta_average
        question = Question(views, average, member.window, prepared.organ)
        largest = max(look.shape for look in part.looks)
        shares = sum(look.share for look in part.looks)
        mean = np.zeros(largest, np.float32)
        for number, look in enumerate(part.looks):
            image = prepared.inputs.image(look)
            work = self._networks.look(part.index, image, question, cancelled)
            reached = 0.0
            while True:
                try:
                    share = next(work)
                except StopIteration as stop:
                    mean += _at(stop.value, largest) * np.float32(look.share / shares)
                    break
                reached = max(reached, share)
                last = number + 1 == len(part.looks) and share == 1
                if not last:  # the caller tells the member's end itself, with its opinion
                    yield Told((before + number + reached) / total)
        if self.ensemble.tta_average == "logit":
            return as_levels(np.asarray(1 / (1 + np.exp(-mean)), dtype=np.float32))
        return as_levels(mean)


def _at(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    if values.shape == shape:
        return values
    large = cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, dtype=np.float32)
