"""Random changes of a crop's stains: other laboratories' colours, and jitter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from trainer.data import stain, stain_jitter
from trainer.data.case import Image
from trainer.data.tiff import read_rgb
from trainer.errors import ImageError, SettingsError
from trainer.predict import frame
from trainer.settings import Augmentation, Change, Changes, Transfer
from trainer.train.chance import happens

_LONGEST = 1024
"""Longer side, in pixels, of the image that colours are taken from."""

_JITTERED: stain.Method = "macenko"
"""Whose stains of an image `stains` turns."""

Colours = Mapping[stain.Method, stain.Reference]
"""An image's colours by method; without those that it shows too little tissue for."""


class Dyes:
    """Stains as an augmentation wants them; references are read once.

    Raises
    ------
    SettingsError
        If a transfer's references are not there, or its folder holds no tiff.
    ImageError
        If a reference cannot be read, or shows too little tissue.
    """

    def __init__(self, augmentation: Augmentation) -> None:
        self._references: dict[Transfer, dict[stain.Method, list[stain.Reference]]] = {}
        for wanted in augmentation.transfers():
            if wanted not in self._references:
                self._references[wanted] = _read(wanted)

    def changed(
        self, image: Image, changes: Changes, own: Colours, rng: np.random.Generator
    ) -> Image:
        """A reference's colours, then HED jitter, then jitter of the image's own stains.

        Parameters
        ----------
        image
            RGB uint8 (h, w, 3); left as it is.
        changes
            Its organ's.
        own
            Colours of the whole image, by the methods of `methods`.
        rng
            All chance.
        """
        image = self._transferred(image, changes.transfer, own, rng)
        if _happens(changes.hed, rng):
            size = changes.hed.strength
            stretch, move = rng.uniform(1 - size, 1 + size, 3), rng.uniform(-size, size, 3)
            # Ruifrok's densities count decades of light
            image = stain_jitter.hed(image, stretch, move / stain_jitter.DECADES)
        found = own.get(_JITTERED)
        if _happens(changes.stains, rng) and found is not None and found.stains is not None:
            size, matrix = changes.stains.strength, found.stains.matrix
            stretch, turned = rng.uniform(1 - size, 1 + size, 2), _turned(matrix, size, rng)
            image = stain_jitter.own(image, matrix, turned, stretch)
        return image

    def _transferred(
        self, image: Image, wanted: Transfer | None, own: Colours, rng: np.random.Generator
    ) -> Image:
        if wanted is None or not happens(wanted.probability, rng):
            return image
        method = wanted.methods[rng.integers(len(wanted.methods))]
        choice = self._references[wanted][method]
        reference = choice[rng.integers(len(choice))]
        share = rng.uniform(*wanted.blend)
        if method not in own:
            return image
        brought = stain.transfer(image, reference, own[method])
        if share == 1:
            return brought
        return np.asarray(cv2.addWeighted(brought, share, image, 1 - share, 0), np.uint8)


def methods(changes: Changes) -> tuple[stain.Method, ...]:
    """The methods by which an image's colours must be known."""
    found = () if changes.transfer is None else changes.transfer.methods
    return tuple(dict.fromkeys((*found, *((_JITTERED,) if changes.stains else ()))))


def colours(image: Image, wanted: tuple[stain.Method, ...]) -> dict[stain.Method, stain.Reference]:
    """An image's colours by these methods, as far as it shows enough tissue."""
    small = _small(image) if wanted else image
    found = {}
    for method in wanted:
        try:
            found[method] = stain.Reference.of(small, method)
        except ImageError:
            continue
    return found


def _read(wanted: Transfer) -> dict[stain.Method, list[stain.Reference]]:
    found: dict[stain.Method, list[stain.Reference]] = {method: [] for method in wanted.methods}
    for file in _files(Path(wanted.references)):
        image = _small(read_rgb(file))
        for method, references in found.items():
            references.append(stain.Reference.of(image, method, file))
    return found


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    if not place.is_dir():
        remedy = "name a tiff or a folder of them, relative to the recipe's YAML"
        raise SettingsError("there are no references of `transfer`", file=place, remedy=remedy)
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in (".tif", ".tiff"))
    if not files:
        remedy = "put reference images there"
        raise SettingsError("holds no tiff that `transfer` could use", file=place, remedy=remedy)
    yield from files


def _small(image: Image) -> Image:
    return frame.fit(image, _LONGEST) if max(image.shape[:2]) > _LONGEST else image


def _happens(change: Change, rng: np.random.Generator) -> bool:
    return bool(change) and happens(change.probability, rng)


def _turned(matrix: stain.Floats, size: float, rng: np.random.Generator) -> stain.Floats:
    """Each stain's light loss in red, green and blue changed by at most `size`; of unit length."""
    moved = matrix * rng.uniform(1 - size, 1 + size, matrix.shape)
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
