"""A folder in the competition's layout, opened lazily."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

from trainer.data import contours, rle, tiff
from trainer.data.case import Case, Image, Mask
from trainer.data.rows import MISSING_IMAGE, SPLITS, Rows
from trainer.errors import CohortError, ImageError, MaskError, TrainerError


class Cohort:
    """Cases of a folder with ``train.csv`` or ``test.csv``.

    Run lengths and images stay on disk until they are asked for.

    Attributes
    ----------
    folder
        The cohort's folder.
    csv
        Its ``train.csv``; where there is none, its ``test.csv``.
    cases
        Cases by id, in the order of the csv, ``train.csv`` before ``test.csv``.
    problems
        What is wrong with rows: those that were left out, and those that were kept.
    """

    def __init__(self, folder: Path) -> None:
        tables = [Rows(folder, split) for split in SPLITS if (folder / f"{split}.csv").is_file()]
        if not tables:
            raise CohortError(
                "there is neither train.csv nor test.csv",
                file=folder,
                remedy="choose a folder in the competition's layout",
            )
        self.folder = folder
        self.csv = tables[0].csv
        self.cases: dict[str, Case] = {}
        self._tables = {rows.split: rows for rows in tables}
        self._places: dict[str, tuple[int, int]] = {}
        problems: list[TrainerError] = []
        for rows in tables:
            for case, place in rows.read(self.cases, problems):
                self.cases[case.id] = case
                self._places[case.id] = place
        if not self.cases and not problems:
            problems.append(CohortError("has no rows", file=self.csv, remedy="add one an image"))
        self.problems: tuple[TrainerError, ...] = tuple(problems)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a cohort's folder, or the folder of its ``train.csv`` or ``test.csv``.

        Raises
        ------
        CohortError
            If there is no csv, it cannot be read, or columns are missing.
        """
        if path.is_dir():
            return cls(path)
        if path.is_file() and path.name not in {f"{split}.csv" for split in SPLITS}:
            raise CohortError(
                "is not a cohort's csv", file=path, remedy="name its folder, train.csv or test.csv"
            )
        if not path.exists():
            raise CohortError("there is no such file or folder", file=path)
        return cls(path.parent)

    def image(self, case_id: str) -> Image:
        """The case's image, RGB, uint8 (H, W, 3).

        Raises
        ------
        ImageError
            If it is missing or cannot be read.
        """
        path = self._image_path(case_id)
        try:
            return tiff.read_rgb(path)
        except ImageError as error:
            raise _of_case(error, case_id) from error

    def shape(self, case_id: str) -> tuple[int, int]:
        """(H, W) of the case's image in pixels, from its header.

        Raises
        ------
        ImageError
            If it is missing or cannot be read.
        """
        path = self._image_path(case_id)
        try:
            return tiff.image_shape(path)
        except ImageError as error:
            raise _of_case(error, case_id) from error

    def size(self, case_id: str) -> tuple[int, int]:
        """(H, W) of the case's image in pixels; where that is missing, as the csv says.

        Raises
        ------
        ImageError
            If the image is missing and the csv does not say, or it cannot be read.
        """
        case = self._case(case_id)
        height, width = case.height or 0, case.width or 0
        told = min(height, width) > 0 and max(height, width) <= tiff.LARGEST
        return (height, width) if case.problem is not None and told else self.shape(case_id)

    def truth(self, case_id: str) -> Mask | None:
        """The mask that came with the case, from its run lengths, else its annotation file.

        Returns
        -------
        uint8 (H, W) of 0 and 1, or None where the case has none.

        Raises
        ------
        MaskError
            If it does not fit the image, or contradicts itself; without a mask too, if the
            csv is wrong about the image's size.
        ImageError
            If the image is missing or cannot be read.
        CohortError
            If the csv has changed since it was opened.
        """
        case = self._case(case_id)
        if misfit := self.misfit(case_id):
            raise misfit
        return self.truth_at(case_id, self.shape(case_id)) if case.has_truth else None

    def truth_at(self, case_id: str, shape: tuple[int, int]) -> Mask | None:
        """The mask that came with the case, the image unseen.

        Parameters
        ----------
        case_id
            Whose.
        shape
            (H, W) of its image in pixels (see `size`).

        Raises
        ------
        MaskError
            If it does not fit, or contradicts itself.
        CohortError
            If the csv has changed since it was opened.
        """
        case = self._case(case_id)
        if not case.has_truth:
            return None
        rows = self._tables[case.split]
        text = rows.run_lengths(case, self._places[case_id])
        if not text:
            return contours.read_annotation(rows.annotation(case_id), shape)
        try:
            return rle.decode(text, shape)
        except MaskError as error:
            raise MaskError(
                error.problem,
                file=rows.csv,
                row=case.row,
                case=case_id,
                remedy="correct its rle, or empty the cell",
            ) from error

    def misfit(self, case_id: str) -> MaskError | None:
        """What the csv says of the image's size, if the image's header says otherwise.

        Raises
        ------
        ImageError
            If the csv names a size, and the image is missing or cannot be read.
        """
        case = self._case(case_id)
        told = {"img_height": case.height, "img_width": case.width}
        if not any(told.values()):
            return None
        shape = self.shape(case_id)
        for (name, wanted), there in zip(told.items(), shape, strict=True):
            if wanted is not None and wanted != there:
                image = case.image_path.name
                return MaskError(
                    f"{name} is {wanted}, but {image} is {shape[0]}×{shape[1]} px (H×W)",
                    file=self._tables[case.split].csv,
                    row=case.row,
                    case=case_id,
                    remedy="correct the cell, or empty it",
                )
        return None

    def digest(self, case_id: str) -> str:
        """BLAKE2b of the image file's bytes: 16 bytes as hexadecimal digits.

        Raises
        ------
        ImageError
            If the file is missing or cannot be read.
        """
        path = self._image_path(case_id)
        try:
            with path.open("rb") as handle:
                return hashlib.file_digest(
                    handle, lambda: hashlib.blake2b(digest_size=16)
                ).hexdigest()
        except OSError as error:
            raise ImageError(
                f"cannot be read ({error.strerror})", file=path, case=case_id
            ) from error

    def _case(self, case_id: str) -> Case:
        try:
            return self.cases[case_id]
        except KeyError:
            raise CohortError(f"there is no case {case_id}", file=self.csv) from None

    def _image_path(self, case_id: str) -> Path:
        case = self._case(case_id)
        if case.problem is not None:
            csv = self._tables[case.split].csv
            raise ImageError(
                case.problem, file=csv, row=case.row, case=case_id, remedy=MISSING_IMAGE
            )
        return case.image_path


def _of_case(error: ImageError, case_id: str) -> ImageError:
    return ImageError(error.problem, file=error.file, case=case_id, remedy=error.remedy)
