"""The competition's run lengths: 1-based, column by column, pairs of "start length"."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.errors import MaskError

_NUMERALS = b"0123456789 \t\r\n"
_BAND = 64
"""Rows that are looked at together: they stay near the processor."""

_NUMBER = re.compile("[0-9]+")


def encode(mask: NDArray[np.generic]) -> str:
    """Text of a mask's runs.

    Parameters
    ----------
    mask
        (H, W), any dtype; whatever is not 0 is inside.

    Returns
    -------
    str
        ``"start length start length ..."``, in ascending order; empty for an empty mask.
    """
    starts, lengths = runs(mask)
    numbers = np.column_stack((starts + 1, lengths)).ravel().tolist()
    return str(numbers)[1:-1].replace(",", "")  # twice as fast as joining


def decode(text: str, shape: tuple[int, int]) -> Mask:
    """Mask of a text of runs.

    Parameters
    ----------
    text
        ``"start length ..."``; pairs may come in any order, but may not overlap.
    shape
        (H, W) of the image, in pixels.

    Raises
    ------
    MaskError
        If the count is odd, or a pair is not of positive whole numbers, ends past the
        image's end, or overlaps another.
    """
    starts, lengths = _parse(text)
    order = _check(starts, lengths, shape)
    return from_runs(starts[order] - 1, lengths[order], shape)


def runs(mask: NDArray[np.generic]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts (0-based) and lengths of a mask's runs in column-major order."""
    if mask.ndim != 2:
        raise MaskError(f"a mask has 2 dimensions, this has {mask.ndim}")
    height, width = mask.shape
    if mask.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    inside = mask[:1] != 0
    top, found = inside[0], list[NDArray[np.int64]]()
    # rows follow each other in memory, columns do not: the few edges are sorted instead
    for start in range(1, height, _BAND):
        inside = mask[start - 1 : start + _BAND] != 0
        edges = np.flatnonzero(inside[1:] != inside[:-1])
        found.append(edges % width * height + edges // width + start)
    bottom = inside[-1]
    # where a column ends as the next does not begin there is an edge as well
    between = (np.flatnonzero(top[1:] != bottom[:-1]) + 1) * height
    ends = [place for place, there in ((0, top[0]), (mask.size, bottom[-1])) if there]
    edges = np.sort(np.concatenate((*found, between, np.array(ends, np.int64))))
    return edges[::2], edges[1::2] - edges[::2]


def from_runs(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], shape: tuple[int, int]
) -> Mask:
    """Mask of runs as `runs` gives them: sound, and in ascending order."""
    height, width = shape
    mask = np.zeros(shape, np.uint8)
    if mask.size == 0:
        return mask
    edges = np.column_stack((starts, starts + lengths)).ravel()
    columns, rows = np.divmod(edges, height)
    within = rows > 0
    # two edges at one place are two runs that touch: they cancel out
    np.bitwise_xor.at(mask.ravel(), rows[within] * width + columns[within], np.uint8(1))
    # an odd number of edges up to a column's first pixel: it is inside
    np.bitwise_and(np.searchsorted(edges, np.arange(width) * height, "right"), 1, out=mask[0],
                   casting="unsafe")  # fmt: skip
    above = mask[0]
    for row in mask[1:]:
        np.bitwise_xor(above, row, out=row)
        above = row
    return mask


def _parse(text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if text.encode().translate(None, _NUMERALS):
        words = enumerate(text.split())
        index, word = next((at, word) for at, word in words if not _NUMBER.fullmatch(word))
        raise MaskError(
            f"run lengths: pair {index // 2 + 1} holds {word[:20]!r}, wanted positive whole numbers"
        )
    numbers = np.fromstring(text, np.int64, sep=" ") if text.strip() else np.empty(0, np.int64)
    if numbers.size % 2:
        raise MaskError(
            f"run lengths: {numbers.size} numbers, an odd count: "
            f"pair {numbers.size // 2 + 1} has the start {numbers[-1]} but no length"
        )
    return numbers[::2], numbers[1::2]


def _check(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.intp]:
    """The pairs' ascending order, once they are known to be sound."""
    pixels = shape[0] * shape[1]
    order = np.argsort(starts, kind="stable")
    # a huge number's sum overflows, so its difference is asked for
    past = (starts > pixels) | (lengths > pixels - starts + 1)
    overlaps = starts[order[1:]] < (starts + lengths)[order[:-1]]
    for pairs, why in (
        (np.flatnonzero((starts < 1) | (lengths < 1)), "is not positive"),
        (
            np.flatnonzero(past),
            f"ends past the last of {shape[0]}×{shape[1]} = {pixels} pixels",
        ),
        (order[1:][overlaps], "overlaps the run before it"),
    ):
        if pairs.size:
            pair = int(pairs[0])
            raise MaskError(f"run lengths: pair {pair + 1} ({starts[pair]} {lengths[pair]}) {why}")
    return order
