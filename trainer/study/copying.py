"""Parts of a cohort in another folder: images linked, rows of its csv with other labels."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from pathlib import Path

from trainer.data import table
from trainer.data.atomic import replacing, told
from trainer.data.cohort import Cohort
from trainer.errors import CohortError, ExportError
from trainer.review import groups


def link(source: Path, target: Path) -> None:
    """Make a file appear in another place, copied where links cannot be made.

    Raises
    ------
    ExportError
        If it cannot be.
    """
    with told(target, ExportError):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            target.symlink_to(source.resolve())
        except OSError:  # some systems give links only to administrators
            shutil.copyfile(source, target)


def copy_groups(cohort: Cohort, folder: Path) -> None:
    """Copy what tells which cases no fold may part."""
    for name in (groups.FILE, groups.PATIENTS):
        if (cohort.folder / name).is_file():
            shutil.copyfile(cohort.folder / name, folder / name)


def write_rows(cohort: Cohort, path: Path, texts: Mapping[str, str | None]) -> None:
    """Write the csv's rows of some cases, with other run lengths.

    Parameters
    ----------
    cohort
        Whose ``train.csv`` they are of.
    path
        The new csv, whole or not at all.
    texts
        Case id to its run lengths; where none has any, the column is left out, as in a
        ``test.csv``.

    Raises
    ------
    CohortError
        If the csv has no rows.
    """
    source = cohort.folder / "train.csv"
    rows = table.lines(source)
    header = next(rows, None)
    if header is None:
        raise CohortError("has no rows", file=source)
    names = [cell.strip() for cell in header.cells]
    at_id, at_rle = names.index("id"), names.index("rle")
    labelled = any(text is not None for text in texts.values())
    kept = [index for index in range(len(names)) if labelled or index != at_rle]
    written = set[str]()
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names[index] for index in kept)
        for line in rows:
            case_id = line.cells[at_id].strip()
            if case_id in texts and case_id not in written and len(line.cells) == len(names):
                written.add(case_id)
                line.cells[at_rle] = texts[case_id] or ""
                writer.writerow(line.cells[index] for index in kept)
