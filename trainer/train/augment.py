"""Random changes of a training image and its mask together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from trainer.settings import Augmentation
from trainer.train import flaws, tones, warp
from trainer.train.dyes import Dyes
from trainer.train.mixing import Crop

if TYPE_CHECKING:
    from trainer.train.dataset import Sample


class Augment:
    """Draws a random crop, warped and recoloured as its organ wants it.

    Image and mask go through the same resampling, once; what changes colours sees the image
    alone. Beyond an image's edge the crop goes on mirrored.

    Raises
    ------
    SettingsError, ImageError
        If references of stains are missing or of no use.
    """

    def __init__(self, augmentation: Augmentation) -> None:
        self._augmentation = augmentation
        self._dyes = Dyes(augmentation)

    def __call__(
        self,
        sample: Sample,
        rng: np.random.Generator,
        side: int,
        share: float = 1.0,
        on: tuple[float, float] | None = None,
    ) -> Crop:
        """Draw one.

        Parameters
        ----------
        sample
            What the crop is of.
        rng
            All chance.
        side
            Of the square crop, in pixels.
        share
            Of the sample's size that it is shown at.
        on
            (row, column) of the sample's image that the crop is laid on; anywhere if None.
        """
        changes = self._augmentation.for_organ(sample.case.organ)
        height, width = sample.coverage.shape
        place = warp.draw(changes, side, (height, width), rng, on, share)
        image, coverage = place.crop(sample.image, sample.coverage)
        image = self._dyes.changed(image, changes, sample.colours, rng)
        image = tones.changed(image, changes, rng)
        image = flaws.changed(image, changes, sample.coarser, rng)
        um = math.nan if sample.pixel_size is None else sample.pixel_size * place.coarser
        return Crop(image, coverage, sample.weight, um)
