"""Cases that belong together, as csv files in the cohort's folder: look-alikes, patients."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from trainer.data import table
from trainer.data.atomic import replacing
from trainer.errors import CohortError, ExportError

FILE = "duplicates.csv"
"""In a cohort's folder: id, group; a row for every case that looks like another."""

PATIENTS = "patients.csv"
"""In a cohort's folder: id, patient; a row for every case whose patient is known."""


def together(folder: Path) -> dict[str, str]:
    """Group by case id of cases that no fold may part: look-alikes, or of one patient.

    Where a look-alike of a patient's case is another patient's, all of them are one group.

    Raises
    ------
    CohortError
        As `read` raises it, of either file.
    """
    members: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for column, group_of in (
        ("group", read(folder)),
        ("patient", _read(folder / PATIENTS, "patient")),
    ):
        for case_id, group in group_of.items():
            members[column, group].add(case_id)
    joined: dict[str, set[str]] = {}
    for ids in members.values():
        one = ids.union(*(joined.get(case_id, ()) for case_id in ids))
        joined |= dict.fromkeys(one, one)
    return {case_id: min(one) for case_id, one in joined.items()}


def read(folder: Path) -> dict[str, str]:
    """Look-alikes: group by case id; empty where the cohort has no such file.

    Raises
    ------
    CohortError
        If the file cannot be read, lacks a column or a cell, or has an id twice.
    """
    return _read(folder / FILE, "group")


def _read(path: Path, column: str) -> dict[str, str]:
    if not path.exists():
        return {}
    rows = table.lines(path)
    header = next(rows, None)
    names = [] if header is None else [cell.strip() for cell in header.cells]
    if missing := {"id", column} - set(names):
        told = f"the column {' and '.join(sorted(missing))} is missing"
        raise CohortError(told, file=path, row=1, remedy=f"give it id,{column}, or take it away")
    group_of: dict[str, str] = {}
    for line in rows:
        cells = dict(zip(names, (cell.strip() for cell in line.cells), strict=False))
        case_id, group = cells.get("id", ""), cells.get(column, "")
        if not case_id or not group:
            told, remedy = f"has no id or no {column}", "fill the cell, or take the row away"
            raise CohortError(told, file=path, row=line.row, remedy=remedy)
        if case_id in group_of:
            told = f"the id {case_id} is there twice"
            raise CohortError(told, file=path, row=line.row, remedy="take one away")
        group_of[case_id] = group
    return group_of


def write(folder: Path, groups: Iterable[Sequence[str]]) -> Path:
    """Write groups of case ids, numbered from 1, whole or not at all; gives the file's path.

    Raises
    ------
    ExportError
        If it cannot be written.
    """
    path = folder / FILE
    with (
        replacing(path, ExportError) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        rows = csv.writer(file)
        rows.writerow(("id", "group"))
        for number, ids in enumerate(groups, start=1):
            rows.writerows((case_id, number) for case_id in ids)
    return path
