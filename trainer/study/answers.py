"""Which suspected units of a corrupted truth were corrupted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.review.contradiction import Box
from trainer.review.suspicion import SuspectUnit

_MISSING = ("lacking", "too narrow")
"""Kinds of places that truth lacks."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A place that was ranked.

    Attributes
    ----------
    suspicion
        0 for a dropped unit that nothing points at.
    error
        1 less the Dice of the place's unit and the best match in the other mask: what a ranking
        by Dice alone goes by.
    is_wrong
        Whether the truth was corrupted there.
    """

    case_id: str
    kind: str
    box: Box
    suspicion: float
    error: float
    is_wrong: bool


def judged(
    case_id: str, found: Sequence[SuspectUnit], sound: Mask, corrupted: Mask, predicted: Mask
) -> list[Judged]:
    """Every place of a case with its answer.

    A unit of the corrupted truth is wrong if it holds a pixel that was added; a place that truth
    lacks is wrong if at least half of it was taken away. A piece that was taken away whole (as
    dropped units are) and that no place points at counts as a wrong place with no suspicion.

    Parameters
    ----------
    case_id
        The case.
    found
        Its suspected units.
    sound, corrupted, predicted
        The truth before and after, and the prediction's mask; uint8 (H, W).
    """
    added, taken = corrupted & (1 - sound), sound & (1 - corrupted)
    own, other = _Pieces(corrupted), _Pieces(predicted)
    out: list[Judged] = []
    pointed = np.zeros_like(taken)
    for unit in found:
        row0, column0, row1, column1 = unit.box
        here = np.s_[row0:row1, column0:column1]
        if unit.kind in _MISSING:
            is_wrong = 2 * int(taken[here].sum()) >= unit.area
            pointed[here] |= is_wrong
            error = other.error(other.at(here, corrupted), own)
        else:
            number = own.with_box(unit.box)
            is_wrong = bool((added[here] & own.piece(number, here)).any())
            error = own.error(number, other)
        out.append(Judged(case_id, unit.kind, unit.box, unit.suspicion, error, is_wrong))
    for box in _unseen(sound, taken, pointed):
        number = other.at(np.s_[box[0] : box[2], box[1] : box[3]], corrupted)
        error = other.error(number, own) if number else 0.0
        out.append(Judged(case_id, "lacking", box, 0.0, error, True))
    return out


def _unseen(sound: Mask, taken: Mask, pointed: Mask) -> Iterator[Box]:
    """Boxes of units that were taken away whole and that nothing points at."""
    before = _Pieces(sound)
    for number, box in enumerate(before.boxes[1:], start=1):
        here = np.s_[box[0] : box[2], box[1] : box[3]]
        piece = before.piece(number, here)
        if (piece <= taken[here]).all() and not (piece & pointed[here]).any():
            yield box


class _Pieces:
    """A mask's connected pieces."""

    def __init__(self, mask: Mask) -> None:
        _, self._numbers, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        self._areas = stats[:, cv2.CC_STAT_AREA]
        self.boxes: list[Box] = [(y, x, y + h, x + w) for x, y, w, h in stats[:, :4].tolist()]

    def with_box(self, box: Box) -> int:
        """The largest piece that has this box."""
        numbers = [number for number, one in enumerate(self.boxes) if number and one == box]
        return max(numbers, key=lambda number: int(self._areas[number]))

    def piece(self, number: int, here: tuple[slice, slice]) -> Mask:
        return (self._numbers[here] == number).astype(np.uint8)

    def at(self, here: tuple[slice, slice], without: Mask) -> int:
        """The piece that covers most of a place apart from another mask; 0 if none does."""
        counts = np.bincount(self._numbers[here][without[here] == 0])
        counts[:1] = 0
        return int(counts.argmax()) if counts.size else 0

    def error(self, number: int, other: _Pieces) -> float:
        """1 less the Dice of a piece and the other mask's piece that covers it best."""
        if number == 0:
            return 1.0
        box = self.boxes[number]
        here = np.s_[box[0] : box[2], box[1] : box[3]]
        shared: NDArray[np.intp] = np.bincount(other._numbers[here][self._numbers[here] == number])
        shared[:1] = 0
        best = int(shared.argmax()) if shared.size else 0
        if best == 0 or shared[best] == 0:
            return 1.0
        return 1 - 2 * float(shared[best]) / float(self._areas[number] + other._areas[best])
