"""Labelled cases at the network's resolution, and the crops that a training draws from them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from trainer.data.case import Case, Mask
from trainer.errors import CohortError, ImageError, MaskError
from trainer.model.network import STRIDE
from trainer.predict import frame
from trainer.settings import Recipe
from trainer.train.augment import Augment
from trainer.train.labels import Labelled
from trainer.train.sampling import Turns

Coverage = NDArray[np.uint8]
"""Share of each pixel that lies inside a unit, in steps of 1/255, (h, w)."""

_MEMORY_SHARE = 0.4
"""Of the machine's memory that resized images may take; beyond it they are mapped from disk."""

_LEAST_BATCHES = 10
"""Of an epoch, so that a handful of cases is not validated more than trained on."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A labelled case, resized.

    Attributes
    ----------
    digest
        Of the image's file.
    image
        RGB uint8 (h, w, 3), the longer side as the recipe's ``size``.
    weight
        What its label is worth.
    is_pseudo
        Whether its label is a prediction in place of none.
    predicted
        What networks that have not seen the case say of it, to take its label's place by chance.
    """

    case: Case
    digest: str
    image: NDArray[np.uint8]
    coverage: Coverage
    weight: float = 1.0
    is_pseudo: bool = False
    predicted: Coverage | None = None


def load(
    labels: Labelled, size: int, scratch: Path, room: float | None = None
) -> Iterator[Sample | CohortError]:
    """Read every labelled case, one at a time; a case that cannot be read yields its error.

    Parameters
    ----------
    labels
        Whose cases.
    size
        Longer side of the resized images, in pixels.
    scratch
        A folder for the arrays that memory does not hold.
    room
        Bytes of memory to hold arrays in; a part of the machine's if None.
    """
    room = _memory() * _MEMORY_SHARE if room is None else room
    for case in labels.cases():
        try:
            sample = _read(labels, case, size)
        except (ImageError, MaskError, CohortError) as error:
            yield CohortError(f"left out of the training: {error}".removesuffix("."))
            continue
        room -= sample.image.nbytes + sample.coverage.nbytes
        yield sample if room > 0 else _mapped(sample, scratch)


def _read(labels: Labelled, case: Case, size: int) -> Sample:
    cohort = labels.cohort
    image, mask = cohort.image(case.id), labels.mask(case.id)
    if mask is None:
        raise MaskError("the case has no mask", file=cohort.csv, case=case.id)
    if mask.shape != image.shape[:2]:
        raise MaskError(
            f"the mask is {mask.shape[0]}×{mask.shape[1]} pixels,"
            f" its image {image.shape[0]}×{image.shape[1]}",
            case=case.id,
        )
    small = frame.fit(image, size)
    coverage = coverage_at(mask, small.shape[:2])
    return Sample(case, cohort.digest(case.id), small, coverage, labels.weight(case.id))


def coverage_at(mask: Mask, shape: tuple[int, ...]) -> Coverage:
    """A mask, uint8 (H, W), at the (h, w) of `shape`."""
    shrinks = shape[0] < mask.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    inside = (mask > 0).astype(np.uint8) * 255
    return np.asarray(cv2.resize(inside, shape[1::-1], interpolation=how), dtype=np.uint8)


def _mapped(sample: Sample, scratch: Path) -> Sample:
    def kept(name: str, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        path = scratch / f"{sample.case.id}.{name}.npy"
        np.save(path, array)
        return np.load(path, mmap_mode="r")

    return Sample(
        sample.case,
        sample.digest,
        kept("image", sample.image),
        kept("coverage", sample.coverage),
        sample.weight,
    )


def _memory() -> float:
    """Bytes of the machine's memory; endless where the system does not say."""
    if not hasattr(os, "sysconf"):
        return math.inf
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


class Crops(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Random crops; an epoch draws from each case as many as its area holds.

    An item is an RGB crop, uint8 (3, crop, crop), its coverage, uint8 (1, crop, crop), and
    what its label is worth, float32 ().
    """

    def __init__(self, samples: Sequence[Sample], recipe: Recipe) -> None:
        self._samples = samples
        self._augment = Augment(recipe.augmentation, recipe.crop)
        shares = [max(1, round(s.coverage.size / recipe.crop**2)) for s in samples]
        rounds = math.ceil(_LEAST_BATCHES * recipe.batch_size / sum(shares))
        self._turns = Turns(
            [sample.case for sample in samples],
            [sample.is_pseudo for sample in samples],
            np.array(shares) * rounds,
            recipe.sampling,
            recipe.pseudo.share,
        )
        self._swap = recipe.pseudo.swap

    def __len__(self) -> int:
        return len(self._turns)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        sample = self._samples[self._turns[index]]
        worth = torch.tensor(sample.weight, dtype=torch.float32)
        coverage = sample.coverage
        if sample.predicted is not None and float(torch.rand(())) < self._swap:
            coverage = sample.predicted
        return *self._augment(sample.image, coverage), worth


class Whole(Dataset[tuple[Tensor, Tensor]]):
    """Whole images as an ensemble will see them.

    An item is an RGB image, uint8 (3, h', w') with h' and w' multiples of the network's
    stride, and the coverage, uint8 (1, h, w), of its upper left part.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        sample = self._samples[index]
        padded = torch.from_numpy(frame.pad(sample.image, STRIDE)).permute(2, 0, 1)
        return padded, torch.from_numpy(np.array(sample.coverage))[None]
