"""Sections as a cohort in the competition's layout."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.data import rle, tiff
from trainer.data.atomic import replacing
from trainer.data.case import Mask
from trainer.demo.organs import ORGANS
from trainer.demo.section import draw_section
from trainer.demo.spoil import SPOILERS
from trainer.demo.stain import Source

THICKNESS = {
    "HPA": dict.fromkeys(ORGANS, 4),
    "Hubmap": {"kidney": 10, "prostate": 5, "largeintestine": 8, "spleen": 4, "lung": 5},
}
"""Section thickness in µm by source and organ, as in the competition."""

JPEG_QUALITY = 78
LARGE = 3000
"""Side in pixels of a competition image."""

_TEST_COLUMNS = (
    "id",
    "organ",
    "data_source",
    "img_height",
    "img_width",
    "pixel_size",
    "tissue_thickness",
)
_TRAIN_COLUMNS = (*_TEST_COLUMNS, "rle", "age", "sex")

_LARGEST = ("kidney", 0)
_SHOWCASE = {("kidney", 1): "shifted", ("prostate", 0): "missed", ("largeintestine", 1): "merged"}
"""Which truths of a showcase are wrong, and how: (organ, number among its cases)."""


@dataclass(frozen=True)
class Order:
    """One case to draw.

    Attributes
    ----------
    spoiler
        A key of `SPOILERS`, for a truth that is wrong; None for an exact one.
    bare
        Leave the metadata that a real cohort may lack empty.
    """

    id: str
    organ: str
    source: Source
    size: int
    seed: int
    split: str = "train"
    spoiler: str | None = None
    bare: bool = False


def plan(seed: int, cases_per_organ: int, size: int, showcase: bool = False) -> list[Order]:
    """What to draw for a seed; the same arguments plan the same cohort.

    A showcase is what the viewer is shown with: sizes a little apart, one case of
    `LARGE` pixels, three wrong truths, one case without metadata, two test cases.
    Otherwise every case is of `size` pixels and every truth exact.
    """
    rng = np.random.default_rng(seed)
    wanted = [(organ, number) for organ in ORGANS for number in range(cases_per_organ)]
    ids = rng.choice(np.arange(100, 32768), len(wanted) + 2, replace=False)
    orders = []
    for case_id, (organ, number) in zip(ids, wanted, strict=False):
        side = int(size * rng.uniform(0.9, 1.1)) if showcase else size
        orders.append(
            Order(
                id=str(case_id),
                organ=organ,
                source="Hubmap" if (len(orders) + number) % 5 == 3 else "HPA",
                size=LARGE if showcase and (organ, number) == _LARGEST else side,
                seed=int(rng.integers(2**31)),
                spoiler=_SHOWCASE.get((organ, number)) if showcase else None,
                bare=showcase and (organ, number) == ("spleen", 1),
            )
        )
    if showcase:
        for case_id, organ in zip(ids[-2:], ("spleen", "kidney"), strict=True):
            case_seed = int(rng.integers(2**31))
            orders.append(Order(str(case_id), organ, "Hubmap", size, case_seed, split="test"))
    return orders


def write_cohort(folder: Path, orders: list[Order], seed: int) -> Iterator[tuple[int, Order]]:
    """Draw the orders and write them as a cohort.

    Yields (cases done, case) after each image; the csv files are written last.
    `unspoilt.csv` (id, rle) keeps the exact truths of the cases whose truth is wrong.

    Parameters
    ----------
    orders
        From `plan`.
    folder
        Made if missing; files of the same names are replaced.
    seed
        For the donors' ages and sexes.

    Raises
    ------
    ExportError
        If the folder cannot be written to.
    """
    rng = np.random.default_rng([seed, 1])
    rows: dict[str, list[dict[str, str]]] = {"train": [], "test": [], "unspoilt": []}
    for done, order in enumerate(orders, start=1):
        section = draw_section(order.organ, order.source, order.size, order.seed)
        images = folder / f"{order.split}_images"
        tiff.write_rgb(images / f"{order.id}.tiff", section.image, JPEG_QUALITY)
        exact = (section.units > 0).astype(np.uint8)
        truth = SPOILERS[order.spoiler](section.units) if order.spoiler else exact
        age, sex = int(rng.integers(21, 85)), str(rng.choice(["Male", "Female"]))
        rows[order.split].append(_row(order, section.pixel_size, truth, (age, sex)))
        if order.spoiler:
            rows["unspoilt"].append({"id": order.id, "rle": rle.encode(exact)})
        yield done, order
    for name, columns in (
        ("train", _TRAIN_COLUMNS),
        ("test", _TEST_COLUMNS),
        ("unspoilt", ("id", "rle")),
    ):
        if rows[name]:
            _write_csv(folder / f"{name}.csv", columns, rows[name])


def _row(order: Order, pixel_size: float, truth: Mask, donor: tuple[int, str]) -> dict[str, str]:
    """The case's csv row, all columns."""
    age, sex = donor
    row = {
        "id": order.id,
        "organ": order.organ,
        "data_source": order.source,
        "img_height": str(order.size),
        "img_width": str(order.size),
        "pixel_size": f"{pixel_size:.4f}".rstrip("0"),
        "tissue_thickness": str(THICKNESS[order.source][order.organ]),
        "rle": rle.encode(truth),
        "age": f"{age}.0",
        "sex": sex,
    }
    if order.bare:
        row.update(dict.fromkeys(("data_source", "tissue_thickness", "age", "sex"), ""))
    return row


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
