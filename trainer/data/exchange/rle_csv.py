"""The competition's submission: a csv of ``id,rle``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from trainer.data import rle, table
from trainer.data.atomic import replacing
from trainer.data.case import Case, Mask
from trainer.errors import ExportError, MaskError


def write(path: Path, items: Iterable[tuple[Case, Mask]]) -> None:
    """Write a row a case, 1-based and column-major; an empty mask has an empty cell.

    Raises
    ------
    ExportError
        If the file cannot be written; an earlier one is then still there.
    """
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        file.write("id,rle\n")
        for case, mask in items:
            file.write(f"{case.id},{rle.encode(mask)}\n")


def read(path: Path) -> dict[str, str]:
    """Run lengths by case id.

    Raises
    ------
    CohortError
        If the file cannot be read.
    MaskError
        If it has no columns ``id`` and ``rle``, a row without them, or an id twice.
    """
    rows = table.lines(path)
    header = next(rows, None)
    names = [] if header is None else [cell.strip() for cell in header.cells]
    if not {"id", "rle"} <= set(names):
        raise MaskError(
            f"has the columns {', '.join(names)[:200] or 'none'}",
            file=path,
            remedy="give it id,rle",
        )
    at_id, at_rle = names.index("id"), names.index("rle")
    texts: dict[str, str] = {}
    for line in rows:
        if len(line.cells) != len(names):
            raise MaskError(
                f"has {len(line.cells)} cells, the header {len(names)}", file=path, row=line.row
            )
        case_id = line.cells[at_id].strip()
        if case_id in texts:
            raise MaskError(
                f"the id {case_id} is there twice", file=path, row=line.row, remedy="take one away"
            )
        texts[case_id] = line.cells[at_rle].strip()
    return texts


def verify(path: Path, items: Iterable[tuple[Case, Mask]]) -> None:
    """Read a file back and compare.

    Raises
    ------
    ExportError
        If a case is missing or its mask is another.
    """
    texts = read(path)
    for case, mask in items:
        if case.id not in texts:
            raise ExportError("is missing", file=path, case=case.id)
        try:
            again = rle.decode(texts[case.id], (mask.shape[0], mask.shape[1]))
        except MaskError as error:
            raise ExportError(error.problem, file=path, case=case.id) from error
        if not np.array_equal(again, mask != 0):
            raise ExportError("does not read back to its mask", file=path, case=case.id)
