"""Which masks leave, and in which format: the same for the command and the window."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from trainer.data.case import Case, Mask
from trainer.data.cohort import Cohort
from trainer.data.exchange import Format, What, coco, geojson, mask_files, rle_csv
from trainer.data.predictions import Predictions
from trainer.data.rows import SPLITS
from trainer.data.store import FILE, JOURNALS, URL_FILE, Revision, Store
from trainer.errors import ExportError, ImageError, MaskError, TrainerError
from trainer.predict.postprocess import OperatingPoint, to_mask

WHATS: tuple[What, ...] = get_args(What)
FORMATS: tuple[Format, ...] = get_args(Format)
FILES: tuple[Format, ...] = ("rle", "coco")
"""Formats that are one file; the others are a folder."""

_Write = Callable[[Path, Iterable[tuple[Case, Mask]]], None]
_WRITE: dict[Format, _Write] = {
    "rle": rle_csv.write,
    "tiff": partial(mask_files.write, kind="tiff"),
    "png": partial(mask_files.write, kind="png"),
    "ome-tiff": partial(mask_files.write, kind="ome-tiff"),
    "geojson": geojson.write,
    "coco": coco.write,
}


@dataclass(slots=True)
class Selection:
    """The masks of a cohort that are to be written.

    Attributes
    ----------
    problems
        One for each case that could not be read; filled while the masks are drawn.
    revisions
        Case id to the revision that is its curated mask; None for each case's newest.
    """

    cohort: Cohort
    what: What
    store: Store | None = None
    predictions: Predictions | None = None
    problems: list[TrainerError] = field(default_factory=list)
    revisions: Mapping[str, Revision] | None = None

    def ids(self) -> list[str]:
        """Ids of the cases that have such a mask, in csv order."""
        cases = self.cohort.cases.values()
        if self.what == "truth":
            return [case.id for case in cases if case.has_truth]
        if self.what == "curated":
            kept = self.revisions
            if kept is None:
                kept = {} if self.store is None else self.store.latest_all()
            there = set(kept)
        else:
            there = set() if self.predictions is None else self.predictions.ids()
        return [case.id for case in cases if case.id in there]

    def masks(self) -> Iterator[tuple[Case, Mask]]:
        """Each case with its mask, of the image's own size."""
        for case_id in self.ids():
            try:
                mask = self._mask(case_id)
            except TrainerError as error:
                self.problems.append(error)
                continue
            if mask is not None:
                yield self.cohort.cases[case_id], mask

    def _mask(self, case_id: str) -> Mask | None:
        if self.what == "truth":
            return self.cohort.truth(case_id)
        if self.what == "curated":
            assert self.store is not None
            kept = self.revisions
            revision = self.store.latest(case_id) if kept is None else kept.get(case_id)
            return None if revision is None else self._sized(revision)
        assert self.predictions is not None
        prediction = self.predictions.read(case_id)
        if prediction is None:
            return None
        if misfit := self.predictions.misfit(prediction, self.cohort.shape(case_id)):
            raise misfit
        case = self.cohort.cases[case_id]
        return to_mask(prediction, OperatingPoint.of(self.predictions.masking, case))

    def _sized(self, revision: Revision) -> Mask:
        """A revision's mask, unless the image has another size by now."""
        assert self.store is not None
        case = self.cohort.cases[revision.case_id]
        with contextlib.suppress(ImageError):  # a lost image costs no work done on it
            shape = self.cohort.shape(case.id)
            if shape != revision.shape:
                there, wanted = (
                    f"{height}×{width} px" for height, width in (revision.shape, shape)
                )
                raise MaskError(
                    f"the curated mask is {there}, the image {wanted} (H×W)",
                    file=case.image_path,
                    case=case.id,
                    remedy="put back the image that was reviewed",
                )
        return self.store.mask(revision)


def of_run(store: Store, run: Path) -> dict[str, Revision]:
    """The revisions that a training learned from, by case id: those that ``run.json`` names.

    Raises
    ------
    ExportError
        If the folder holds no run, or one that learned from truth alone.
    StoreError
        If the store does not hold one of them.
    """
    file = run / "run.json"
    try:
        named = json.loads(file.read_text("utf-8"))["revisions"]
        numbers = {str(case_id): int(number) for case_id, number in named.items()}
    except FileNotFoundError:
        raise ExportError(
            "holds no run", file=run, remedy="name a folder that `hubmap-trainer train` has written"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"does not say which revisions it used ({error})", file=file) from error
    if not numbers:
        raise ExportError("names no revision: the run learned from truth alone", file=file)
    used = {case_id: store.revision(number) for case_id, number in numbers.items()}
    for case_id, revision in used.items():
        if revision.case_id != case_id:
            raise ExportError(
                f"revision {revision.id} is of case {revision.case_id} in this store",
                file=file,
                case=case_id,
                remedy="name the cohort that the run was trained on",
            )
    return used


def spare(cohort: Path, path: Path) -> None:
    """Refuse to write over a cohort's own files.

    Parameters
    ----------
    cohort
        Its folder.
    path
        What is to be written.

    Raises
    ------
    ExportError
        If it is one of the cohort's tables, its reviews, or among its images.
    """
    folders = [f"{split}_{kind}" for split in SPLITS for kind in ("images", "annotations")]
    names = [*(f"{split}.csv" for split in SPLITS), FILE, URL_FILE, JOURNALS, *folders]
    if any(path.resolve().is_relative_to((cohort / name).resolve()) for name in names):
        raise ExportError("belongs to the cohort", file=path, remedy="choose another place")


def write(items: Iterable[tuple[Case, Mask]], fmt: Format, path: Path) -> int:
    """Write masks to a file or a folder, whole or not at all; returns how many.

    Raises
    ------
    ExportError
        If there is no mask, or the place belongs to the cohort or cannot be written.
    """
    count = 0

    def counted() -> Iterator[tuple[Case, Mask]]:
        nonlocal count
        for case, mask in items:
            spare(case.image_path.parent.parent, path)
            count += 1
            yield case, mask
        if count == 0:
            raise ExportError("there is no such mask to write", file=path)

    _WRITE[fmt](path, counted())
    return count
