"""All that is drawn of a case, read and prepared away from the window."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from hubmap_viewer.past import Lost, Past, start_of, told_by_journal
from trainer.data.case import Case, Image, Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.contours import outline
from trainer.data.predictions import Predictions
from trainer.data.store import Journal, Revision, Status, Store
from trainer.data.tiff import pyramid
from trainer.errors import TrainerError
from trainer.metrics import Counts, counted
from trainer.predict.postprocess import OperatingPoint, to_mask

Read = TypeVar("Read")

SMALLEST = 512
"""Longer side, in pixels, that a picture's coarsest level need not fall below."""

OUTLINE = 3
"""Width of an outline in pixels of the level it is drawn on."""

DASH = 9
"""Length of a dash of the prediction's outline in pixels of its level."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a case's masks come from."""

    cohort: Cohort
    store: Store | None = None
    predictions: Predictions | None = None
    second: Predictions | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Of organs whose prediction is to become a mask otherwise than its ensemble says."""
    journal: Journal | None = None
    """Of strokes; None where another window writes it."""

    def threshold_for(self, organ: str) -> float:
        """Probability from which a pixel of the shown prediction belongs to a unit."""
        if organ in self.thresholds or self.predictions is None:
            return self.thresholds.get(organ, 0.5)
        return self.predictions.threshold_for(organ)

    def threshold_of(self, organs: Iterable[str]) -> dict[str | tuple[str, str], float]:
        """Thresholds of organs, and of an organ's data sources where nothing is being tried."""
        tried = {organ: self.thresholds.get(organ, 0.5) for organ in organs}
        if self.predictions is None:
            return {**tried}
        own = self.predictions.masking.threshold_of({*tried} - {*self.thresholds})
        return {**tried, **own}

    def point_for(self, case: Case) -> OperatingPoint:
        """How the shown prediction of a case becomes a mask.

        Raises
        ------
        MaskError
            If it asks for the case's pixel size, and that is not known.
        """
        if self.predictions is None:
            return OperatingPoint(self.threshold_for(case.organ))
        point = OperatingPoint.of(self.predictions.masking, case)
        tried = self.thresholds.get(case.organ)
        return point if tried is None else point.at(tried)


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction, the mask it becomes at an operating point, and its outline's levels."""

    prediction: Prediction
    point: OperatingPoint
    mask: Mask
    outline: list[Mask]

    @property
    def threshold(self) -> float:
        """Probability from which a pixel of it is inside."""
        return self.point.threshold

    @classmethod
    def of(cls, prediction: Prediction, point: OperatingPoint, mask: Mask) -> Self:
        """A prediction's mask at an operating point, ready to be drawn."""
        return cls(prediction, point, mask, outline_levels(mask, DASH))

    @classmethod
    def tried(cls, prediction: Prediction, point: OperatingPoint, mask: Mask) -> Self:
        """The same, each level's outline made when it is looked at: most moves see but one."""
        levels = [cast("Mask", LaterOutline(level)) for level in halves(mask)]
        return cls(prediction, point, mask, levels)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A case as it was read; masks are uint8 (H, W), 0 or 1.

    Attributes
    ----------
    image
        Levels of the image, the first at full size, RGB uint8.
    truth_outline
        The truth's outline on each level; None without truth.
    curated
        The kept mask, or what a review of this case starts from.
    start
        Where ``curated`` came from: ``kept``, ``truth``, ``prediction`` or ``empty``.
    past
        The edits that led to ``curated``, as far as the journal knows them.
    lost
        Strokes that were drawn but are in no revision, because the program ended; None if none.
    warnings
        Sentences for the user: what could not be read though the image could.
    agreement, predicted_agreement
        Of ``curated`` and of the prediction's mask with truth: counted here, as opening waits
        for nothing that can be known before.
    """

    case: Case
    image: list[Image]
    truth: Mask | None
    truth_outline: list[Mask] | None
    predicted: Predicted | None
    second: Predicted | None
    curated: Mask
    start: str
    revision: Revision | None
    past: Past
    lost: Lost | None = None
    warnings: tuple[TrainerError, ...] = ()
    agreement: Counts | None = None
    predicted_agreement: Counts | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the image, in pixels."""
        height, width = self.image[0].shape[:2]
        return height, width

    @property
    def status(self) -> Status:
        return "unreviewed" if self.revision is None else self.revision.status


