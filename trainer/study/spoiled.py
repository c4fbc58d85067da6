"""A copy of a cohort, some of its truths corrupted, with the list of what was done."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from trainer.data import rle, table
from trainer.data.atomic import replacing, told
from trainer.data.cohort import Cohort
from trainer.errors import CohortError, ExportError, TrainerError
from trainer.review.groups import FILE as DUPLICATES
from trainer.study.corruption import Corruption, corrupt

ANSWERS = "corruption.csv"
"""In the copy's folder: id, kind, row0, col0, row1, col1 of every unit that was made wrong."""


def spoil(cohort: Cohort, folder: Path, share: float, seed: int) -> dict[str, list[Corruption]]:
    """Write a copy of a cohort's labelled cases, the truths of a share of each organ corrupted.

    Images are linked, copied where links cannot be made. Truth is written as run lengths.

    Parameters
    ----------
    cohort
        What to copy; it stays as it is.
    folder
        Where to; made if need be.
    share
        Of each organ's cases, 0 to 1; at least one case.
    seed
        Decides which cases and how.

    Returns
    -------
    dict
        Corrupted case's id to what was done.

    Raises
    ------
    ExportError
        If it cannot be written, or the folder holds another cohort.
    """
    if (folder / "train.csv").exists() and not (folder / ANSWERS).exists():
        raise ExportError("holds another cohort", file=folder, remedy="choose another folder")
    texts: dict[str, str] = {}
    done: dict[str, list[Corruption]] = {}
    chosen = _chosen(cohort, share, seed)
    for case in cohort.cases.values():
        if case.split != "train" or not case.has_truth:
            continue
        with suppress(TrainerError):  # a case that cannot be read is left out of the copy
            truth = cohort.truth(case.id)
            if truth is None:
                continue
            if case.id in chosen:
                chance = np.random.default_rng([seed, *case.id.encode()])
                truth, corruptions = corrupt(truth, chance)
                if corruptions:
                    done[case.id] = corruptions
            _link(case.image_path, folder / "train_images" / case.image_path.name)
            texts[case.id] = rle.encode(truth)
    _write_answers(folder / ANSWERS, done)
    _write_rows(cohort, folder / "train.csv", texts)
    if (cohort.folder / DUPLICATES).is_file():
        shutil.copyfile(cohort.folder / DUPLICATES, folder / DUPLICATES)
    return done


def _chosen(cohort: Cohort, share: float, seed: int) -> set[str]:
    organs: dict[str, list[str]] = {}
    for case in cohort.cases.values():
        if case.split == "train" and case.has_truth:
            organs.setdefault(case.organ, []).append(case.id)
    chance = random.Random(seed)
    return {
        case_id
        for organ in sorted(organs)
        for case_id in chance.sample(
            sorted(organs[organ]), max(1, round(share * len(organs[organ])))
        )
    }


def _link(source: Path, target: Path) -> None:
    with told(target, ExportError):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            target.symlink_to(source.resolve())
        except OSError:  # some systems give links only to administrators
            shutil.copyfile(source, target)


def _write_answers(path: Path, done: Mapping[str, list[Corruption]]) -> None:
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "kind", "row0", "col0", "row1", "col1"))
        for case_id, corruptions in done.items():
            rows.writerows((case_id, one.kind, *one.box) for one in corruptions)


def _write_rows(cohort: Cohort, path: Path, texts: Mapping[str, str]) -> None:
    """The csv's rows of the cases in `texts`, these in place of what their rle cell holds."""
    source = cohort.folder / "train.csv"
    rows = table.lines(source)
    header = next(rows, None)
    if header is None:
        raise CohortError("has no rows", file=source)
    names = [cell.strip() for cell in header.cells]
    at_id, at_rle = names.index("id"), names.index("rle")
    written = set[str]()
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for line in rows:
            case_id = line.cells[at_id].strip()
            if case_id in texts and case_id not in written and len(line.cells) == len(names):
                written.add(case_id)
                line.cells[at_rle] = texts[case_id]
                writer.writerow(line.cells)
