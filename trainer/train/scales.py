"""The size of each batch, where a training sees its images at several."""

from __future__ import annotations

import numpy as np

from trainer.model.network import STRIDE
from trainer.settings import Recipe


class Scales:
    """Sizes by batch or by epoch, and the crops that go with them.

    Parameters
    ----------
    recipe
        Whose sizes.
    longest
        Longer side of the images as they are kept, in pixels: without the recipe's `crop` it
        is that of the crop.
    """

    def __init__(self, recipe: Recipe, longest: int) -> None:
        self._recipe = recipe
        self._longest = longest

    def size(self, epoch: int, step: int) -> int:
        """Longer side, in pixels, that images have in a batch.

        Parameters
        ----------
        epoch
            Counted from 0.
        step
            A number that all items of the batch have in common, in whatever process.
        """
        recipe = self._recipe
        if recipe.sizes:
            return recipe.sizes[np.random.default_rng(step).integers(len(recipe.sizes))]
        begun = [start for start in recipe.sizes_from if start <= epoch]
        return recipe.sizes_from[max(begun)] if begun else recipe.size

    def share(self, size: int) -> float:
        """Of the images' kept size, that they have at this size."""
        return 1.0 if self._recipe.pixel_size is not None else size / self._recipe.largest

    def side(self, size: int) -> int:
        """Of a crop, in pixels; of several sizes each is a multiple of the network's stride."""
        recipe = self._recipe
        if recipe.crop is None:
            wanted = self._longest * self.share(size)
            return STRIDE * -(-round(wanted) // STRIDE)
        if not (recipe.sizes or recipe.sizes_from):
            return recipe.crop
        return max(STRIDE, STRIDE * round(recipe.crop * size / recipe.size / STRIDE))
