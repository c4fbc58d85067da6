"""How far a mask is from a reference while edits are tried on it."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Edit
from trainer.data.findings import SPECK
from trainer.data.units import Overlay


class Score:
    """A mask, its reference, and what an edit would make of their Dice.

    Parameters
    ----------
    mask
        uint8 0 or 1 (H, W); a copy is kept.
    reference
        The same, not written to.

    Attributes
    ----------
    mask
        As the edits that were made have left it.
    """

    def __init__(self, mask: Mask, reference: Mask) -> None:
        self.mask = mask.copy()
        self.reference = reference
        self.common = cv2.countNonZero(mask & reference)
        self.total = cv2.countNonZero(mask) + cv2.countNonZero(reference)

    @property
    def dice(self) -> float:
        """Of the mask as it is."""
        return _dice(self.common, self.total)

    def changed(self, added: int, common: int) -> float:
        """Dice if `added` pixels more were inside, `common` of them in the reference.

        Both are negative where pixels were taken away.
        """
        return _dice(self.common + common, self.total + added)

    def after(self, edit: Edit) -> float:
        """Dice if an edit were made."""
        return self.changed(*self._change(edit))

    def make(self, edit: Edit) -> None:
        """Make an edit."""
        added, common = self._change(edit)
        self.total += added
        self.common += common
        edit.apply(self.mask)

    def _change(self, edit: Edit) -> tuple[int, int]:
        before, reference = edit.box.of(self.mask), edit.box.of(self.reference)
        packed = np.frombuffer(zlib.decompress(edit.bits), np.uint8)
        flipped = np.unpackbits(packed, count=before.size).reshape(before.shape)
        gone = flipped & before
        right = flipped & reference
        removed, removed_right = cv2.countNonZero(gone), cv2.countNonZero(gone & reference)
        added = cv2.countNonZero(flipped) - removed
        return added - removed, cv2.countNonZero(right) - 2 * removed_right


def _dice(common: int, total: int) -> float:
    return 2 * common / total if total else 1.0


def unit_f1(mask: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """F1 of a mask's units: 2 × matched / (units of the mask + units of the reference).

    Units are those of `trainer.data.findings`, of which specks (below 1/20,000 of the image) do
    not count. Two units match where their intersection is more than half of their union, so
    that a unit matches one other at most. 1 where neither mask has a unit.
    """
    overlay = Overlay(mask, reference)
    speck = SPECK * mask.shape[0] * mask.shape[1]
    areas = overlay.first.areas, overlay.second.areas
    sizeable = areas[0] >= speck, areas[1] >= speck
    count = int(sizeable[0].sum() + sizeable[1].sum())
    if not count:
        return 1.0
    overlaps = overlay.overlaps()
    first, second, common = overlaps.first, overlaps.second, overlaps.areas
    union = areas[0][first] + areas[1][second] - common
    matched = (2 * common > union) & sizeable[0][first] & sizeable[1][second]
    return 2 * int(matched.sum()) / count
