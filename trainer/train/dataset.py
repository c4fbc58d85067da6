"""Labelled cases at the network's resolution, and the crops that a training draws from them."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from trainer.data.case import Case, Mask
from trainer.data.cohort import Cohort
from trainer.errors import CohortError, ImageError, MaskError
from trainer.model.network import STRIDE
from trainer.predict import frame
from trainer.settings import Recipe
from trainer.train.augment import Augment
from trainer.train.chance import drawn_anew, happens
from trainer.train.draws import Draw
from trainer.train.dyes import Colours, methods
from trainer.train.image_cache import ImageCache
from trainer.train.labels import Labelled
from trainer.train.mixing import Crop, cutmix, mosaic
from trainer.train.resampling import as_predicted, check_sources, coarser_by, shape_for
from trainer.train.sampling import Turns
from trainer.train.scales import Scales

Coverage = NDArray[np.uint8]
"""Share of each pixel that lies inside a unit, in steps of 1/255, (h, w)."""

_MEMORY_SHARE = 0.4
"""Of the machine's memory that resized images may take; beyond it they are mapped from disk."""

_INSIDE = 128
"""Coverage from which a pixel is a unit's."""

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
        RGB uint8 (h, w, 3), as large as the recipe's batches may want it.
    weight
        What its label is worth.
    colours
        Of the whole image, by the methods that the recipe's augmentation needs.
    coarser
        Share of its side that another scanner's pixels would leave; None where unknown.
    pixel_size
        Of the kept image, in µm; None where unknown.
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
    colours: Colours = field(default_factory=dict)
    coarser: float | None = None
    pixel_size: float | None = None
    is_pseudo: bool = False
    predicted: Coverage | None = None


def load(
    labels: Labelled,
    recipe: Recipe,
    scratch: Path,
    room: float | None = None,
    only: Collection[str] | None = None,
    sources: Cohort | None = None,
) -> Iterator[Sample | CohortError]:
    """Read every labelled case, one at a time; a case that cannot be read yields its error.

    Images that were read before at that size come from the cohort's `ImageCache`.

    Parameters
    ----------
    labels
        Whose cases.
    recipe
        What sizes and what colours it needs.
    scratch
        A folder for the arrays that memory does not hold.
    room
        Bytes of memory to hold arrays in; a part of the machine's if None.
    only
        Ids of the cases wanted; all if None.
    sources
        Whose pixel sizes the recipe's data sources have; if None, those of the cases' own cohort.

    Raises
    ------
    SettingsError
        If the recipe names a data source whose pixel size the cohort does not know.
    """
    sources = labels.cohort if sources is None else sources
    check_sources(sources, recipe)
    cache = ImageCache.of(labels.cohort.folder)
    room = _memory() * _MEMORY_SHARE if room is None else room
    for case in labels.cases():
        if only is not None and case.id not in only:
            continue
        try:
            sample = _read(labels, case, recipe, cache, sources)
        except (ImageError, MaskError, CohortError) as error:
            yield CohortError(f"left out of the training: {error}".removesuffix("."))
            continue
        held = (part for part in (sample.image, sample.coverage) if not _is_mapped(part))
        room -= sum(part.nbytes for part in held)
        yield sample if room > 0 else _mapped(sample, scratch)


def _read(
    labels: Labelled, case: Case, recipe: Recipe, cache: ImageCache, sources: Cohort
) -> Sample:
    cohort = labels.cohort
    shape, mask = cohort.shape(case.id), labels.mask(case.id)
    if mask is None:
        raise MaskError("the case has no mask", file=cohort.csv, case=case.id)
    if mask.shape != shape:
        raise MaskError(
            f"the mask is {mask.shape[0]}×{mask.shape[1]} pixels, its image {shape[0]}×{shape[1]}",
            case=case.id,
        )
    kept, digest = shape_for(case, shape, recipe), cohort.digest(case.id)
    image = cache.image(digest, kept, lambda: frame.resized(cohort.image(case.id), kept))
    changes = recipe.augmentation.for_organ(case.organ)
    coarser = changes.coarser
    um = None if case.pixel_size is None else case.pixel_size * max(shape) / max(kept)
    return Sample(
        case,
        digest,
        image,
        coverage_at(mask, kept),
        labels.weight(case.id),
        colours=cache.colours(digest, image, methods(changes)),
        coarser=None if coarser is None else coarser_by(sources, case, um, coarser),
        pixel_size=um,
    )


def coverage_at(mask: Mask, shape: tuple[int, ...]) -> Coverage:
    """A mask, uint8 (H, W), at the (h, w) of `shape`."""
    shrinks = shape[0] < mask.shape[0] or shape[1] < mask.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    inside = (mask > 0).astype(np.uint8) * 255
    return np.asarray(cv2.resize(inside, shape[1::-1], interpolation=how), dtype=np.uint8)


def _is_mapped(part: NDArray[np.uint8]) -> bool:
    return isinstance(part, np.memmap)


