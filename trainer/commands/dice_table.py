"""Dice by organ as a table, and what commands give of scores as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from trainer.train.report import Row


def by_organ(rows: Sequence[Row], title: str) -> Table:
    """A row an organ; measures of units where there are some."""
    units = any(row.object_f1 is not None for row in rows)
    names = ("F1", "object Dice", "Hausdorff") if units else ()
    table = Table("organ", "cases", "mean", "median", "sd", *names, title=title)
    for row in rows:
        figures = (row.dice_mean, row.dice_median, row.dice_sd)
        cells = [f"{figure:.3f}" for figure in figures]
        if units:
            objects = ((row.object_f1, 3), (row.object_dice, 3), (row.object_hausdorff, 1))
            cells += ["–" if one is None else f"{one:.{digits}f}" for one, digits in objects]
        table.add_row(row.organ, str(row.cases), *cells)
    return table


def as_json(value: object, *left_out: str) -> dict[str, object]:
    """The fields of a dataclass, but those left out; what JSON does not have as text."""
    plain = asdict(value)  # pyright: ignore[reportArgumentType]
    return {
        key: item if isinstance(item, str | int | float | None) else str(item)
        for key, item in plain.items()
        if key not in left_out
    }
