"""A small cohort on disk, and disks and folders that refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from trainer.data import rle
from trainer.data.case import Case, Image, Mask

COLUMNS = [
    "id",
    "organ",
    "data_source",
    "img_height",
    "img_width",
    "pixel_size",
    "tissue_thickness",
    "rle",
    "age",
    "sex",
]
SHAPE = (60, 80)
NOBODY = 65534


class CohortMaker:
    """Writes a cohort row by row; every case has the image `picture` and the mask `unit`."""

    columns = COLUMNS
    shape = SHAPE

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, str]] = []
        (folder / "train_images").mkdir(parents=True)

    def add(self, case_id: str, *, image: bool = True, **cells: str) -> CohortMaker:
        """A row; `cells` replace the sound ones."""
        sound = {
            "id": case_id,
            "organ": "kidney",
            "data_source": "HPA",
            "img_height": str(SHAPE[0]),
            "img_width": str(SHAPE[1]),
            "pixel_size": "0.4",
            "tissue_thickness": "4",
            "rle": rle.encode(_unit()),
            "age": "61.0",
            "sex": "Female",
        }
        self.rows.append(sound | cells)
        if image:
            path = self.folder / "train_images" / f"{case_id}.tiff"
            tifffile.imwrite(path, _picture(), photometric="rgb")
        return self

    def write(self, columns: list[str] = COLUMNS, name: str = "train.csv") -> Path:
        lines = [columns, *([row[column] for column in columns] for row in self.rows)]
        text = "".join(",".join(cells) + "\n" for cells in lines)
        (self.folder / name).write_text(text, encoding="utf-8")
        return self.folder


@pytest.fixture
def maker(tmp_path: Path) -> CohortMaker:
    return CohortMaker(tmp_path / "cohort")


@pytest.fixture
def case() -> Case:
    return Case("17", "lung", Path("train_images/17.tiff"), "train", 2, pixel_size=0.4)


class Disk:
    """A small disk of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, leave: int = 0) -> None:
        """Take what room is left, but for `leave` bytes."""
        room = os.statvfs(self.folder)
        self._filler.write_bytes(b"\1" * (room.f_bavail * room.f_bsize - leave))

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink()


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A disk of 256 KB."""
    folder = Path(tempfile.mkdtemp())
    mounting = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mounting, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no small disk can be mounted here ({done.stderr.strip()})")
        try:
            yield Disk(folder)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    finally:
        folder.rmdir()


@pytest.fixture
def forbidden_folder() -> Iterator[Path]:
    """A folder that the process may not write to; root steps down to be refused, too."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        folder.rmdir()


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder in which permissions mean something; root steps down to obey them, too."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, -1)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)


@pytest.fixture
def picture() -> Image:
    """RGB, its pixels all different."""
    return _picture()


@pytest.fixture
def unit() -> Mask:
    """A disc with a hole."""
    return _unit()


def _picture() -> Image:
    rows, columns = np.indices(SHAPE)
    return np.stack([rows * 3, columns * 2, rows + columns], axis=-1).astype(np.uint8)


def _unit() -> Mask:
    rows, columns = np.indices(SHAPE)
    distance = np.hypot(rows - 30, columns - 35)
    return ((distance < 20) & (distance > 6)).astype(np.uint8)
