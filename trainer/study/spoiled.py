"""A copy of a cohort, some of its truths corrupted, with the list of what was done."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from trainer.data import rle
from trainer.data.atomic import replacing
from trainer.data.cohort import Cohort
from trainer.errors import ExportError, TrainerError
from trainer.study.copying import copy_groups, link, write_rows
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
            link(case.image_path, folder / "train_images" / case.image_path.name)
            texts[case.id] = rle.encode(truth)
    _write_answers(folder / ANSWERS, done)
    write_rows(cohort, folder / "train.csv", texts)
    copy_groups(cohort, folder)
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


def _write_answers(path: Path, done: Mapping[str, list[Corruption]]) -> None:
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "kind", "row0", "col0", "row1", "col1"))
        for case_id, corruptions in done.items():
            rows.writerows((case_id, one.kind, *one.box) for one in corruptions)
