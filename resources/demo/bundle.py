"""Make the bundled ensemble of a finished run: members in half precision, a threshold an organ.

    python resources/demo/bundle.py COHORT RUN OUT

COHORT and RUN are what `hubmap-trainer train` was given. The thresholds are those that
served the run's own out-of-fold predictions best.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from trainer.data.cohort import Cohort
from trainer.data.predictions import Predictions
from trainer.metrics import dice
from trainer.model import checkpoint
from trainer.predict.postprocess import to_mask
from trainer.settings import Ensemble, Member, read_ensemble, to_yaml

CANDIDATES = tuple(float(step) for step in np.arange(0.25, 0.76, 0.05).round(2))


def best_thresholds(cohort: Cohort, predictions: Predictions) -> dict[str, float]:
    """For each organ the candidate with the highest mean Dice over its cases."""
    scores: dict[str, list[list[float]]] = {}
    for case_id in sorted(predictions.ids()):
        prediction, truth = predictions.read(case_id), cohort.truth(case_id)
        if prediction is None or truth is None:
            continue
        row = [dice(to_mask(prediction, threshold), truth) for threshold in CANDIDATES]
        scores.setdefault(cohort.cases[case_id].organ, []).append(row)
    return {
        organ: CANDIDATES[int(np.mean(rows, axis=0).argmax())]
        for organ, rows in sorted(scores.items())
    }


def bundle(cohort: Path, run: Path, out: Path) -> None:
    """Write weights, their twins and ``ensemble.yaml`` to `out`."""
    members = []
    for index, member in enumerate(read_ensemble(run).members):
        module, description = checkpoint.load(run / member.weights)
        name = f"member{index}.safetensors"
        out.mkdir(parents=True, exist_ok=True)
        checkpoint.save(out / name, module, description, dtype=torch.float16)
        members.append(Member(weights=name, weight=1.0))
    ensemble = Ensemble(
        name="demo",
        members=tuple(members),
        tta=("identity", "hflip"),
        threshold=0.5,
        thresholds=best_thresholds(Cohort.open(cohort), Predictions.open(run / "oof")),
    )
    (out / "ensemble.yaml").write_text(to_yaml(ensemble), encoding="utf-8")


if __name__ == "__main__":
    bundle(*(Path(argument) for argument in sys.argv[1:4]))
