"""One case: an organ drawn, cut, stained, spoiled and scanned."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image
from trainer.demo import artefacts
from trainer.demo.frame import FIELD, Frame
from trainer.demo.organs import ORGANS
from trainer.demo.stain import Source, draw_stain, dye, light
from trainer.demo.tissue import Part, Tissue, core

SLIVER = 400.0
"""Area in µm² below which the rest of a unit at the tissue's rim is no unit."""


@dataclass(frozen=True)
class Section:
    """A scanned section.

    Attributes
    ----------
    image
        RGB, uint8 (H, W, 3).
    units
        Functional tissue units numbered from 1, int32 (H, W).
    pixel_size
        µm a pixel.
    """

    image: Image
    units: NDArray[np.int32]
    pixel_size: float


def draw_section(organ: str, source: Source, size: int, seed: int) -> Section:
    """Draw one case.

    Parameters
    ----------
    organ
        A key of `trainer.demo.organs.ORGANS`.
    source
        ``HPA``: a round core in haematoxylin and DAB; ``Hubmap``: tissue from
        edge to edge, in haematoxylin with eosin or PAS.
    size
        Side of the square image in pixels; the field is always 1.2 mm.
    seed
        The same arguments draw the same section.
    """
    frame = Frame(size, np.random.default_rng(seed))
    stain = draw_stain(frame.rng, source)
    tissue = ORGANS[organ](frame)
    if source == "HPA":
        _cut(tissue, core(frame))
    artefacts.tear(frame, tissue)
    first, second = dye(frame, tissue, stain)
    artefacts.fold(frame, first, second)
    artefacts.precipitate(frame, second)
    image = artefacts.dust(frame, light(frame, first, second, stain))
    return Section(image, _numbered(frame, tissue.units), FIELD / size)


def _cut(tissue: Tissue, inside: NDArray[np.bool_]) -> None:
    tissue.parts[~inside] = Part.GLASS
    tissue.units[~inside] = 0


def _numbered(frame: Frame, units: NDArray[np.int32]) -> NDArray[np.int32]:
    """Units numbered again: what the cut left whole, without slivers and with holes filled."""
    kept = np.zeros_like(units)
    count = 0
    for number in range(1, int(units.max()) + 1):
        whole = (units == number).astype(np.uint8)
        if not whole.any():
            continue
        outlines, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for outline in outlines:
            if cv2.contourArea(outline) * frame.um**2 >= SLIVER:
                count += 1
                cv2.drawContours(kept, [outline], -1, count, cv2.FILLED)
    return kept
