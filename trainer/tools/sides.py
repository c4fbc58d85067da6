"""Taking a side at a finding: truth's version there, the prediction's, or nothing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Mask
from trainer.data.edits import Box, Edit
from trainer.tools.scene import Scene
from trainer.tools.window import edit

Side = Literal["take truth", "take prediction"]


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
        Truth or the prediction's mask, uint8 (H, W) of the scene's size.
    tool
        Whose side is taken.
    """
    return edit(scene, box, np.where(region, box.of(other), box.of(scene.mask)), tool)


def clear(scene: Scene, box: Box, region: NDArray[np.bool_]) -> Edit | None:
    """Empty the mask in a finding's region; `box` and `region` as `take` has them."""
    return edit(scene, box, np.where(region, np.uint8(0), box.of(scene.mask)), "clear")
