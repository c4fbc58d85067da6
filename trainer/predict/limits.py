"""How much of an image a network is shown at a time: planned, and mended when memory runs out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from trainer.model.network import STRIDE

SMALLEST = 256
"""Side of the smallest window that an image is cut into for want of memory, in pixels."""

_ON_CPU = 1
"""Views at a time: more keep no core busier, take memory, and answer a cancel later."""

_ON_GPU = 16


@dataclass(frozen=True, slots=True)
class Limit:
    """What a network is given at a time.

    Attributes
    ----------
    batch
        Views of one size.
    side
        Of the window that memory allows; None where all fits.
    """

    batch: int
    side: int | None = None

    def halved(self, longer: int) -> Limit | None:
        """Half of it: of the batch, then of the window; None once that is as small as it may be.

        Parameters
        ----------
        longer
            Side of the largest view shown under this limit, in pixels.
        """
        if self.batch > 1:
            return replace(self, batch=self.batch // 2)
        side = _whole(min(longer, self.side or longer) / 2)
        return replace(self, side=side) if side >= SMALLEST else None


def planned(
    view: tuple[int, int], cost: float | None, room: float | None, on_cpu: bool
) -> Limit | None:
    """What fits into memory; None where not even the smallest window does.

    Parameters
    ----------
    view
        (h, w) of one view, in pixels.
    cost
        Bytes for each pixel of a view; None where nobody counts.
    room
        Bytes there are; None where nobody counts.
    on_cpu
        Whether the network runs there.
    """
    most = _ON_CPU if on_cpu else _ON_GPU
    if cost is None or room is None:
        return Limit(most)
    pixels = max(0.0, room / cost)
    batch = int(pixels // (view[0] * view[1]))
    if batch:
        return Limit(min(batch, most))
    side = _whole(math.sqrt(pixels))
    return Limit(1, side) if side >= SMALLEST else None


def _whole(side: float) -> int:
    """The next smaller side that a network takes."""
    return int(side) // STRIDE * STRIDE
