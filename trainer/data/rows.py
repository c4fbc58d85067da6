"""Rows of a cohort's csv and the files that belong to them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from trainer.data import table
from trainer.data.case import Case
from trainer.data.stamp import stamp_of
from trainer.errors import CohortError, TrainerError

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")

_REQUIRED: dict[Split, tuple[str, ...]] = {"train": ("id", "organ", "rle"), "test": ("id", "organ")}
_NUMBERS = ("img_height", "img_width", "pixel_size", "tissue_thickness", "age")
MISSING_IMAGE = "put it there and open the cohort again"
"""What to do about it."""

_WHOLE = ("img_height", "img_width")
_TEXTS = ("data_source", "sex")
_LARGEST = 1e9
"""Side of an image, in pixels: what is beyond was not measured."""

_LONGEST_ID = 200
"""In bytes: file systems take names of 255, and endings are to be added."""


class Rows:
    """One csv of a cohort and the folders that go with it.

    Parameters
    ----------
    folder
        The cohort's folder.
    split
        Which of its two csv files.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        self.folder = folder
        self.split: Split = split
        self.csv = folder / f"{split}.csv"
        self.columns: dict[str, int] = {}
        self._width = 0
        self._images = _names(self.folder / f"{self.split}_images")
        self._annotations = _names(self.folder / f"{self.split}_annotations")
        self._stamp = stamp_of(self.csv)

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
        if stamp_of(self.csv) == self._stamp:
            cells = table.line_at(self.csv, case.row, *place)
            if len(cells) == self._width and cells[self.columns["id"]].strip() == case.id:
                return cells[self.columns["rle"]].strip()
        raise CohortError(
            "has changed since it was opened", file=self.csv, remedy="open the cohort again"
        )

    def annotation(self, case_id: str) -> Path:
        """Where the case's polygons are, if it has any."""
        return self.folder / f"{self.split}_annotations" / f"{case_id}.json"

    def _read_header(self, cells: list[str], problems: list[TrainerError]) -> None:
        names = [cell.strip() for cell in cells]
        if any("\r" in cell for cell in cells):
            raise CohortError(
                "its lines end in CR alone", file=self.csv, remedy="save it with LF or CRLF"
            )
        if missing := [name for name in _REQUIRED[self.split] if name not in names]:
            raise CohortError(
                f"the columns {', '.join(missing)} are missing"
                f" (found: {', '.join(names)[:200] or 'none'})",
                file=self.csv,
                row=1,
                remedy="add them to the header"
                if len(names) != 1 or not set(names[0]) & set(";\t")
                else "save it with commas between the cells",
            )
        if twice := [name for name in names if name and names.count(name) > 1]:
            raise CohortError(
                f"the column {twice[0]} is there twice",
                file=self.csv,
                row=1,
                remedy="take one away",
            )
        self._width = len(names)
        self.columns = {name: index for index, name in enumerate(names)}
        wanted = [name for name in _NUMBERS[:-1] if name not in names]
        if wanted:
            problems.append(
                CohortError(f"has no {', '.join(wanted)}: taken as unknown", file=self.csv, row=1)
            )

    def _refusal(self, line: table.Line, known: dict[str, Case]) -> CohortError | None:
        """Why a row is left out, if it is."""
        if len(line.cells) != self._width:
            return self._problem(
                line, f"has {len(line.cells)} cells, the header {self._width}: left out"
            )
        case_id = self._cell(line, "id")
        if not _names_a_file(case_id):
            told = f"the id {case_id[:40]!r} cannot name a file: left out"
            return self._problem(line, told, "give it a short name without / \\ :")
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
        told = self._problem(line, f"its image {place} is missing", MISSING_IMAGE, case_id)
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
        whole = name in _WHOLE
        sound = math.isfinite(number) and (number > 0 or (number == 0 and name == "age"))
        if sound and not (whole and (number % 1 or number > _LARGEST)) and "_" not in text:
            return number
        wanted = "a positive whole number" if whole else "a positive number"
        told = f"{name} is {text[:20]!r}, wanted {wanted}: taken as unknown"
        problems.append(self._problem(line, told, "correct the cell", self._cell(line, "id")))
        return None

    def _problem(
        self, line: table.Line, told: str, remedy: str | None = None, case: str | None = None
    ) -> CohortError:
        return CohortError(told, file=self.csv, row=line.row, case=case, remedy=remedy)


def _names_a_file(case_id: str) -> bool:
    sound = case_id.isprintable() and not set(case_id) & set("/\\:")
    return sound and case_id not in ("", ".", "..") and len(case_id.encode()) <= _LONGEST_ID


def _names(folder: Path) -> frozenset[str]:
    """Names of a folder's files: one listing instead of a question a case."""
    try:
        return frozenset(entry.name for entry in os.scandir(folder))
    except OSError:
        return frozenset()