def load(sources: Sources, case_id: str) -> Loaded:
    """Read a case and prepare what the window draws.

    Raises
    ------
    TrainerError
        If the image cannot be read; a mask that cannot be is among the warnings.
    """
    warnings: list[TrainerError] = []
    image = sources.cohort.image(case_id)
    truth = _try(lambda: sources.cohort.truth(case_id), warnings)
    predicted = _try(lambda: load_prediction(sources, case_id), warnings)
    second = _try(lambda: load_second(sources, case_id), warnings)
    revision = _try(
        lambda: None if sources.store is None else sources.store.latest(case_id), warnings
    )
    kept = _try(lambda: _kept(sources.store, revision, image.shape[:2]), warnings)
    curated, start = _start(kept, truth, predicted, image.shape[:2])
    begun = _begun(sources, revision if kept is not None else None, start, predicted)
    told = _try(lambda: told_by_journal(sources, case_id, curated, begun), warnings)
    past, lost = told or (begun, None)
    return Loaded(
        case=sources.cohort.cases[case_id],
        image=levels(image),
        truth=truth,
        truth_outline=None if truth is None else outline_levels(truth),
        predicted=predicted,
        second=second,
        curated=curated,
        start=start,
        revision=revision,
        past=past,
        lost=lost,
        warnings=tuple(warnings),
        agreement=_agreement(curated, truth),
        predicted_agreement=_agreement(None if predicted is None else predicted.mask, truth),
    )


def _agreement(mask: Mask | None, truth: Mask | None) -> Counts | None:
    return None if mask is None or truth is None else counted(mask, truth)


def load_prediction(sources: Sources, case_id: str) -> Predicted | None:
    """The case's kept prediction as a mask; None where there is none."""
    case = sources.cohort.cases[case_id]
    return _predicted(sources.predictions, case_id, lambda: sources.point_for(case))


def load_second(sources: Sources, case_id: str) -> Predicted | None:
    """What the second ensemble says of the case, at its own operating point."""
    second = sources.second
    if second is None:
        return None
    case = sources.cohort.cases[case_id]
    return _predicted(second, case_id, lambda: OperatingPoint.of(second.masking, case))


def load_predictions(sources: Sources, case_id: str) -> tuple[Predicted | None, Predicted | None]:
    """What the shown and the second ensemble say of the case."""
    return load_prediction(sources, case_id), load_second(sources, case_id)


def _predicted(
    predictions: Predictions | None, case_id: str, point_of: Callable[[], OperatingPoint]
) -> Predicted | None:
    prediction = None if predictions is None else predictions.read(case_id)
    if prediction is None:
        return None
    point = point_of()
    return Predicted.of(prediction, point, to_mask(prediction, point))


def levels(image: Image) -> list[Image]:
    """The image and its halves; napari wants two levels even of a small one."""
    return pyramid(image, smallest=min(SMALLEST, max(image.shape[:2]) // 2))


def outline_levels(mask: Mask, dash: int = 0) -> list[Mask]:
    """The mask's outline, drawn anew on each level so that it stays as wide on the screen."""
    return [outline(level, OUTLINE, dash) for level in halves(mask)]


def halves(mask: Mask) -> list[Mask]:
    """The mask and its halves, down to the size of a picture's coarsest level."""
    smaller = max(1, math.ceil(math.log2(max(mask.shape) / SMALLEST)))
    return [mask, *(_halved(mask, 2**k) for k in range(1, smaller + 1))]


class LaterOutline:
    """An array whose values are worked out when the first of them is asked for."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self.shape, self.dtype, self.ndim, self.size = mask.shape, mask.dtype, mask.ndim, mask.size

    def __getitem__(self, key: Any) -> Any:
        return self._drawn[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._drawn, dtype=dtype, copy=bool(copy))

    @cached_property
    def _drawn(self) -> Mask:
        return outline(self._mask, OUTLINE, DASH)


def _halved(mask: Mask, factor: int) -> Mask:
    height, width = mask.shape
    size = (max(1, width // factor), max(1, height // factor))
    small = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(small, dtype=np.uint8)


def _kept(store: Store | None, revision: Revision | None, shape: tuple[int, ...]) -> Mask | None:
    if store is None or revision is None:
        return None
    mask = store.mask(revision)
    if mask.shape != shape:
        raise TrainerError(
            f"the kept mask is {mask.shape[0]}×{mask.shape[1]} but the image is now "
            f"{shape[0]}×{shape[1]}",
            case=revision.case_id,
            remedy="put the image back that was reviewed; the kept mask stays in the store",
        )
    return mask


def _start(
    kept: Mask | None,
    truth: Mask | None,
    predicted: Predicted | None,
    shape: tuple[int, ...],
) -> tuple[Mask, str]:
    if kept is not None:
        return kept, "kept"
    if truth is not None:
        return truth.copy(), "truth"
    if predicted is not None:
        return predicted.mask.copy(), "prediction"
    return np.zeros(shape, np.uint8), "empty"


def _begun(
    sources: Sources, revision: Revision | None, start: str, predicted: Predicted | None
) -> Past:
    """What a mask is before anything is drawn on it."""
    if revision is not None:
        return Past(revision.origin, revision.started_from)
    if start != "prediction" or predicted is None or sources.predictions is None:
        return Past("truth" if start == "truth" else "redrawn")
    return Past("raw prediction", start_of(sources.predictions, predicted.threshold))


def _try(read: Callable[[], Read], warnings: list[TrainerError]) -> Read | None:
    try:
        return read()
    except TrainerError as error:
        warnings.append(error)
        return None
