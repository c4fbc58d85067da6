"""What a training will show its network, as pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from trainer.data.atomic import replacing
from trainer.data.case import Case, Image
from trainer.data.cohort import Cohort
from trainer.data.contours import outline
from trainer.data.store import Store
from trainer.errors import CohortError, ExportError
from trainer.predict import frame
from trainer.settings import Recipe
from trainer.train.chance import drawn_anew
from trainer.train.dataset import Crops, Sample, load
from trainer.train.labels import Labels
from trainer.train.scales import Scales

_DRAWS = 6
"""Crops of each case."""

_CELL = 256
"""Longer side, in pixels, of the largest picture in a cell."""

_GAP, _LINE = 6, 22
"""Pixels between cells, and of a case's name above its row."""

_GREEN = (0, 158, 115)
"""Okabe and Ito's: the colour of a truth's outline, as in the window."""

_WIDE = 2
"""Of an outline, in pixels: in a window's narrow dock a picture is shown at half its size."""

_INK, _PAPER = (60, 60, 60), 255


@dataclass(frozen=True, slots=True)
class Strip:
    """A case as a training has it.

    Attributes
    ----------
    pictures
        The case as it is kept, then crops of it; RGB uint8 (h, w, 3), masks outlined.
    """

    case: Case
    pictures: tuple[Image, ...]


def choose(cases: Sequence[Case], count: int, seed: int) -> list[Case]:
    """Cases of all organs alike, in the cohort's order; the same for the same seed."""
    rng = np.random.default_rng(seed)
    organs: dict[str, list[Case]] = defaultdict(list)
    for index in rng.permutation(len(cases)):
        organs[cases[index].organ].append(cases[index])
    turns = [(turn, organ) for organ in organs for turn in range(len(organs[organ]))]
    chosen = {organs[organ][turn].id for turn, organ in sorted(turns)[:count]}
    return [case for case in cases if case.id in chosen]


def gather(
    cohort: Cohort,
    curated: Store | None,
    recipe: Recipe,
    scratch: Path,
    *,
    count: int,
    seed: int,
    tell: Callable[[float, CohortError | None], None],
) -> list[Sample]:
    """Read some of the cases that a training by the recipe would learn from.

    Parameters
    ----------
    cohort, curated, recipe
        As `trainer.train.run.run` has them; other cohorts of the recipe are left alone.
    scratch
        A folder for the arrays that memory does not hold.
    count
        Of cases, of all organs alike.
    seed
        Of their choice.
    tell
        Hears which share is read, and why a case is not; may raise `Cancelled`.

    Raises
    ------
    CohortError
        If there is no case to be shown.
    SettingsError
        If the recipe names a data source whose pixel size the cohort does not know.
    """
    labels = Labels.gather(cohort, curated, recipe.labels, recipe.organs)
    wanted = {case.id for case in choose(labels.cases(), count, seed)}
    samples: list[Sample] = []
    for done, item in enumerate(load(labels, recipe, scratch, only=wanted), start=1):
        problem = item if isinstance(item, CohortError) else None
        tell(done / len(wanted), problem)
        if not isinstance(item, CohortError):
            samples.append(item)
    if not samples:
        whose = f" of {' or '.join(recipe.organs)}" if recipe.organs else ""
        raise CohortError(f"has no labelled case{whose} that can be shown", file=cohort.csv)
    return samples


def strips(samples: Sequence[Sample], recipe: Recipe, seed: int) -> Iterator[Strip]:
    """Each case as it is kept, then crops of it, their masks outlined.

    Where a training sees several sizes, the crops show them in turn, each as large as it is
    beside the others.

    Parameters
    ----------
    samples
        At least one; crops are mixed with these alone.
    recipe
        What happens to them.
    seed
        Of all chance.

    Raises
    ------
    SettingsError, ImageError
        If references of stains are missing or of no use.
    """
    crops = Crops(samples, recipe)
    sizes = _sizes(recipe, samples)
    torch.manual_seed(seed)
    for place, sample in enumerate(samples):
        drawn = [crops.crop(place, size, drawn_anew()) for size in sizes]
        longest = max(crop.coverage.shape[0] for crop in drawn)
        shown = [_outlined(crop.image, crop.coverage, _CELL / longest) for crop in drawn]
        whole = _outlined(sample.image, sample.coverage, _CELL / max(sample.coverage.shape))
        yield Strip(sample.case, (whole, *shown))


def sheet(samples: Sequence[Sample], recipe: Recipe, seed: int) -> Image:
    """The `strips` as one picture, RGB uint8 (H, W, 3), a row a case; it raises as they do."""
    rows = [
        _row(f"{strip.case.id} {strip.case.organ}", strip.pictures)
        for strip in strips(samples, recipe, seed)
    ]
    return np.concatenate(rows)


def write(path: Path, picture: Image) -> None:
    """Write a picture as a PNG, whole or not at all.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    with replacing(path, ExportError) as draft:
        done, text = cv2.imencode(".png", picture[..., ::-1])
        assert done, "OpenCV always has a PNG encoder"
        draft.write_bytes(text.tobytes())


def _sizes(recipe: Recipe, samples: Sequence[Sample]) -> list[int]:
    """Of the crops in a row."""
    if recipe.sizes_from:
        scales = Scales(recipe, max(max(sample.coverage.shape) for sample in samples))
        told = [scales.size(epoch, 0) for epoch in sorted({0, *recipe.sizes_from})]
    else:
        told = list(recipe.sizes or (recipe.size,))
    return [told[number % len(told)] for number in range(_DRAWS)]


def _outlined(image: Image, coverage: NDArray[np.uint8], scale: float) -> Image:
    shape = frame.scaled((coverage.shape[0], coverage.shape[1]), scale)
    small = frame.resized(np.asarray(image), shape).copy()
    inside = frame.resized(np.asarray(coverage), shape) >= 128
    small[outline(inside.astype(np.uint8), _WIDE) > 0] = _GREEN
    return small


def _row(name: str, pictures: Sequence[Image]) -> Image:
    step = _CELL + _GAP
    row = np.full((_LINE + step, _GAP + step * len(pictures), 3), _PAPER, np.uint8)
    cv2.putText(row, name, (_GAP, _LINE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    for number, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        left = _GAP + step * number
        row[_LINE : _LINE + height, left : left + width] = picture
    return row
