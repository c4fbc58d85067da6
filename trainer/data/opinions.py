"""Each member's probabilities of a case, kept so that members are mixed anew for nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.atomic import replacing
from trainer.data.predictions import DAMAGE, MEMBERS
from trainer.data.stamp import stamp_of
from trainer.errors import PredictionError


@dataclass(frozen=True, slots=True)
class Opinions:
    """What single members say of a case.

    Attributes
    ----------
    image
        Which state of the image's file they are of: its size and time of change.
    digest
        Of the image's file, as `trainer.data.cohort.Cohort.digest` gives it.
    shape
        (H, W) of the image in pixels.
    levels
        Probabilities by the digest of what each depends on: uint8 (h, w), in steps of 1/255,
        at the member's own resolution.
    names
        The members' names, by the same digests.
    """

    image: str
    digest: str
    shape: tuple[int, int]
    levels: Mapping[str, NDArray[np.uint8]]
    names: Mapping[str, str]


class KeptOpinions:
    """A folder ``members`` with an ``ID.npz`` a case, beside an ensemble's predictions."""

    def __init__(self, predictions: Path) -> None:
        self.folder = predictions / MEMBERS

    @property
    def are_kept(self) -> bool:
        """Whether anyone has asked for it in this folder of predictions."""
        return self.folder.is_dir()

    def begin(self) -> None:
        """Make the folder.

        Raises
        ------
        PredictionError
            If it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PredictionError(f"cannot be made ({error.strerror})", file=self.folder) from error

    def ids(self) -> set[str]:
        """Ids of the cases of which any are kept."""
        return {path.stem for path in self.folder.glob("*.npz")}

    def stamp(self, case_id: str) -> tuple[int, int] | None:
        """What changes when the case's opinions do; None where there are none."""
        return stamp_of(self._path(case_id))

    def take_over(self, other: KeptOpinions, case_ids: Iterable[str]) -> None:
        """Keep here as well what another folder has of cases of which nothing is kept here.

        The files are shared where the disk can do that: they are replaced whole, never changed.

        Raises
        ------
        PredictionError
            If they cannot be written.
        """
        if other.folder.resolve() == self.folder.resolve():
            return
        new = other.ids() - self.ids()
        wanted = [case_id for case_id in case_ids if case_id in new]
        if wanted:
            self.begin()
        for case_id in wanted:
            with replacing(self._path(case_id), PredictionError) as draft:
                try:
                    os.link(other._path(case_id), draft)
                except OSError:
                    shutil.copyfile(other._path(case_id), draft)

    def read(self, case_id: str, image: str | None = None) -> Opinions | None:
        """The members' opinions of a case.

        None where there are none, where they are of another state `image` of its file, or where
        the file is damaged: they can be made anew.
        """
        try:
            with np.load(self._path(case_id), allow_pickle=False) as arrays:
                if image is not None and str(arrays["image"]) != image:
                    return None
                keys = [str(key) for key in arrays["keys"]]
                height, width = (int(side) for side in arrays["shape"])
                levels = {key: arrays[f"map{index}"] for index, key in enumerate(keys)}
                names = dict(zip(keys, map(str, arrays["names"]), strict=True))
                image, digest = str(arrays["image"]), str(arrays["digest"])
        except DAMAGE:
            return None
        if any(one.ndim != 2 or one.dtype != np.uint8 or not one.size for one in levels.values()):
            return None
        return Opinions(image, digest, (height, width), levels, names)

    def write(self, case_id: str, opinions: Opinions) -> None:
        """Keep opinions in place of the case's earlier ones.

        Raises
        ------
        PredictionError
            If they cannot be written; the earlier ones are then still there.
        """
        maps: dict[str, Any] = {
            f"map{index}": levels for index, levels in enumerate(opinions.levels.values())
        }
        with replacing(self._path(case_id), PredictionError) as draft, draft.open("wb") as handle:
            np.savez_compressed(
                handle,
                image=np.array(opinions.image),
                digest=np.array(opinions.digest),
                shape=np.array(opinions.shape, np.int64),
                keys=np.array(list(opinions.levels), dtype=np.str_),
                names=np.array([opinions.names[key] for key in opinions.levels], dtype=np.str_),
                **maps,
            )

    def _path(self, case_id: str) -> Path:
        return self.folder / f"{case_id}.npz"
