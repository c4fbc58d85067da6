"""Dice on a stain that a run's members have not learned, as it is and normalised when predicting.

`python stain_shift.py COHORT RUN...` wants runs whose folds are data sources (`hold_out: {by:
source}`), and prints a table of each: the mean Dice by source. Images are normalised to one
image of each source that the member has learned from, and the probabilities averaged.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from trainer.data.cohort import Cohort
from trainer.data.predictions import OUT_OF_FOLD, Predictions
from trainer.predict import kept
from trainer.predict.ensemble import Predictor
from trainer.predict.running import predict_cohort
from trainer.review.gathering import folds_of
from trainer.settings import Ensemble, Stain, read_ensemble
from trainer.train import report

METHODS = ("none", "reinhard", "macenko")


def stains(method: str, cohort: Cohort, learned: Sequence[str]) -> tuple[Stain, ...]:
    """The first learned image of each source as a reference."""
    if method == "none":
        return (Stain.model_validate({"method": "none"}),)
    first = {cohort.cases[one].data_source: one for one in reversed(learned)}
    paths = (cohort.cases[one].image_path.resolve() for one in first.values())
    return tuple(Stain.model_validate({"method": method, "reference": str(one)}) for one in paths)


def scores(cohort: Cohort, ids: Sequence[str], ensemble: Ensemble, run: Path) -> list[float]:
    with tempfile.TemporaryDirectory() as folder, Predictor(ensemble, run) as predictor:
        predictions = kept.begin(Path(folder) / "predictions", predictor)
        for _ in predict_cohort(cohort, ids, predictor, predictions):
            pass
        found = report.scores([cohort.cases[one] for one in ids], cohort.truth, predictions)
        return [one.dice for one in found if isinstance(one, report.Score)]


def main(folder: Path, runs: Sequence[Path]) -> None:
    cohort = Cohort.open(folder)
    for run in runs:
        ensemble = read_ensemble(run)
        fold_of = folds_of(Predictions.open(run / OUT_OF_FOLD))
        for method in METHODS:
            by_source: defaultdict[str, list[float]] = defaultdict(list)
            for fold, member in enumerate(ensemble.members):
                held_out = [one for one, index in fold_of.items() if index == fold]
                learned = [one for one, index in fold_of.items() if index != fold]
                told = {"members": (member,), "tta_stains": stains(method, cohort, learned)}
                found = scores(cohort, held_out, ensemble.model_copy(update=told), run)
                for one, dice in zip(held_out, found, strict=True):
                    by_source[cohort.cases[one].data_source or "?"].append(dice)
            every = [dice for values in by_source.values() for dice in values]
            told = (f"{name} {statistics.mean(by_source[name]):.3f}" for name in sorted(by_source))
            mean = statistics.mean(every)
            sys.stdout.write(f"{run.name}, {method}: {', '.join(told)}, all {mean:.3f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(one) for one in sys.argv[2:]])
