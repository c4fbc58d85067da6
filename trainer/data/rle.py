"""The competition's run lengths: 1-based, column by column, pairs of "start length"."""

from __future__ import annotations

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.errors import MaskError

_NOT_A_NUMBER = re.compile(r"[^0-9 \t\r\n]")


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
    return " ".join(map(str, np.column_stack((starts + 1, lengths)).ravel().tolist()))


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
    _check(starts, lengths, shape)
    return from_runs(starts - 1, lengths, shape)


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
    """Mask of runs that are known to be sound, as `runs` gives them."""
    height, width = shape
    if height * width == 0:
        return np.zeros(shape, np.uint8)
    columns = np.zeros(height * width, np.uint8)
    for start, end in zip(starts.tolist(), (starts + lengths).tolist(), strict=True):
        columns[start:end] = 1
    return np.asarray(cv2.transpose(columns.reshape(width, height)), np.uint8).reshape(shape)


def _parse(text: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if wrong := _NOT_A_NUMBER.search(text):
        index = len(text[: wrong.start() + 1].split()) - 1
        word = text.split()[index]
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


def _check(starts: NDArray[np.int64], lengths: NDArray[np.int64], shape: tuple[int, int]) -> None:
    pixels = shape[0] * shape[1]

    def refuse(wrong: NDArray[np.bool_], order: NDArray[np.intp] | None, why: str) -> None:
        if wrong.any():
            found = int(np.argmax(wrong))
            pair = found if order is None else int(order[found])
            told = f"run lengths: pair {pair + 1} ({starts[pair]} {lengths[pair]}) {why}"
            raise MaskError(told)

    refuse((starts < 1) | (lengths < 1), None, "is not positive")
    past = (starts > pixels) | (lengths > pixels - starts + 1)
    refuse(past, None, f"ends past the last of {shape[0]}×{shape[1]} = {pixels} pixels")
    order = np.argsort(starts, kind="stable")
    firsts, ends = starts[order], (starts + lengths)[order]
    refuse(firsts[1:] < ends[:-1], order[1:], "overlaps another")
