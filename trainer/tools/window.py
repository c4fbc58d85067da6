"""The part of an image that a gesture concerns, and the edit of what changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.tools.scene import Point, Scene

Pixel = tuple[int, int]
"""Row and column."""


def pixel(point: Point, shape: tuple[int, ...]) -> Pixel | None:
    """The pixel whose square holds a point (its centre is at whole numbers); None outside."""
    row, column = (int(np.floor(place + 0.5)) for place in point)
    inside = 0 <= row < shape[0] and 0 <= column < shape[1]
    return (row, column) if inside else None


def clipped(box: Box, shape: tuple[int, ...]) -> Box:
    """The part of a box that is on the image; without area where none is."""
    return box.intersection(Box(0, 0, *shape[:2]))


def widened(box: Box, margin: int, shape: tuple[int, ...]) -> Box:
    """A box with a margin on all sides, as far as the image goes."""
    return clipped(
        Box(box.top - margin, box.left - margin, box.bottom + margin, box.right + margin), shape
    )


def around(points: NDArray[np.floating] | list[Point], reach: float, shape: tuple[int, ...]) -> Box:
    """Everything within `reach` pixels of the points, (N, 2) as row and column."""
    places = np.asarray(points, float).reshape(-1, 2)
    (top, left), (bottom, right) = places.min(axis=0) - reach, places.max(axis=0) + reach
    corners = np.floor((top, left)), np.ceil((bottom, right)) + 1
    return clipped(Box(*(int(one) for one in np.concatenate(corners))), shape)


def within(inner: Box, outer: Box) -> tuple[slice, slice]:
    """Where a box lies in a larger one's array."""
    return (
        slice(inner.top - outer.top, inner.bottom - outer.top),
        slice(inner.left - outer.left, inner.right - outer.left),
    )


def edit(
    scene: Scene, box: Box, after: Mask, tool: str, parameters: Mapping[str, Any] | None = None
) -> Edit | None:
    """The edit that makes the mask inside a box what `after` is; None where it is so already.

    Parameters
    ----------
    scene
        Its mask is what was before.
    box
        Where.
    after
        uint8 0 or 1, of the box's size.
    tool, parameters
        As an `Edit` keeps them.
    """
    found = Edit.between(box.of(scene.mask), after, tool, parameters=parameters)
    if found is None:
        return None
    there = found.box
    moved = Box(
        there.top + box.top, there.left + box.left, there.bottom + box.top, there.right + box.left
    )
    return replace(found, box=moved)
