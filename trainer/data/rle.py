"""The competition's run lengths: 1-based, column by column, pairs of "start length"."""

from __future__ import annotations

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.errors import MaskError

_NUMERALS = b"0123456789 \t\r\n"
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
    if mask.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    columns = cv2.transpose((mask != 0).view(np.uint8)).ravel()
    edges = np.flatnonzero(columns[1:] != columns[:-1]) + 1
    if columns[0]:
        edges = np.concatenate(([0], edges))
    if columns[-1]:
        edges = np.concatenate((edges, [columns.size]))
    return edges[::2], edges[1::2] - edges[::2]


def from_runs(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], shape: tuple[int, int]
) -> Mask:
    """Mask of runs as `runs` gives them: sound, and in ascending order."""
    height, width = shape
    if height * width == 0:
        return np.zeros(shape, np.uint8)
    ends = starts + lengths
    edges = np.append(np.column_stack((starts, ends)).ravel(), height * width)
    values = np.zeros(edges.size, np.uint8)
    values[1::2] = 1
    columns = np.repeat(values, np.diff(edges, prepend=0))
    return np.asarray(cv2.transpose(columns.reshape(width, height)), np.uint8)


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
