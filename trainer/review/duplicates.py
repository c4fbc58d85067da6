"""Images that look alike: a perceptual hash that knows turned, mirrored and cropped copies.

The hash is the signs of an image's low spatial frequencies (pHash: Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", 2010), here 255 of them. Ground that is
nearly white is first filled with the tissue's own mean, else every round core on white glass
would look like every other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data.case import Image
from trainer.data.cohort import Cohort
from trainer.errors import Cancelled, TrainerError

Hash = NDArray[np.int8]
"""Signs, -1 or 1, (windows, 255): the whole image first, then parts of it."""

NEAR = 0.25
"""Share of differing bits up to which two images are said to look alike."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cases whose images look alike.

    Attributes
    ----------
    distance
        Share of the hash's bits that differ, 0 to 1, at the best of the eight symmetries.
    """

    first: str
    second: str
    distance: float


@dataclass(frozen=True, slots=True)
class Step:
    """How far the hashing is.

    Attributes
    ----------
    hash
        Of the case's image; None where `error` says why not.
    """

    case_id: str
    done: int
    total: int
    hash: Hash | None = None
    error: TrainerError | None = None


def hashes(
    cohort: Cohort, ids: Iterable[str], cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Step]:
    """Hash the cases' images, one at a time; a case that cannot be read yields its error.

    Raises
    ------
    Cancelled
        Soon after `cancelled` says so.
    """
    wanted = list(ids)
    for done, case_id in enumerate(wanted, start=1):
        if cancelled():
            raise Cancelled
        try:
            image = cohort.image(case_id)
        except TrainerError as error:
            yield Step(case_id, done, len(wanted), error=error)
            continue
        yield Step(case_id, done, len(wanted), of(image))


def of(image: Image) -> Hash:
    """An image's hash."""
    raise NotImplementedError


def pairs(found: dict[str, Hash], near: float = NEAR) -> list[Pair]:
    """All pairs at most `near` apart, the nearest first."""
    raise NotImplementedError


def groups(near: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Cases that pairs hold together, directly or by others; in the order of the pairs."""
    raise NotImplementedError
