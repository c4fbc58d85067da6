"""A folder of one ensemble's predictions, at network resolution."""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeGuard

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trainer.data.atomic import replacing
from trainer.data.case import Prediction
from trainer.data.stamp import stamp_of
from trainer.data.tiff import LARGEST
from trainer.errors import PredictionError
from trainer.settings.postprocess import Masking

OUT_OF_FOLD = "oof"
"""Folder in a run's of what each member predicts of the cases that it did not see."""

_DESCRIPTION = "prediction.json"

MEMBERS = "members"
"""Folder of single members' probabilities, beside the predictions."""

DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
)
"""What reading an npz raises where its bytes were changed."""


class Predictions:
    """Predictions of one ensemble: ``prediction.json`` and an ``ID.npz`` a case.

    Attributes
    ----------
    folder
        Where they are.
    description
        What ``prediction.json`` says: the ensemble's name, fingerprint and thresholds, its
        post-processing, the device, when, and by which version.
    """

    def __init__(self, folder: Path, description: dict[str, Any]) -> None:
        self.folder = folder
        self.description = description

    @cached_property
    def masking(self) -> Masking:
        """How these probabilities become masks."""
        return Masking.told(self.description)

    @classmethod
    def create(cls, folder: Path, description: dict[str, Any]) -> Self:
        """Begin a folder of predictions, or go on with one of the same ensemble.

        Where members' probabilities are kept beside them, another ensemble may take the folder
        over: predictions that are not its own are taken away, as they are soon made anew.

        Raises
        ------
        PredictionError
            If the folder holds another ensemble's predictions, or cannot be written.
        """
        if (folder / _DESCRIPTION).exists():
            there = cls.open(folder)
            same = there.description.get("fingerprint") == description.get("fingerprint")
            if not same and (folder / MEMBERS).is_dir():
                for case_id in there.ids():
                    there._path(case_id).unlink(missing_ok=True)
            elif not same and there.ids():
                raise PredictionError(
                    "holds predictions of another ensemble",
                    file=folder,
                    remedy="choose another folder, or delete this one",
                )
        with replacing(folder / _DESCRIPTION, PredictionError) as draft:
            draft.write_text(json.dumps(description, indent=2, ensure_ascii=False), "utf-8")
        return cls(folder, description)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a folder of predictions.

        Raises
        ------
        PredictionError
            If the folder has no readable ``prediction.json``.
        """
        path = folder / _DESCRIPTION
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise PredictionError(
                f"there is no {_DESCRIPTION}",
                file=folder,
                remedy="name a folder that `hubmap-trainer predict` has written",
            ) from None
        except OSError as error:
            raise PredictionError(f"cannot be read ({error.strerror})", file=path) from error
        except (ValueError, RecursionError):
            description = None
        if not _describes(description):
            raise PredictionError(
                "holds no description of predictions",
                file=path,
                remedy="delete its folder and predict anew",
            )
        return cls(folder, description)

    def write(self, prediction: Prediction, made_of: str = "") -> None:
        """Keep a prediction in place of the case's earlier one.

        Parameters
        ----------
        prediction
            Of a case.
        made_of
            Digest of all that it depends on, as `made_of` gives it back.

        Raises
        ------
        PredictionError
            If it cannot be written; the earlier one is then still there.
        """
        with (
            replacing(self._path(prediction.case_id), PredictionError) as draft,
            draft.open("wb") as handle,
        ):
            np.savez_compressed(
                handle,
                probability=prediction.probability,
                disagreement=prediction.disagreement,
                shape=np.array(prediction.shape, np.int64),
                in_sample=np.array(prediction.in_sample),
                made_of=np.array(made_of),
            )

    def made_of(self, case_id: str) -> str | None:
        """Digest of what the case's prediction depends on; None where there is no sound one."""
        try:
            with np.load(self._path(case_id), allow_pickle=False) as arrays:
                _prediction(case_id, arrays)
                return str(arrays["made_of"])
        except DAMAGE:
            return None

    def read(self, case_id: str) -> Prediction | None:
        """The case's prediction, or None where there is none.

        Raises
        ------
        PredictionError
            If the file is damaged.
        """
        path = self._path(case_id)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return _prediction(case_id, arrays)
        except FileNotFoundError:
            return None
        except DAMAGE as error:
            raise PredictionError(
                "is damaged", file=path, case=case_id, remedy="delete it and predict anew"
            ) from error

    def misfit(self, prediction: Prediction, shape: tuple[int, int]) -> PredictionError | None:
        """Why a prediction is not of an image of `shape` (H, W), if it is not."""
        if prediction.shape == shape:
            return None
        there, wanted = (f"{height}×{width} px" for height, width in (prediction.shape, shape))
        return PredictionError(
            f"was made from an image of {there}, the cohort's is {wanted} (H×W)",
            file=self._path(prediction.case_id),
            case=prediction.case_id,
            remedy="predict this cohort anew",
        )

    def ids(self) -> set[str]:
        """Ids of the cases that have a prediction."""
        return {path.stem for path in self.folder.glob("*.npz")}

    def stamp(self, case_id: str) -> tuple[int, int] | None:
        """What changes when the case's prediction does; None where there is none."""
        return stamp_of(self._path(case_id))

    def threshold_for(self, organ: str) -> float:
        """Probability from which a pixel belongs to a unit: the organ's own or the common one.

        Some of its data sources may have others: `masking` knows them.
        """
        return self.masking.threshold_for(organ)

    def _path(self, case_id: str) -> Path:
        return self.folder / f"{case_id}.npz"


def _describes(description: Any) -> TypeGuard[dict[str, Any]]:
    """Whether it says how masks are made, in terms that are known."""
    if not isinstance(description, dict):
        return False
    try:
        Masking.told(description)
    except ValidationError:
        return False
    return True


def _prediction(case_id: str, arrays: Mapping[str, NDArray[Any]]) -> Prediction:
    """Raises `ValueError` where arrays are not what `write` has written."""
    height, width = (int(side) for side in arrays["shape"])
    maps = arrays["probability"], arrays["disagreement"]
    sound = all(one.ndim == 2 and one.dtype == np.uint8 and one.size for one in maps)
    if not sound or maps[0].shape != maps[1].shape or min(height, width) < 1:
        raise ValueError("not a prediction's arrays")
    if max(height, width) > LARGEST:
        raise ValueError("larger than any image that is read")
    return Prediction(case_id, *maps, (height, width), bool(arrays["in_sample"]))
