"""A folder in the competition's layout, opened lazily."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from trainer.data import contours, rle, table, tiff
from trainer.data.case import Case, Image, Mask
from trainer.errors import CohortError, ImageError, MaskError, TrainerError

_TABLES: tuple[tuple[Literal["train", "test"], tuple[str, ...]], ...] = (
    ("train", ("id", "organ", "rle")),
    ("test", ("id", "organ")),
)
_NUMBERS = ("img_height", "img_width", "pixel_size", "tissue_thickness", "age")
_TEXTS = ("data_source", "sex")


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
        readers = [
            _Reader(folder, split, required)
            for split, required in _TABLES
            if (folder / f"{split}.csv").is_file()
        ]
        if not readers:
            raise CohortError(
                "there is neither train.csv nor test.csv",
                file=folder,
                remedy="choose a folder in the competition's layout",
            )
        self.folder = folder
        self.csv = readers[0].csv
        self.cases: dict[str, Case] = {}
        self._readers = {reader.split: reader for reader in readers}
        self._places: dict[str, tuple[int, int]] = {}
        problems: list[TrainerError] = []
        for reader in readers:
            for case, place in reader.read(self.cases, problems):
                self.cases[case.id] = case
                self._places[case.id] = place
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
        if path.is_file() and path.name not in {f"{split}.csv" for split, _ in _TABLES}:
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

    def truth(self, case_id: str) -> Mask | None:
        """The mask that came with the case, from its run lengths, else its annotation file.

        Returns
        -------
        uint8 (H, W) of 0 and 1, or None where the case has none.

        Raises
        ------
        MaskError
            If it does not fit the image, or contradicts itself.
        ImageError
            If the image is missing or cannot be read.
        CohortError
            If the csv has changed since it was opened.
        """
        case = self._case(case_id)
        if not case.has_truth:
            return None
        reader = self._readers[case.split]
        text = reader.run_lengths(case, self._places[case_id])
        shape = self.shape(case_id)
        _check_size(case, shape, reader.csv)
        if not text:
            return contours.read_annotation(reader.annotation(case_id), shape)
        try:
            return rle.decode(text, shape)
        except MaskError as error:
            raise MaskError(
                error.problem,
                file=reader.csv,
                row=case.row,
                case=case_id,
                remedy="correct its rle, or empty the cell",
            ) from error

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
            raise ImageError(case.problem, file=case.image_path, case=case_id)
        return case.image_path


@dataclass
class _Reader:
    """One csv of a cohort and the folders that go with it."""

    folder: Path
    split: Literal["train", "test"]
    required: tuple[str, ...]

    def __post_init__(self) -> None:
        self.csv = self.folder / f"{self.split}.csv"
        self.columns: dict[str, int] = {}
        self._images = _names(self.folder / f"{self.split}_images")
        self._annotations = _names(self.folder / f"{self.split}_annotations")
        self._stamp = self._now()

    def read(
        self, known: dict[str, Case], problems: list[TrainerError]
    ) -> Iterator[tuple[Case, tuple[int, int]]]:
        """Cases with the places of their rows; `known` are those that are taken already."""
        rows = table.lines(self.csv)
        header = next(rows, None)
        self._read_header([] if header is None else header.cells, problems)
        for line in rows:
            if problem := self._refusal(line, known):
                problems.append(problem)
                continue
            case = self._case(line, problems)
            yield case, (line.offset, line.length)

    def run_lengths(self, case: Case, place: tuple[int, int]) -> str:
        """The rle cell of a case, read anew."""
        if "rle" not in self.columns:
            return ""
        if self._now() != self._stamp:
            raise CohortError(
                "has changed since it was opened", file=self.csv, remedy="open the cohort again"
            )
        return table.line_at(self.csv, case.row, *place)[self.columns["rle"]].strip()

    def annotation(self, case_id: str) -> Path:
        return self.folder / f"{self.split}_annotations" / f"{case_id}.json"

    def _now(self) -> tuple[int, int]:
        status = self.csv.stat()
        return status.st_mtime_ns, status.st_size

    def _read_header(self, cells: list[str], problems: list[TrainerError]) -> None:
        names = [cell.strip() for cell in cells]
        if missing := [name for name in self.required if name not in names]:
            raise CohortError(
                f"the columns {', '.join(missing)} are missing (found: {', '.join(names)[:200]})",
                file=self.csv,
                row=1,
                remedy="add them to the header",
            )
        if twice := [name for name in names if name and names.count(name) > 1]:
            raise CohortError(
                f"the column {twice[0]} is there twice",
                file=self.csv,
                row=1,
                remedy="take one away",
            )
        self.columns = {name: index for index, name in enumerate(names)}
        wanted = [name for name in _NUMBERS[:-1] if name not in names]
        if wanted:
            problems.append(
                CohortError(f"has no {', '.join(wanted)}: taken as unknown", file=self.csv, row=1)
            )

    def _refusal(self, line: table.Line, known: dict[str, Case]) -> CohortError | None:
        """Why a row is left out, if it is."""
        if len(line.cells) != len(self.columns):
            return self._problem(
                line, f"has {len(line.cells)} cells, the header {len(self.columns)}: left out"
            )
        case_id = self._cell(line, "id")
        if not case_id or case_id in (".", "..") or set(case_id) & set("/\\:\0"):
            return self._problem(line, f"the id {case_id!r} cannot name a file: left out")
        if earlier := known.get(case_id):
            return self._problem(
                line,
                f"the id {case_id} is already in {earlier.split}.csv row {earlier.row}: left out",
                "give each image one row",
            )
        return None

    def _case(self, line: table.Line, problems: list[TrainerError]) -> Case:
        case_id = self._cell(line, "id")
        numbers = {name: self._number(line, name, problems) for name in _NUMBERS}
        height, width = numbers["img_height"], numbers["img_width"]
        case = Case(
            id=case_id,
            organ=self._cell(line, "organ"),
            image_path=self._image(case_id),
            split=self.split,
            row=line.row,
            height=None if height is None else int(height),
            width=None if width is None else int(width),
            pixel_size=numbers["pixel_size"],
            tissue_thickness=numbers["tissue_thickness"],
            age=numbers["age"],
            has_truth=bool(self._cell(line, "rle")) or f"{case_id}.json" in self._annotations,
            **{name: self._cell(line, name) or None for name in _TEXTS},
        )
        if case.image_path.name in self._images:
            return case
        place = case.image_path.relative_to(self.folder)
        told = self._problem(line, f"its image {place} is missing", "put it there", case_id)
        problems.append(told)
        return replace(case, problem=told.problem)

    def _image(self, case_id: str) -> Path:
        short = f"{case_id}.tif"
        name = short if short in self._images else f"{case_id}.tiff"
        return self.folder / f"{self.split}_images" / name

    def _cell(self, line: table.Line, name: str) -> str:
        index = self.columns.get(name)
        return "" if index is None else line.cells[index].strip()

    def _number(self, line: table.Line, name: str, problems: list[TrainerError]) -> float | None:
        """A positive number, or None where the cell is empty or holds none."""
        text = self._cell(line, name)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if math.isfinite(number) and number > 0:
            return number
        told = f"{name} is {text[:20]!r}, wanted a positive number: taken as unknown"
        problems.append(self._problem(line, told, "correct the cell", self._cell(line, "id")))
        return None

    def _problem(
        self, line: table.Line, told: str, remedy: str | None = None, case: str | None = None
    ) -> CohortError:
        return CohortError(told, file=self.csv, row=line.row, case=case, remedy=remedy)


def _names(folder: Path) -> frozenset[str]:
    """Names of a folder's files: one listing instead of a question a case."""
    try:
        return frozenset(entry.name for entry in os.scandir(folder))
    except OSError:
        return frozenset()


def _check_size(case: Case, shape: tuple[int, int], csv: Path) -> None:
    for name, told, there in zip(
        ("img_height", "img_width"), (case.height, case.width), shape, strict=True
    ):
        if told is not None and told != there:
            raise MaskError(
                f"{name} is {told}, but {case.image_path.name} is {shape[0]}×{shape[1]} px (H×W)",
                file=csv,
                row=case.row,
                case=case.id,
                remedy="correct the cell, or empty it",
            )


def _of_case(error: ImageError, case_id: str) -> ImageError:
    return ImageError(error.problem, file=error.file, case=case_id, remedy=error.remedy)
