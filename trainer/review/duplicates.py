"""Cases whose images look alike, so that no fold is tested on what it was trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.data.cohort import Cohort
from trainer.errors import Cancelled, TrainerError
from trainer.review import perceptual
from trainer.review.hash_cache import HashCache
from trainer.review.perceptual import Hash

NEAR = 0.25
"""Share of differing bits up to which two images look alike.

Of 186 real images of four sources, no two of 17,205 pairs are nearer than 0.29. Of copies
turned, mirrored, stained or lit otherwise or saved as a poor JPEG all are within 0.25, of copies
cropped by 5 to 10 % as well 97 to 99 of 100 (tests/trainer/review/test_duplicates.py).
"""

_BLOCK = 512
"""Cases that are compared with all others at once, so that 10,000 fit in memory."""


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

    Hashes are kept for the next time in the user's cache, not in the cohort.

    Raises
    ------
    Cancelled
        Soon after `cancelled` says so.
    """
    wanted = list(ids)
    with HashCache(cohort.folder) as cache:
        for done, case_id in enumerate(wanted, start=1):
            if cancelled():
                raise Cancelled
            path = cohort.cases[case_id].image_path
            found = cache.get(path)
            try:
                if found is None:
                    found = perceptual.of(cohort.image(case_id))
                    cache.put(path, found)
            except TrainerError as error:
                yield Step(case_id, done, len(wanted), error=error)
            else:
                yield Step(case_id, done, len(wanted), found)


def pairs(found: Mapping[str, Hash], near: float = NEAR) -> list[Pair]:
    """All pairs of cases at most `near` apart, the nearest first.

    Parameters
    ----------
    found
        Hash by case id.
    near
        0 to 1.
    """
    ids = list(found)
    if len(ids) < 2:
        return []
    every = np.stack([found[case_id] for case_id in ids])
    nearest: dict[tuple[int, int], float] = {}
    for start in range(0, len(ids), _BLOCK):
        apart = perceptual.distances(every[start : start + _BLOCK], every)
        for row, column in np.argwhere(apart <= near).tolist():
            both = min(start + row, column), max(start + row, column)
            if both[0] != both[1]:  # the one may be a crop of the other, or the other of it
                distance = max(0.0, float(apart[row, column]))
                nearest[both] = min(distance, nearest.get(both, 1.0))
    near_ones = [Pair(ids[a], ids[b], apart) for (a, b), apart in nearest.items()]
    return sorted(near_ones, key=lambda pair: (pair.distance, pair.first, pair.second))


def groups(near: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Cases that pairs hold together, directly or by way of others, largest group first."""
    group_of: dict[str, set[str]] = {}
    for pair in near:
        both = group_of.get(pair.first, {pair.first}) | group_of.get(pair.second, {pair.second})
        group_of |= dict.fromkeys(both, both)
    unique = {id(group): tuple(sorted(group)) for group in group_of.values()}
    return sorted(unique.values(), key=lambda ids: (-len(ids), ids))
