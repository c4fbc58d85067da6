"""Taking a side at a finding: truth's version there, the prediction's, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.tools.scene import Point, Scene
from trainer.tools.unit_at import unit_at
from trainer.tools.window import edit, pixel, within

Side = Literal["take truth", "take prediction", "take suggestion"]

SETTLED = "settled"
"""The parameter of an edit that names the findings it settled."""


def take(scene: Scene, box: Box, region: NDArray[np.bool_], other: Mask, tool: Side) -> Edit | None:
    """Make the mask in a finding's region what another mask is there.

    Parameters
    ----------
    scene
        What is edited.
    box
        The finding's, on the image.
    region
        The finding's pixels, bool, of the box's size.
    other
        Truth, the prediction's mask, or what is suggested, uint8 (H, W) of the scene's size.
    tool
        Whose side is taken.
    """
    return take_all(scene, [(box, region)], other, tool)


def take_all(
    scene: Scene, places: Sequence[tuple[Box, NDArray[np.bool_]]], other: Mask, tool: Side
) -> Edit | None:
    """Make the mask in several findings' regions, one or more, what another mask is there.

    Parameters
    ----------
    places
        Of each finding what `take` has as its box and region.
    scene, other, tool
        As `take` has them.
    """
    whole = reduce(Box.union, (box for box, _ in places))
    after = whole.of(scene.mask).copy()
    for box, region in places:
        np.copyto(after[within(box, whole)], box.of(other), where=region)
    return edit(scene, whole, after, tool)


def take_piece(scene: Scene, point: Point, other: Mask, tool: Side) -> Edit | None:
    """Make the mask what another one is, in one connected piece where the two differ.

    Of a finding with several pieces, such as a merger of many units, one may be right.

    Parameters
    ----------
    scene, other, tool
        As `take` has them.
    point
        In the piece.
    """
    place = pixel(point, scene.mask.shape)
    if place is None or scene.mask[place] == other[place]:
        return None
    piece = unit_at(scene.mask ^ other, place)
    return None if piece is None else take(scene, piece.box, piece.inside > 0, other, tool)


def clear(scene: Scene, box: Box, region: NDArray[np.bool_]) -> Edit | None:
    """Empty the mask in a finding's region; `box` and `region` as `take` has them."""
    return edit(scene, box, np.where(region, np.uint8(0), box.of(scene.mask)), "clear")
