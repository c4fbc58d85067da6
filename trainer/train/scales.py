"""The size of each batch, where a training sees its images at several."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from trainer.model.network import STRIDE
from trainer.settings import Recipe


class Scales:
    """Sizes by batch or by epoch.

    Crops are drawn at the largest size; a batch is then averaged down as a whole, wherever it
    lies. Its size follows from the recipe's seed, the epoch and the batch's number alone, so
    that it is the same in every process and after a break.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def size(self, epoch: int, batch: int) -> int:
        """Longer side, in pixels, of the images whose crops a batch shows; both from 0."""
        recipe = self._recipe
        if recipe.sizes:
            rng = np.random.default_rng((recipe.seed, epoch, batch))
            return recipe.sizes[rng.integers(len(recipe.sizes))]
        begun = [start for start in recipe.sizes_from if start <= epoch]
        return recipe.sizes_from[max(begun)] if begun else recipe.size

    def resized(
        self, pixels: Tensor, coverage: Tensor, epoch: int, batch: int
    ) -> tuple[Tensor, Tensor]:
        """A batch at its size; its sides become multiples of the network's stride.

        Parameters
        ----------
        pixels, coverage
            uint8 (B, 3, s, s) and (B, 1, s, s), as drawn.
        epoch, batch
            Counted from 0.
        """
        size = self.size(epoch, batch)
        if size == self._recipe.largest:
            return pixels, coverage
        share = pixels.shape[-1] * size / self._recipe.largest
        side = max(STRIDE, round(share / STRIDE) * STRIDE)
        return _averaged(pixels, side), _averaged(coverage, side)


def _averaged(batch: Tensor, side: int) -> Tensor:
    return F.interpolate(batch.float(), (side, side), mode="area").round().to(batch.dtype)
