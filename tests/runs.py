"""Runs of the tiny cohort as a training leaves them, made without one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from trainer.data.case import Prediction
from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.metrics import dice
from trainer.settings import Ensemble, Recipe, to_yaml


def write_run(cohort: Cohort, name: str, day: int, wrong: dict[str, float]) -> Path:
    """A finished run whose out-of-fold masks are the truths, less the top share of each named."""
    folder = cohort.folder / "runs" / name
    folder.mkdir(parents=True)
    members = [{"weights": "fold0/weights.safetensors"}]
    told = Ensemble.model_validate({"name": name, "members": members})
    (folder / "ensemble.yaml").write_text(to_yaml(told), "utf-8")
    (folder / "recipe.yaml").write_text(to_yaml(Recipe(name="x", size=256 + 256 * day)), "utf-8")
    found = _predict(cohort, folder, wrong)
    when = f"2026-03-{day:02}T10:00:00+00:00"
    facts = {
        "started": when, "finished": when, "start": "scratch", "revisions": {},
        "cases": dict.fromkeys(found, "d"),
        "scored_on": {"digest": "aa", "cases": len(found), "curated": 0, "newest": None},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(facts), "utf-8")
    _report(cohort, folder, found)
    return folder


def _predict(cohort: Cohort, folder: Path, wrong: dict[str, float]) -> dict[str, float]:
    kept = Predictions.create(folder / "oof", {"threshold": 0.5, "thresholds": {}})
    found: dict[str, float] = {}
    for case in cohort.cases.values():
        truth = cohort.truth(case.id)
        if truth is None:
            continue
        probability = truth * np.uint8(255)
        probability[: round(wrong.get(case.id, 0.0) * len(truth))] = 0
        shape = (truth.shape[0], truth.shape[1])
        kept.write(Prediction(case.id, probability, np.zeros_like(probability), shape))
        found[case.id] = dice(probability, truth)
    return found


def _report(cohort: Cohort, folder: Path, found: dict[str, float]) -> None:
    with (folder / "cases.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "dice"), *found.items()])
    organs = {cohort.cases[case_id].organ for case_id in found}
    with (folder / "report.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("organ", "cases", "dice_mean", "dice_median", "dice_sd"))
        for organ in (*sorted(organs), "all"):
            each = [d for id, d in found.items() if organ in ("all", cohort.cases[id].organ)]
            rows.writerow((organ, len(each), np.mean(each), np.median(each), np.std(each)))
