"""Random changes of a training image and its mask together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image
from trainer.settings import Augmentation
from trainer.train import flaws, tones, warp
from trainer.train.dyes import Dyes

if TYPE_CHECKING:
    from trainer.train.dataset import Sample


class Augment:
    """Draws a random crop, warped and recoloured as its organ wants it.

    Image and mask go through the same resampling, once; what changes colours sees the image
    alone. Beyond an image's edge the crop goes on mirrored.

    Parameters
    ----------
    side
        Of the square crop, in pixels.

    Raises
    ------
    SettingsError, ImageError
        If references of stains are missing or of no use.
    """

    def __init__(self, augmentation: Augmentation, side: int) -> None:
        self._augmentation = augmentation
        self._side = side
        self._dyes = Dyes(augmentation)

    def __call__(
        self, sample: Sample, rng: np.random.Generator, on: tuple[float, float] | None = None
    ) -> tuple[Image, NDArray[np.uint8]]:
        """RGB uint8 (side, side, 3) and coverage uint8 (side, side).

        Parameters
        ----------
        sample
            What the crop is of.
        rng
            All chance.
        on
            (row, column) of the sample's image that the crop is laid on; anywhere if None.
        """
        changes = self._augmentation.for_organ(sample.case.organ)
        height, width = sample.coverage.shape
        place = warp.draw(changes, self._side, (height, width), rng, on)
        image = place.crop(sample.image)
        image = self._dyes.changed(image, changes, sample.colours, rng)
        image = tones.changed(image, changes, rng)
        image = flaws.changed(image, changes, sample.coarser, rng)
        return image, place.crop(sample.coverage)
