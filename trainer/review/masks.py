"""Whose mask of a case: truth, curated, a prediction, or other people's in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from trainer.data import contours, tiff
from trainer.data.case import Mask, Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.data.store import Store
from trainer.errors import CohortError, ImageError, MaskError
from trainer.predict.postprocess import OperatingPoint, to_mask

_ENDINGS = (".json", ".geojson", ".tiff", ".tif", ".png")


class Masks(Protocol):
    """Masks of a cohort's cases, of the images' own size; no image need be there."""

    def ids(self) -> set[str]:
        """Ids of the cases that have one."""
        ...

    def mask(self, case_id: str) -> Mask:
        """The mask of a case that has one, uint8 (H, W).

        Raises
        ------
        TrainerError
            If it cannot be read, or is not of the image's size.
        """
        ...


@dataclass(frozen=True, slots=True)
class Truths:
    """The masks that came with the cases."""

    cohort: Cohort

    def ids(self) -> set[str]:
        """Ids of the cases that have one."""
        return {case.id for case in self.cohort.cases.values() if case.has_truth}

    def mask(self, case_id: str) -> Mask:
        """The mask of a case that has one, uint8 (H, W)."""
        if self.cohort.cases[case_id].problem is None and (misfit := self.cohort.misfit(case_id)):
            raise misfit
        mask = self.cohort.truth_at(case_id, self.cohort.size(case_id))
        if mask is None:
            raise MaskError("there is no truth", file=self.cohort.csv, case=case_id)
        return mask


@dataclass(frozen=True, slots=True)
class Curated:
    """The latest revisions of curated masks."""

    cohort: Cohort
    store: Store

    def ids(self) -> set[str]:
        """Ids of the cases that have one."""
        return set(self.store.latest_all())

    def mask(self, case_id: str) -> Mask:
        """The mask of a case that has one, uint8 (H, W)."""
        revision = self.store.latest(case_id)
        if revision is None:
            raise MaskError("there is no curated mask", case=case_id)
        place = self.cohort.cases[case_id].image_path
        _check(revision.shape, self.cohort.size(case_id), "the curated mask", place, case_id)
        return self.store.mask(revision)


@dataclass(frozen=True, slots=True)
class Predicted:
    """Masks of an ensemble's predictions, at its own operating points."""

    cohort: Cohort
    predictions: Predictions

    def ids(self) -> set[str]:
        """Ids of the cases that have one."""
        return self.predictions.ids()

    def mask(self, case_id: str) -> Mask:
        """The mask of a case that has one, uint8 (H, W)."""
        prediction = self.prediction(case_id)
        case = self.cohort.cases[case_id]
        return to_mask(prediction, OperatingPoint.of(self.predictions.masking, case))

    def in_sample(self, case_id: str) -> bool:
        """Whether every member had seen the case in training."""
        return self.prediction(case_id).in_sample

    def prediction(self, case_id: str) -> Prediction:
        """The prediction itself, at network resolution."""
        prediction = self.predictions.read(case_id)
        if prediction is None:
            raise MaskError("there is no prediction", file=self.predictions.folder, case=case_id)
        if misfit := self.predictions.misfit(prediction, self.cohort.size(case_id)):
            raise misfit
        return prediction


class Folder:
    """Masks in files named after their case: ID.json, .geojson, .tiff, .tif or .png.

    JSON is the competition's list of polygons, or GeoJSON; of an image whatever is not 0 is
    inside.

    Parameters
    ----------
    cohort
        Whose cases they are of.
    path
        The folder.

    Raises
    ------
    CohortError
        If it cannot be listed, or a case has two masks.
    """

    def __init__(self, cohort: Cohort, path: Path) -> None:
        self.cohort = cohort
        self._files: dict[str, Path] = {}
        try:
            files = sorted(path.iterdir())
        except OSError as error:
            raise CohortError(f"cannot be listed ({error.strerror})", file=path) from error
        for file in files:
            if file.suffix.lower() not in _ENDINGS or file.stem not in cohort.cases:
                continue
            if earlier := self._files.get(file.stem):
                raise CohortError(
                    f"has two masks, {earlier.name} and {file.name}",
                    file=path,
                    case=file.stem,
                    remedy="take one away",
                )
            self._files[file.stem] = file

    def ids(self) -> set[str]:
        """Ids of the cases that have one."""
        return set(self._files)

    def mask(self, case_id: str) -> Mask:
        """The mask of a case that has one, uint8 (H, W)."""
        file, shape = self._files[case_id], self.cohort.size(case_id)
        if file.suffix.lower() in (".json", ".geojson"):
            return contours.read_annotation(file, shape)
        mask = _read_png(file) if file.suffix.lower() == ".png" else tiff.read_mask(file)
        _check((mask.shape[0], mask.shape[1]), shape, "the mask", file, case_id)
        return mask


def _read_png(path: Path) -> Mask:
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
        pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror})", file=path) from error
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ImageError("is damaged or no png", file=path, remedy="write it anew")
    if pixels.ndim == 3:
        pixels = pixels[..., :3].any(axis=2)
    return (pixels != 0).view(np.uint8)


def _check(
    found: tuple[int, int], wanted: tuple[int, int], what: str, file: Path, case_id: str
) -> None:
    if found != wanted:
        there, image = (f"{height}×{width} px" for height, width in (found, wanted))
        raise MaskError(
            f"{what} is {there}, the image {image} (H×W)",
            file=file,
            case=case_id,
            remedy="bring both to one size",
        )
