"""Samples drawn for tests: pictures whose mask can be told from their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trainer.data.case import Case
from trainer.train.dataset import Sample


def marked(shape: tuple[int, int] = (200, 160), organ: str = "kidney", **more) -> Sample:
    """White discs on black, each channel equal to the coverage."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    coverage = np.zeros(shape, np.uint8)
    for at, radius in (((0.35, 0.3), 0.2), ((0.7, 0.65), 0.15)):
        there = (rows - at[0] * shape[0]) ** 2 + (columns - at[1] * shape[1]) ** 2
        coverage[there < (radius * min(shape)) ** 2] = 255
    return of(np.repeat(coverage[..., None], 3, axis=2), coverage, organ, **more)


def of(image: np.ndarray, coverage: np.ndarray, organ: str = "kidney", **more) -> Sample:
    case = Case("1", organ, Path("1.tiff"), "train", 2)
    return Sample(case, "digest", image, coverage, **more)
