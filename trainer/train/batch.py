"""What a step of a training learns from."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Crops and what is known of them; an item of a dataset is the same without (B,).

    Attributes
    ----------
    pixels
        RGB, uint8 (B, 3, h, w).
    coverage
        Share of each pixel inside a unit, uint8 (B, 1, h, w), in steps of 1/255.
    worth
        What each label is worth, float32 (B,).
    organ
        Places in the network's `organs`, int64 (B,), -1 for another; None where nobody asks.
    pixel_size
        Side of a crop's pixel in µm, float32 (B,), NaN where unknown; None where nobody asks.
    """

    pixels: Tensor
    coverage: Tensor
    worth: Tensor
    organ: Tensor | None = None
    pixel_size: Tensor | None = None

    def part(self, start: int, count: int) -> Batch:
        """Some of its samples."""
        those = slice(start, start + count)
        known = {name: one[those] for name, one in self._asdict().items() if one is not None}
        return Batch(**known)
