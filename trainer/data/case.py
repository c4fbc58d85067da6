"""One image of a cohort and all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""RGB, uint8, (H, W, 3)."""

Mask: TypeAlias = NDArray[np.uint8]
"""0 or 1, uint8, (H, W)."""

ORGANS = ("kidney", "prostate", "largeintestine", "spleen", "lung")
"""The competition's five organs; a cohort may have others, which are kept as they are."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a cohort's csv and the files that belong to it.

    Attributes
    ----------
    height, width
        The image's size as the csv says, in pixels; None where the cell is empty.
    pixel_size
        Side of a pixel in µm; None where unknown.
    tissue_thickness
        In µm; None where unknown.
    row
        The csv row as a spreadsheet shows it (the header is row 1).
    problem
        Why the case cannot be opened; None for a sound one.
    """

    id: str
    organ: str
    image_path: Path
    split: Literal["train", "test"]
    row: int
    data_source: str | None = None
    height: int | None = None
    width: int | None = None
    pixel_size: float | None = None
    tissue_thickness: float | None = None
    age: float | None = None
    sex: str | None = None
    has_truth: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """An ensemble's opinion of a case, at network resolution.

    Attributes
    ----------
    probability
        Of being inside a functional tissue unit, uint8 (h, w), in steps of 1/255.
    disagreement
        Standard deviation over the members, uint8 (h, w), in steps of 1/255.
    shape
        (H, W) of the image it was made from, in pixels.
    in_sample
        True when every member had seen the case in training.
    """

    case_id: str
    probability: NDArray[np.uint8]
    disagreement: NDArray[np.uint8]
    shape: tuple[int, int]
    in_sample: bool = False
