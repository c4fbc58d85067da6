"""How well two masks agree."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.errors import MaskError


def dice(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    """Dice coefficient, 2|A∩B| / (|A| + |B|); 1.0 for two empty masks.

    Parameters
    ----------
    a, b
        (H, W), any dtype; whatever is not 0 is inside.

    Raises
    ------
    MaskError
        If the masks are of different sizes.
    """
    return overlap(a, b)[0]


def iou(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    """Intersection over union, |A∩B| / |A∪B|; 1.0 for two empty masks.

    Takes and refuses what `dice` does.
    """
    return overlap(a, b)[1]


def overlap(a: NDArray[np.generic], b: NDArray[np.generic]) -> tuple[float, float]:
    """`dice` and `iou` of the same two masks, their pixels counted once."""
    return counted(a, b).overlap()


class Counts(NamedTuple):
    """|A∩B| and |A| + |B|, in pixels; those of parts that do not overlap add up."""

    both: int
    total: int

    def overlap(self) -> tuple[float, float]:
        """`dice` and `iou` of the masks that were counted."""
        both, total = self
        return (2 * both / total, both / (total - both)) if total else (1.0, 1.0)


def counted(a: NDArray[np.generic], b: NDArray[np.generic]) -> Counts:
    """The counts of two masks; takes and refuses what `dice` does."""
    check_sizes(a, b)
    if a.size == 0:
        return Counts(0, 0)
    a, b = _bytes(a), _bytes(b)
    both = cv2.countNonZero(cv2.min(a, b))
    return Counts(both, cv2.countNonZero(a) + cv2.countNonZero(b))


def check_sizes(a: NDArray[np.generic], b: NDArray[np.generic]) -> None:
    """Refuse two masks that cannot be compared.

    Raises
    ------
    MaskError
        If they are of different sizes.
    """
    if a.shape != b.shape:
        raise MaskError(f"masks of different sizes, {a.shape} and {b.shape}, cannot be compared")


def _bytes(mask: NDArray[np.generic]) -> NDArray[np.uint8]:
    return mask.view(np.uint8) if mask.dtype == np.uint8 else (mask != 0).view(np.uint8)
