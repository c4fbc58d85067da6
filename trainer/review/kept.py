"""Counts of earlier gatherings, in a file beside the predictions they were made from."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trainer.data.atomic import replacing
from trainer.data.predictions import DAMAGE
from trainer.errors import PredictionError

FILE = "review/histograms.npz"
"""In the folder of predictions, but not among them: each of its npz files is a case's."""

_VERSION = 1
"""Of the counts' meaning: raise it when predictions are enlarged in another way."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What is kept of a case.

    Attributes
    ----------
    stamp
        What its prediction and its truth were when they were counted.
    in_sample
        As the prediction says.
    inside, outside
        int64 (256,): pixels of truth, and of the rest, at each level of probability.
    """

    stamp: str
    in_sample: bool
    inside: NDArray[np.int64]
    outside: NDArray[np.int64]


class Kept:
    """Counts by case, and the file they come from and go to."""

    def __init__(self, path: Path, counts: dict[str, Counts]) -> None:
        self._path = path
        self._counts = counts
        self._changed = False

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What a folder of predictions keeps; nothing where the file is missing or damaged."""
        path = folder / FILE
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(path, _counts(arrays))
        except DAMAGE:
            return cls(path, {})

    def get(self, case_id: str, stamp: str) -> Counts | None:
        """The case's counts if they were made of what is there now."""
        there = self._counts.get(case_id)
        return there if there is not None and there.stamp == stamp else None

    def put(self, case_id: str, counts: Counts) -> None:
        """Take the case's counts in place of earlier ones."""
        self._counts[case_id] = counts
        self._changed = True

    def write(self) -> None:
        """Bring what is new to the disk, whole or not at all; a refusal is no loss but of time."""
        if not self._changed:
            return
        each = self._counts.values()
        with (
            contextlib.suppress(PredictionError),
            replacing(self._path, PredictionError) as draft,
            draft.open("wb") as handle,
        ):
            np.savez(
                handle,
                version=np.array(_VERSION),
                ids=np.array([*self._counts], str),
                stamps=np.array([one.stamp for one in each], str),
                in_sample=np.array([one.in_sample for one in each], bool),
                counts=np.array([(one.inside, one.outside) for one in each], np.int64),
            )


def _counts(arrays: np.lib.npyio.NpzFile) -> dict[str, Counts]:
    """Raises `ValueError` where arrays are not what `Kept.write` has written."""
    ids, stamps, in_sample, counts = (
        arrays[name] for name in ("ids", "stamps", "in_sample", "counts")
    )
    lengths = {len(ids), len(stamps), len(in_sample), len(counts)}
    sound = ids.dtype.kind == stamps.dtype.kind == "U" and in_sample.dtype == bool
    sound = sound and counts.dtype == np.int64 and counts.shape[1:] == (2, 256)
    if int(arrays["version"]) != _VERSION or not sound or len(lengths) != 1:
        raise ValueError("not counts as they are kept")
    return {
        str(case_id): Counts(str(stamp), bool(seen), *both)
        for case_id, stamp, seen, both in zip(ids, stamps, in_sample, counts, strict=True)
    }
