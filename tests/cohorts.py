"""A tiny cohort, drawn: what the tests know of it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.data import rle
from trainer.data.case import Mask
from trainer.data.tiff import write_rgb


@dataclass(frozen=True)
class Drawn:
    """A case of the tiny cohort: purple discs on pink are its units."""

    id: str
    organ: str
    shape: tuple[int, int]
    pixel_size: str = "0.5"
    discs: tuple[tuple[int, int, int], ...] = ()

    @property
    def mask(self) -> Mask:
        rows, columns = np.ogrid[: self.shape[0], : self.shape[1]]
        inside = np.zeros(self.shape, bool)
        for row, column, radius in self.discs:
            inside |= (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        return inside.astype(np.uint8)

    @property
    def image(self) -> np.ndarray:
        noise = np.random.default_rng(int(self.id)).integers(0, 30, (*self.shape, 3))
        ground = np.where(self.mask[..., None] > 0, (110, 60, 150), (225, 180, 200))
        return (ground + noise).astype(np.uint8)


TRAIN = (
    Drawn("11", "kidney", (300, 400), discs=((100, 100, 50), (200, 300, 60))),
    Drawn("12", "kidney", (300, 400), discs=((150, 200, 70),)),
    Drawn("21", "lung", (256, 256), discs=((128, 128, 40),)),
    Drawn("22", "lung", (513, 333), pixel_size="", discs=((200, 100, 60), (400, 250, 50))),
)
TEST = (Drawn("31", "spleen", (280, 280), discs=((140, 140, 60),)),)


def write_cohort(folder: Path, train: Iterable[Drawn], test: Iterable[Drawn] = ()) -> None:
    for split, cases in (("train", tuple(train)), ("test", tuple(test))):
        images = folder / f"{split}_images"
        images.mkdir(parents=True)
        for case in cases:
            write_rgb(images / f"{case.id}.tiff", case.image, 95)
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as handle:
            table = csv.writer(handle)
            known = ["id", "organ", "data_source", "img_height", "img_width", "pixel_size"]
            known += ["tissue_thickness"]
            rest = ["rle", "age", "sex"] if split == "train" else []
            table.writerow([*known, *rest])
            for case in cases:
                cells = [case.id, case.organ, "HPA", *case.shape, case.pixel_size, "4"]
                labelled = [rle.encode(case.mask), "", ""] if rest else []
                table.writerow([*cells, *labelled])