def _mapped(sample: Sample, scratch: Path) -> Sample:
    def kept(name: str, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if _is_mapped(array):
            return array
        path = scratch / f"{sample.case.id}.{name}.npy"
        np.save(path, array)
        return np.load(path, mmap_mode="r")

    image, coverage = kept("image", sample.image), kept("coverage", sample.coverage)
    return replace(sample, image=image, coverage=coverage)


def _memory() -> float:
    """Bytes of the machine's memory; endless where the system does not say."""
    if not hasattr(os, "sysconf"):
        return math.inf
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


class Crops(Dataset[tuple[Tensor, ...]]):
    """Random crops; an epoch draws from each case as many as its area holds, or as `Turns` say.

    An item is an RGB crop, uint8 (3, side, side), its coverage, uint8 (1, side, side), and
    what its label is worth, float32 (); where the network is taught or told them, its organ's
    place and its pixel size as well (see `Batch`). Without the recipe's ``crop`` the side is
    one that holds every image whole.

    Raises
    ------
    SettingsError, ImageError
        If references of stains are missing or of no use.
    """

    def __init__(self, samples: Sequence[Sample], recipe: Recipe) -> None:
        self._samples = samples
        self._augmentation = recipe.augmentation
        self._network = recipe.network
        self._size = recipe.size
        self._on_units = recipe.on_units
        self._swap = recipe.pseudo.swap
        self._units = [units(sample.coverage) if recipe.on_units else None for sample in samples]
        self._mates = {
            sample.case.organ: [
                index for index, other in enumerate(samples)
                if other.case.organ == sample.case.organ
            ]
            for sample in samples
        }  # fmt: skip
        self._scales = Scales(recipe, max(max(sample.coverage.shape) for sample in samples))
        self._augment = Augment(recipe.augmentation)
        side = self._scales.side(recipe.size) / self._scales.share(recipe.size)
        self._turns = _turns(samples, recipe, side)

    def __len__(self) -> int:
        return len(self._turns)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return self._item(index, self._size)

    def draw(self, draw: Draw) -> tuple[Tensor, ...]:
        """An item at its step's size."""
        return self._item(draw.item, self._scales.size(draw.epoch, draw.step))

    def crop(self, place: int, size: int, rng: np.random.Generator) -> Crop:
        """A crop of a sample, where chance wants it with others of the same organ.

        Parameters
        ----------
        place
            Of the sample.
        size
            Longer side of the images in its batch, in pixels.
        rng
            All chance.
        """
        organ = self._samples[place].case.organ
        changes = self._augmentation.for_organ(organ)

        def another() -> Crop:
            return self._drawn(int(rng.choice(self._mates[organ])), size, rng)

        crop = self._drawn(place, size, rng)
        if happens(changes.mosaic, rng):
            crop = mosaic([crop, another(), another(), another()], rng)
        return cutmix(crop, another(), rng) if happens(changes.cutmix, rng) else crop

    def _item(self, index: int, size: int) -> tuple[Tensor, ...]:
        place = self._turns[index]
        crop = self.crop(place, size, drawn_anew())
        pixels = torch.from_numpy(np.ascontiguousarray(crop.image.transpose(2, 0, 1)))
        worth = torch.tensor(crop.weight, dtype=torch.float32)
        item = (pixels, torch.from_numpy(crop.coverage)[None], worth)
        if not (self._network.organ_input or {"organ", "pixel_size"} & {*self._network.auxiliary}):
            return item
        organ = self._network.organ_index(self._samples[place].case.organ)
        known = torch.tensor(-1 if organ is None else organ)
        return *item, known, torch.tensor(crop.pixel_size, dtype=torch.float32)

    def _drawn(self, place: int, size: int, rng: np.random.Generator) -> Crop:
        sample, boxes = self._samples[place], self._units[place]
        on = None
        if boxes is not None and len(boxes) and happens(self._on_units, rng):
            top, left, height, width = boxes[rng.integers(len(boxes))]
            on = (top + rng.uniform(0, height), left + rng.uniform(0, width))
        if sample.predicted is not None and happens(self._swap, rng):
            sample = replace(sample, coverage=sample.predicted)
        scales = self._scales
        return self._augment(sample, rng, scales.side(size), scales.share(size), on)


def _turns(samples: Sequence[Sample], recipe: Recipe, side: float) -> Turns:
    """An epoch's crops, of a side in the samples' own pixels."""
    shares = [max(1, round(sample.coverage.size / side**2)) for sample in samples]
    step = recipe.batch_size * recipe.training.accumulate
    rounds = math.ceil(_LEAST_BATCHES * step / sum(shares))
    return Turns(
        [sample.case for sample in samples],
        [sample.is_pseudo for sample in samples],
        np.array(shares) * rounds,
        recipe.sampling,
        recipe.pseudo.share,
    )


def units(coverage: Coverage) -> NDArray[np.int32]:
    """(top, left, height, width) of each connected piece of a coverage's inside, (n, 4)."""
    inside = (np.asarray(coverage) >= _INSIDE).astype(np.uint8)
    _, _, found, _ = cv2.connectedComponentsWithStats(inside)
    columns = [cv2.CC_STAT_TOP, cv2.CC_STAT_LEFT, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]
    return np.asarray(found[1:, columns], np.int32)


class Whole(Dataset[tuple[Tensor, ...]]):
    """Whole images as an ensemble will see them.

    An item is an RGB image, uint8 (3, h', w') with h' and w' multiples of the network's
    stride, and the coverage, uint8 (1, h, w), of its upper left part; where the network is told
    its organ, that one's place as well.
    """

    def __init__(self, samples: Sequence[Sample], recipe: Recipe) -> None:
        self._samples = samples
        self._recipe = recipe

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        sample = self._samples[index]
        image = as_predicted(np.asarray(sample.image), self._recipe)
        coverage = as_predicted(np.array(sample.coverage), self._recipe)
        padded = torch.tensor(frame.pad(image, STRIDE)).permute(2, 0, 1)
        item = (padded, torch.from_numpy(coverage)[None])
        if not self._recipe.network.organ_input:
            return item
        organ = self._recipe.network.organ_index(sample.case.organ)
        return *item, torch.tensor(-1 if organ is None else organ)
