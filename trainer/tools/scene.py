"""What a tool sees when it is used."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image, Mask


class Point(NamedTuple):
    """A place on the image, in pixels."""

    row: float
    column: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The case as it lies under the cursor; a tool looks at it and never writes to it.

    Attributes
    ----------
    mask
        The curated mask, uint8 (H, W) of 0 and 1.
    image
        RGB, uint8 (H, W, 3).
    levels
        The prediction's probability at the image's size, uint8 (H, W) in steps of 1/255;
        None without a prediction.
    threshold
        Probability from which the prediction's mask holds a pixel, in 0..1.
    pixel_size
        Side of a pixel in µm; None where unknown.
    """

    mask: Mask
    image: Image
    levels: NDArray[np.uint8] | None = None
    threshold: float = 0.5
    pixel_size: float | None = None

    def frozen(self) -> Self:
        """The same with a copy of the mask: it stays as it is while the case is edited."""
        return replace(self, mask=self.mask.copy())
